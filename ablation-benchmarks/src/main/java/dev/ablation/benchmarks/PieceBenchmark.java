package dev.ablation.benchmarks;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.dataset.RgbImage;
import dev.ablation.model.WeightGroup;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What surrounds the networks: random numbers, tokens, deltas, a closed form, the judge. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PieceBenchmark {
  /** Of Stable Diffusion 1.x, one image. */
  private static final Shape LATENTS = new Shape(1, 4, 64, 64);

  private static final String PROMPT = "a photo of a grumpy cat in the style of Vincent van Gogh";

  private StableDiffusion model;
  private NDManager manager;
  private WeightDelta factor;
  private WeightDelta whole;
  private NearestImage judge;
  private RgbImage drawn;

  /** Made by JMH. */
  public PieceBenchmark() {}

  /**
   * Opens the model and makes two deltas.
   *
   * @throws IOException if the model or its data cannot be read
   */
  @Setup
  public void open() throws IOException {
    model = EmbeddedModel.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
    manager = model.manager().newSubManager();
    factor = closedForm();
    whole = factor.resolved(model);
    judge = new NearestImage(EmbeddedModel.data());
    drawn = EmbeddedModel.data().images().get(0).pixels();
  }

  private WeightDelta closedForm() {
    AblationResult result =
        Ablator.of(model)
            .target("owl")
            .anchor(AnchorStrategy.generated("penguin", List.of("a penguin", "a penguin emoji")))
            .weights(WeightGroup.crossAttentionKeyValue())
            .trainer(ClosedForm.sequences().preserved(List.of("", "a cat face", "a rocket")))
            .run();
    return result.delta();
  }

  /** Frees the model. */
  @TearDown
  public void close() {
    whole.close();
    factor.close();
    manager.close();
    model.close();
  }

  /** {@return the noise of one image, drawn as every image's is} */
  @Benchmark
  public long noise() {
    try (var noise =
        RandomStreams.gaussian(manager, LATENTS, RandomStreams.stream(1, "noise", 0))) {
      return noise.size();
    }
  }

  /** {@return the token ids of a prompt} */
  @Benchmark
  public Object tokens() {
    return model.tokenizer().encode(PROMPT);
  }

  /** {@return a closed form of one target and three preserved prompts, encoding included} */
  @Benchmark
  public int closedFormOfOneTarget() {
    try (WeightDelta delta = closedForm()) {
      return delta.names().size();
    }
  }

  /** {@return nothing of interest: a delta of one factor is applied and reverted} */
  @Benchmark
  public int factorAppliedAndReverted() {
    return factor.applied(model, () -> 1);
  }

  /** {@return nothing of interest: a delta of whole differences is applied and reverted} */
  @Benchmark
  public int differencesAppliedAndReverted() {
    return whole.applied(model, () -> 1);
  }

  /** {@return the nearest of 1,600 images} */
  @Benchmark
  public Object nearestImage() {
    return judge.judge(drawn);
  }
}
