package dev.ablation.closedform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.WeightGroup;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The closed forms as trainers of a plan, on a model that cannot be differentiated. */
class ClosedFormTrainerTest {
  private static final List<String> PROMPTS = List.of("a photo of a cat", "two cats", "the cat");
  private static final List<String> OTHERS = List.of("a dog", "a red house", "trees by a lake");

  private final TinyDiffusion model =
      TinyDiffusion.open(1)
          .without(Differentiable.class)
          .without(LoraTraining.class)
          .without(LatentCodec.class);

  @AfterEach
  void close() {
    model.close();
  }

  static Stream<ClosedForm> forms() {
    return Stream.of(
        ClosedForm.sequences(SequenceLeastSquares.defaults().ridge(1e-3)),
        ClosedForm.uce(Uce.defaults()),
        ClosedForm.rece(Rece.defaults().rounds(2), Uce.defaults()),
        ClosedForm.orthogonal(OrthogonalErasure.ofInstance()));
  }

  private Ablation plan(ClosedForm form) {
    return Ablator.of(model)
        .target("zebra")
        .anchor(AnchorStrategy.generated("cat", PROMPTS))
        .trainer(form.preserved(OTHERS));
  }

  /** How far the keys of some prompts are from those that the base weight gives to others. */
  private double distance(WeightDelta delta, List<String> prompts, List<String> others) {
    try (NDManager scope = model.manager().newSubManager()) {
      String key = "network.key";
      NDArray base = model.weights().copy(key, scope);
      NDArray x = model.encode(prompts, scope).textEmbeddings();
      NDArray y = model.encode(others, scope).textEmbeddings();
      return product(x, delta.changed(key, base, scope)).sub(product(y, base)).norm().getFloat();
    }
  }

  private static NDArray product(NDArray embeddings, NDArray weight) {
    long width = embeddings.getShape().get(2);
    return embeddings.reshape(-1, width).matMul(weight);
  }

