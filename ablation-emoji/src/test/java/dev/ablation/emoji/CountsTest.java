package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.LatentSampler;
import dev.ablation.train.GradientTrainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a training step and a drawn image cost, in numbers that no noise moves. If a change makes
 * one of them smaller, write the smaller one here.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CountsTest {
  private static final int BATCH = 2;
  private static final int STEPS = 2;

  /** Of the UNet: all, and those behind the first attention over the text. */
  private static final int CONVOLUTIONS = 50;

  private static final int AFTER_THE_TEXT = 42;

  /** What convolutions copy differs between processors. */
  private static final boolean SAME_CONVOLUTIONS =
      System.getProperty("os.arch").equals("amd64")
          && System.getProperty("os.name").startsWith("Linux");

  @TempDir private Path folder;

  private StableDiffusion model;

  @BeforeAll
  void open() throws IOException {
    model = EmbeddedModel.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
  }

  @AfterAll
  void close() {
    model.close();
  }

  /**
   * A step of a group.
   *
   * @param weights the group
   * @param trainer of the group
   * @param calls of the engine from Java, at most
   * @param kilobytes that the engine copies, at most
   * @param encoded prompts that the text encoder encodes: none while it is frozen
   */
  private record Step(
      WeightGroup weights, GradientTrainer trainer, long calls, long kilobytes, long encoded) {
    @Override
    public String toString() {
      return weights.name() + (trainer.lora().isPresent() ? ", low rank" : "");
    }
  }

  static Stream<Step> steps() {
    GradientTrainer trainer = GradientTrainer.defaults().steps(STEPS).batchSize(BATCH);
    return Stream.of(
        new Step(WeightGroup.crossAttentionKeyValue(), trainer, 119, 15_300, 0),
        new Step(WeightGroup.crossAttentionKeyValue(), trainer.lora(Lora.rank(4)), 273, 15_300, 0),
        new Step(WeightGroup.crossAttention(), trainer, 119, 15_300, 0),
        new Step(WeightGroup.attention(), trainer, 119, 15_600, 0),
        new Step(WeightGroup.denoiser(), trainer, 120, 16_500, 0),
        new Step(WeightGroup.tokenEmbeddings(), trainer, 199, 18_000, 2 * BATCH),
        new Step(
            WeightGroup.ofComponents("text encoder", "text_encoder"),
            trainer,
            200,
            18_000,
            2 * BATCH));
  }

  @ParameterizedTest
  @MethodSource("steps")
  void aStepOf(Step step) {
    Ablation plan =
        Ablator.of(model)
            .target(Concept.instance("cat face"))
            .anchor(
                AnchorStrategy.generated("owl", List.of("an owl", "an owl emoji"))
                    .images(BATCH)
                    .sampling(EmbeddedModel.recommendedSampling().steps(1))
                    .augmented(Augmentation.none()))
            .weights(step.weights())
            .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
            .trainer(step.trainer());
    Passes unet = new Passes(model.unet());
    Passes text = new Passes(model.textEncoder());
    Passes vae = new Passes(model.vae());
    List<NativeCounts> counts = new ArrayList<>();
    List<Integer> arrays = new ArrayList<>();
    AblationListener listener =
        event -> {
          if (event instanceof AblationEvent.StepCompleted done) {
            if (done.step() == STEPS) {
              counts.add(NativeCounts.stop(folder));
            }
            arrays.add(model.manager().getManagedArrays().size());
            if (done.step() == STEPS - 1) { // those before make kernels and buffers
              Stream.of(unet, text, vae).forEach(Passes::reset);
              NativeCounts.start();
            }
          }
        };
    try (AblationResult result = plan.listener(listener).run();
        unet;
        text;
        vae) {
      assertThat(result.history()).hasSize(STEPS);
    }
    assertThat(counts).hasSize(1);
    check(counts.get(0), step.calls(), step.kilobytes());
    assertThat(counts.get(0).convolutionGradients())
        .as("nothing in front of the first trained weight is differentiated")
        .isEqualTo(step.weights().name().equals("denoiser") ? CONVOLUTIONS : AFTER_THE_TEXT);
    assertThat(arrays).as("arrays after each step").containsOnly(arrays.get(0));
    assertThat(unet.passes).as("passes of the UNet: teacher and student").hasValue(2 * BATCH);
    assertThat(text.passes).as("passes of the text encoder").hasValue(step.encoded());
    assertThat(vae.passes).as("passes of the autoencoder").hasValue(0);
  }

  @Test
  void aDrawnImage() {
    LatentSampler sampler =
        LatentSampler.of(model).settings(EmbeddedModel.recommendedSampling().steps(2));
    sampler.draw(List.of("a cat face"), 1);
    Passes unet = new Passes(model.unet());
    Passes text = new Passes(model.textEncoder());
    Passes vae = new Passes(model.vae());
    NativeCounts.start();
    sampler.draw(List.of("a cat face"), 1);
    NativeCounts counts = NativeCounts.stop(folder);
    check(counts, 234, 14_700);
    assertThat(unet.passes).as("passes of the UNet: two a step, for guidance").hasValue(2 * 2);
    assertThat(text.passes).as("passes of the text encoder: prompt and negative").hasValue(2);
    assertThat(vae.passes).as("passes of the autoencoder").hasValue(1);
    Stream.of(unet, text, vae).forEach(Passes::close);
  }

  private static void check(NativeCounts counts, long calls, long kilobytes) {
    assertThat(counts.calls()).as("calls of the engine").isBetween(1L, calls);
    if (SAME_CONVOLUTIONS) {
      assertThat(counts.copied()).as("copied bytes").isLessThanOrEqualTo(1000 * kilobytes);
    }
  }

  /** Counts the samples that go through a network. */
  private static final class Passes implements AutoCloseable {
    private final Layer network;
    private final AtomicLong passes = new AtomicLong();

    Passes(Layer network) {
      this.network = network;
      network.observe(outputs -> passes.addAndGet(outputs.head().getShape().get(0)));
    }

    void reset() {
      passes.set(0);
    }

    @Override
    public void close() {
      network.observe(null);
    }
  }
}
