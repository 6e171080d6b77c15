package dev.ablation.benchmarks;

import ai.djl.Device;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedModel;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The networks of the embedded model on one thread of the CPU: what a training run and a drawn
 * image are made of.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class NetworkBenchmark {
  /** Images, or prompts, in a call. */
  @Param({"1", "8"})
  public int batch;

  private StableDiffusion model;
  private Work forward;
  private Work step;
  private Work decode;
  private Work text;

  /** Made by JMH. */
  public NetworkBenchmark() {}

  /**
   * Opens the model.
   *
   * @throws IOException if it cannot be unpacked
   */
  @Setup
  public void open() throws IOException {
    model = EmbeddedModel.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
    Arguments arguments = new Arguments(new String[] {"--batch", Integer.toString(batch)});
    forward = Work.of(Scenario.FORWARD, model, arguments);
    decode = Work.of(Scenario.DECODE, model, arguments);
    text = Work.of(Scenario.TEXT, model, arguments);
    step = Work.of(Scenario.STEP, model, arguments);
  }

  /** Frees the model. */
  @TearDown
  public void close() {
    step.close();
    text.close();
    decode.close();
    forward.close();
    model.close();
  }

  /** {@return a number of one prediction of the UNet} */
  @Benchmark
  public double prediction() {
    return forward.once();
  }

  /** {@return the loss of a step of keys and values: teacher, student, backward pass, AdamW} */
  @Benchmark
  public double trainingStep() {
    return step.once();
  }

  /** {@return a number of images from latents} */
  @Benchmark
  public double decoding() {
    return decode.once();
  }

  /** {@return a number of the text embeddings of prompts} */
  @Benchmark
  public double encoding() {
    return text.once();
  }
}