  @Test
  void readsTheAnchorInTheTargetsPromptsAndKeepsTheRest() {
    ClosedForm form = ClosedForm.sequences(SequenceLeastSquares.defaults().ridge(1e-3));
    try (AblationResult result = plan(form).run();
        AblationResult nothing =
            plan(ClosedForm.sequences(SequenceLeastSquares.defaults().ridge(1e9))).run()) {
      List<String> targets = List.of("a photo of a zebra", "the zebra");
      List<String> anchors = List.of("a photo of a cat", "the cat");
      double before = distance(nothing.delta(), targets, anchors);
      double after = distance(result.delta(), targets, anchors);
      assertThat(after).isLessThan(0.7 * before);
      // With 8 dimensions for all words the two aims compete: a higher weight keeps more.
      ClosedForm strict =
          ClosedForm.sequences(SequenceLeastSquares.defaults().ridge(1e-3).preserveWeight(1000));
      try (AblationResult kept = plan(strict).run()) {
        assertThat(distance(kept.delta(), OTHERS, OTHERS))
            .isLessThan(0.2 * distance(result.delta(), OTHERS, OTHERS));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("forms")
  void runsLikeAnyTrainer(ClosedForm form, @TempDir Path folder) throws IOException {
    Ablation plan = plan(form);
    assertThat(plan.check()).isEmpty();
    assertThat(plan.estimate().problems()).isEmpty();
    assertThat(plan.settings()).containsEntry("training.preserved", "3");
    Path file = folder.resolve("delta.safetensors");
    try (AblationResult result = plan.run();
        AblationResult again = plan.run()) {
      assertThat(result.delta().names()).containsExactlyInAnyOrder("network.key", "network.value");
      try (WeightDelta one = result.delta().resolved(model);
          WeightDelta two = again.delta().resolved(model)) {
        assertThat(one.get("network.key").norm().getFloat()).isPositive();
        assertThat(two.get("network.key").toFloatArray())
            .isEqualTo(one.get("network.key").toFloatArray());
      }
      result.delta().save(file);
      try (WeightDelta loaded = WeightDelta.load(file, model.manager())) {
        assertThat(loaded.provenance().settings()).containsEntry("target", "instance 'zebra'");
      }
    }
  }

  @Test
  void theDeltaOfASharedFactorIsTheEditStoredOnce() {
    PromptEmbeddings embeddings = PromptEmbeddings.of(model);
    List<PromptMapping> zebra = List.of(new PromptMapping("zebra", "cat"));
    SharedFactor uce = Uce.defaults().replace(embeddings.lastTokens(zebra, OTHERS));
    SharedFactor first = Uce.defaults().replace(embeddings.subjectRows(zebra, OTHERS));
    try (NDManager scope = model.manager().newSubManager();
        AblationResult byUce = plan(ClosedForm.uce(Uce.defaults())).run();
        AblationResult byRece =
            plan(ClosedForm.rece(Rece.defaults().rounds(2), Uce.defaults())).run()) {
      NDList weights = new NDList();
      for (String name : List.of("network.key", "network.value")) {
        weights.add(model.weights().copy(name, scope).transpose());
      }
      List<SharedFactor> rounds =
          Rece.defaults().rounds(2).edits(weights, first, embeddings.sequences(zebra, OTHERS));
      assertEdits(byUce.delta(), uce.apply(weights, scope), scope);
      assertEdits(byRece.delta(), rounds.get(1).apply(weights, scope), scope);
      assertThat(byUce.delta().isRelative()).isTrue();
      assertThat(byUce.delta().sizeInBytes())
          .isEqualTo(2L * TinyDiffusion.TEXT_WIDTH * Float.BYTES); // rank 1
      try (WeightDelta slim = byUce.delta().resolved(model)) {
        assertThat(slim.isLowRank()).isTrue();
      }
    }
  }

  private void assertEdits(WeightDelta delta, NDList edited, NDManager scope) {
    int i = 0;
    for (String name : List.of("network.key", "network.value")) {
      NDArray expected = edited.get(i++).transpose();
      NDArray actual =
          delta.changed(name, model.weights().copy(name, scope), scope);
      assertThat(actual.sub(expected).norm().getFloat())
          .as(name)
          .isLessThan(2e-6f * expected.norm().getFloat());
    }
  }

  @Test
  void saysWhichPreservedPromptsAreTheTargets() {
    List<String> warnings = new ArrayList<>();
    Ablation contradictory =
        plan(ClosedForm.uce(Uce.defaults()))
            .trainer(ClosedForm.uce(Uce.defaults()).preserved(List.of("zebra", "a dog")))
            .listener(event -> {
              if (event instanceof AblationEvent.Warning warning) {
                warnings.add(warning.message());
              }
            });
    try (AblationResult result = contradictory.run()) {
      assertThat(result.delta().names()).hasSize(2);
      assertThat(warnings)
          .containsExactly(
              "1 prompts are to be preserved, but are the target's: they are not preserved, such as 'zebra'");
    }
  }

  @Test
  void refusesContradictoryConcepts() {
    Ablation twoAnchors =
        Ablator.of(model)
            .target("zebra")
            .anchor(AnchorStrategy.generated("cat", PROMPTS))
            .andTarget(Concept.style("zebra"))
            .anchor(AnchorStrategy.generated("dog", List.of("a dog", "two dogs")))
            .weights(WeightGroup.crossAttentionKeyValue())
            .trainer(ClosedForm.uce(Uce.defaults()));
    assertThatIllegalArgumentException()
        .isThrownBy(twoAnchors::run)
        .withMessageContaining("has the same target, but another anchor than");
  }

  @Test
  void namesWeightsThatItCannotEdit() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(ClosedForm.sequences()).weights(WeightGroup.denoiser()).run())
        .withMessageContaining("a closed form edits keys and values of cross-attention");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ClosedForm.sequences().preserved(List.of(" ")))
        .withMessage("preserved prompts must not be blank");
  }

  static AblationResult example(DiffusionModel model, List<String> captions) {
    // @start region="closed-form"
    AblationResult result =
        Ablator.of(model)
            .target("grumpy cat")
            .anchor("cat")
            .trainer(ClosedForm.sequences().preserved(captions))
            .run();
    // @end
    return result;
  }

  @Test
  void theExampleRuns() {
    try (AblationResult result = example(model, OTHERS)) {
      assertThat(result.history()).isEmpty();
    }
  }
}
