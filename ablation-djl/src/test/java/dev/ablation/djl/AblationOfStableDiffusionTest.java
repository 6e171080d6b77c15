package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.model.Conditioning;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs on a small checkpoint of version 1. */
class AblationOfStableDiffusionTest {
  private StableDiffusion model;
  private Map<String, float[]> before;
  private int arraysBefore;

  @BeforeEach
  void open() throws IOException {
    model = load(Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"));
    before = weights(model);
    arraysBefore = model.manager().getManagedArrays().size();
  }

  @AfterEach
  void close() {
    model.close();
  }

  private static StableDiffusion load(Path folder) throws IOException {
    Device device = Device.fromName(System.getProperty("ablation.device"));
    return StableDiffusion.load(folder, LoadOptions.defaults().device(device));
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting", List.of("painting of a boat", "painting"))
                .images(3)
                .sampling(SamplingSettings.defaults().steps(2)))
        .training(t -> t.steps(3).batchSize(2).learningRate(1e-3));
  }

  private static Map<String, float[]> weights(StableDiffusion of) {
    Map<String, float[]> weights = new TreeMap<>();
    for (WeightInfo info : of.weights().list()) {
      weights.put(info.name(), of.weights().get(info.name()).toFloatArray());
    }
    return weights;
  }

  private void assertModelUntouched() {
    weights(model)
        .forEach((name, values) ->
            assertThat(Arrays.equals(values, before.get(name))).as(name).isTrue());
    assertThat(model.manager().getManagedArrays()).hasSize(arraysBefore);
  }

  /** A prediction that depends on nothing but the weights. */
  private static float[] predict(StableDiffusion of) {
    ModelDescriptor shape = of.descriptor();
    try (NDManager scope = of.manager().newSubManager()) {
      NDArray latents =
          RandomStreams.gaussian(
              scope,
              new Shape(1, shape.latentChannels(), shape.latentHeight(), shape.latentWidth()),
              RandomStreams.stream(1, "latents", 0));
      Conditioning prompt = of.encode(List.of("a boat, in the style of Van Gogh"), scope);
      return of.predict(latents, scope.create(new long[] {500}), prompt).toFloatArray();
    }
  }

  @Test
  void changesKeysAndValuesOfTheTextAttentionOnly() {
    try (AblationResult result = plan().run()) {
      assertModelUntouched();
      List<String> expected =
          before.keySet().stream()
              .filter(name -> name.matches(".*\\.attn2\\.to_[kv]\\.weight"))
              .toList();
      assertThat(expected).isNotEmpty();
      assertThat(result.delta().names()).containsExactlyInAnyOrderElementsOf(expected);
      for (String name : result.delta().names()) {
        assertThat(result.delta().get(name).abs().max().getFloat()).as(name).isPositive();
      }
      assertThat(result.history()).hasSize(3).allMatch(step -> step.loss() > 0);
    }
  }

  @Test
  void anExportedFolderPredictsAsTheModelWithTheDelta(@TempDir Path folder) throws IOException {
    Path exported = folder.resolve("ablated");
    try (AblationResult result = plan().run()) {
      float[] base = predict(model);
      float[] applied = result.delta().applied(model, () -> predict(model));
      assertThat(applied).isNotEqualTo(base);
      assertThat(predict(model)).isEqualTo(base);

      result.delta().export(model, exported);
      assertModelUntouched();
      try (StableDiffusion again = load(exported)) {
        assertThat(predict(again)).isEqualTo(applied);
        assertThat(again.weights().sha256()).isNotEqualTo(model.weights().sha256());
      }
    }
  }

  @Test
  void theSameSeedGivesTheSameBits() {
    try (AblationResult one = plan().seed(4).run();
        AblationResult two = plan().seed(4).run();
        AblationResult other = plan().seed(5).run()) {
      assertThat(two.history()).isEqualTo(one.history());
      assertThat(other.history()).isNotEqualTo(one.history());
      for (String name : one.delta().names()) {
        assertThat(two.delta().get(name).toFloatArray())
            .as(name)
            .isEqualTo(one.delta().get(name).toFloatArray());
      }
    }
  }

  @Test
  void holdsTheSameArraysAfterEveryStep() {
    List<Integer> arrays = new ArrayList<>();
    // One form of target prompt and no words about sizes, so that the text embeddings of all
    // prompts
    // are soon known; flipped images are decoded and encoded.
    Ablator.of(model)
        .target("ruined boat")
        .anchor(
            AnchorStrategy.generated("boat", List.of("a boat", "two boats"))
                .images(2)
                .sampling(SamplingSettings.defaults().steps(2))
                .augmented(Augmentation.paper().withoutScaling()))
        .training(t -> t.steps(5).batchSize(2))
        .objective(
            AblationObjective.modelBased().plus(AblationObjective.priorPreservation().times(0.2)))
        .listener(event -> {
          if (event instanceof StepCompleted) {
            arrays.add(model.manager().getManagedArrays().size());
          }
        })
        .run()
        .close();
    assertThat(arrays).hasSize(5).containsOnly(arrays.get(0));
    assertModelUntouched();
  }

  @Test
  void samplingLeavesNoArrays() {
    LatentSampler sampler = LatentSampler.of(model).settings(SamplingSettings.defaults().steps(2));
    for (int i = 0; i < 3; i++) {
      sampler.draw(List.of("a boat"), i);
      assertThat(model.manager().getManagedArrays()).hasSize(arraysBefore);
    }
  }

  @Test
  void leavesTheModelAsItWasWhenTheObjectiveThrows() {
    IllegalStateException failure = new IllegalStateException("objective");
    AblationObjective throwing =
        AblationObjective.named(
            "throwing",
            context -> {
              AblationObjective.modelBased().loss(context);
              throw failure;
            });
    assertThatThrownBy(() -> plan().objective(throwing).run()).isSameAs(failure);
    assertModelUntouched();
    plan().run().close();
    assertModelUntouched();
  }

  @Test
  void leavesTheModelAsItWasWhenItIsInterrupted() {
    Ablation plan =
        plan()
            .trainer(GradientTrainer.defaults().steps(1_000_000).batchSize(1))
            .listener(event -> {
              if (event instanceof StepCompleted) {
                Thread.currentThread().interrupt();
              }
            });
    assertThatThrownBy(plan::run).isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
    assertModelUntouched();
  }
}
