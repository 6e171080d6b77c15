package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.WeightGroup;
import dev.ablation.testing.TinyDiffusion;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RepresentationMisdirectionTest {
  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat"));

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private static RepresentationMisdirection few(RepresentationMisdirection trainer) {
    return trainer.training(t -> t.steps(60).batchSize(2).learningRate(0.02));
  }

  private Ablation plan(Trainer trainer) {
    return Ablator.of(model)
        .target("zebra")
        .anchor(CATS)
        .weights(WeightGroup.firstTextLayer())
        .trainer(trainer);
  }

  /** Mean over positions of the squared distance. */
  private double distance(NDArray left, NDArray right) {
    return left.sub(right).square().sum(new int[] {2}).mean().getFloat();
  }

  private NDArray encoded(String prompt, NDManager scope) {
    return model.encode(List.of(prompt), scope).textEmbeddings();
  }

  @Test
  void thePromptsOfTheTargetBecomeThoseOfTheAnchor() {
    try (AblationResult result = plan(few(RepresentationMisdirection.toAnchor())).run();
        NDManager scope = model.manager().newSubManager()) {
      NDArray cat = encoded("a photo of a cat", scope);
      double before = distance(encoded("a photo of a zebra", scope), cat);
      assertThat(result.history().get(0).loss()).as("the formula").isCloseTo(before, within(1e-5));
      double after =
          result.delta().applied(model, () -> distance(encoded("a photo of a zebra", scope), cat));
      assertThat(after).isLessThan(0.5 * before);
      assertThat(result.delta().names()).containsExactly("text.projection");
    }
  }

  @Test
  void theRandomDirectionsHaveTheNorm() {
    try (AblationResult result = plan(few(RepresentationMisdirection.toRandom(2))).run();
        NDManager scope = model.manager().newSubManager()) {
      double before =
          encoded("a photo of a zebra", scope).square().sum(new int[] {2}).mean().getFloat();
      // |h - 2 r|^2 is at most (|h| + 2)^2 and at least (|h| - 2)^2.
      assertThat(result.history().get(0).loss()).isBetween(0.0, Math.pow(Math.sqrt(before) + 2, 2));
      assertThat(result.history().get(59).loss()).isLessThan(result.history().get(0).loss());
    }
  }

  @Test
  void whatIsPreservedMovesLess() {
    double free = dogMoves(plan(few(RepresentationMisdirection.toAnchor())));
    double kept =
        dogMoves(
            plan(few(RepresentationMisdirection.toAnchor())).preserve(Concept.instance("dog")));
    assertThat(kept).isLessThan(0.7 * free);
  }

  private double dogMoves(Ablation plan) {
    try (AblationResult result = plan.run();
        NDManager scope = model.manager().newSubManager()) {
      NDArray dog = encoded("a photo of a dog", scope);
      return result.delta().applied(model, () -> distance(encoded("a photo of a dog", scope), dog));
    }
  }

  @Test
  void saysThatTheTextEncoderAloneIsChanged() {
    List<AblationEvent> events = new ArrayList<>();
    // @start region="misdirection"
    AblationResult result =
        Ablator.of(model)
            .target("zebra")
            .anchor("horse")
            .weights(WeightGroup.firstTextLayer())
            .trainer(RepresentationMisdirection.toAnchor().training(t -> t.learningRate(1e-3)))
            .listener(events::add)
            .run();
    // @end
    try (result) {
      String caution =
          "the text encoder alone is changed: whoever draws with the original text encoder has the"
              + " target back";
      assertThat(events).contains(new AblationEvent.Warning(caution));
      assertThat(result.provenance().settings())
          .containsEntry("training.caution", caution)
          .containsEntry("training.method", "representation misdirection to the anchor");
      assertThat(events).noneMatch(event -> event instanceof AblationEvent.AnchorsProgressed);
    }
  }

  @Test
  void refusesOtherWeights() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> RepresentationMisdirection.toRandom(0))
        .withMessage("norm must be positive and finite, was 0.0");
    assertThat(
            plan(RepresentationMisdirection.toAnchor())
                .weights(WeightGroup.crossAttentionKeyValue())
                .check())
        .anyMatch(problem -> problem.contains("WeightGroup.firstTextLayer()"));
  }
}
