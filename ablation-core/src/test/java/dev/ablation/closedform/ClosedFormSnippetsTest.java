package dev.ablation.closedform;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.testing.TinyDiffusion;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The examples run, on the tiny model whose text embeddings depend on words alone. */
class ClosedFormSnippetsTest {
  private final TinyDiffusion model = TinyDiffusion.open(3);
  private final NDManager scope = model.manager().newSubManager();

  @AfterEach
  void close() {
    model.close();
  }

  @Test
  void sumsTakeEmbeddings() {
    EmbeddingSums sums =
        ClosedFormSnippets.sums(
            scope.create(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1}, shape(2)),
            scope.create(new float[] {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1}, shape(2)),
            scope.ones(shape(1)));
    assertThat(sums.targetRows()).isEqualTo(2);
    assertThat(sums.preservedRows()).isEqualTo(1);
  }

  @Test
  void uceChangesTheTargetAndKeepsTheRest() {
    EmbeddingSums sums = ClosedFormSnippets.embeddings(model);
    assertThat(sums.targetRows()).isEqualTo(1);
    NDList weights = keysAndValues();
    NDList edited = ClosedFormSnippets.uce(sums, weights, scope);
    NDArray value = weights.get(1);
    NDArray after = edited.get(1);
    double whole = distance(answer("van gogh", value), answer("painting", value));
    assertThat(distance(answer("van gogh", after), answer("painting", value)))
        .isLessThan(0.7 * whole);
    assertThat(distance(answer("a dog", after), answer("a dog", value))).isLessThan(0.3 * whole);
  }

  @Test
  void sequencesAndRoundsAndRotationsApply() {
    NDList weights = keysAndValues();
    SharedFactor squares = ClosedFormSnippets.sequences(model, List.of("a dog", "a red house"));
    SharedFactor rounds = ClosedFormSnippets.rece(model, weights);
    assertThat((long) squares.width())
        .isEqualTo(model.encode(List.of(""), scope).textEmbeddings().getShape().get(2));
    assertThat(ClosedFormSnippets.factor(squares, rounds, weights, scope)).isEmpty();
    NDList rotated =
        ClosedFormSnippets.orthogonal(ClosedFormSnippets.embeddings(model), weights, scope);
    assertThat(rotated.get(0).norm().getFloat())
        .isCloseTo(
            weights.get(0).norm().getFloat(), org.assertj.core.data.Percentage.withPercentage(0.1));
  }

  @Test
  void mappingsComeFromConceptAndAnchor() {
    Concept target = Concept.style("Van Gogh");
    assertThat(PromptEmbeddings.names(target, AnchorStrategy.generated("painting")))
        .containsExactly(new PromptMapping("Van Gogh", "painting"));
    assertThat(PromptEmbeddings.names(target, AnchorStrategy.unconditional()))
        .containsExactly(new PromptMapping("Van Gogh", ""));
    assertThat(
            PromptEmbeddings.expanded(
                List.of(new PromptMapping("van gogh", "art")), ConceptKind.STYLE))
        .containsExactly(
            new PromptMapping("van gogh", "art"),
            new PromptMapping("painting by van gogh", "painting by art"),
            new PromptMapping("art by van gogh", "art by art"),
            new PromptMapping("artwork by van gogh", "artwork by art"),
            new PromptMapping("picture by van gogh", "picture by art"),
            new PromptMapping("style of van gogh", "style of art"));
    assertThat(
            PromptEmbeddings.prompts(
                Concept.instance("grumpy cat"),
                AnchorStrategy.generated("cat", List.of("a cat", "two cats", "a cat"))))
        .containsExactly(
            new PromptMapping("a grumpy cat", "a cat"),
            new PromptMapping("two grumpy cats", "two cats"));
  }

  private NDArray answer(String words, NDArray weight) {
    NDArray states = model.encode(List.of(words), scope).textEmbeddings();
    int last = words.split(" ").length;
    return states.get(0).get(last + ":" + (last + 1)).matMul(weight.transpose());
  }

  /** Transposed, since the tiny model multiplies from the other side. */
  private NDList keysAndValues() {
    NDList weights = new NDList();
    for (WeightInfo info : model.weights().list()) {
      if (info.role() == WeightRole.CROSS_ATTENTION_KEY
          || info.role() == WeightRole.CROSS_ATTENTION_VALUE) {
        weights.add(model.weights().get(info.name()).transpose());
      }
    }
    assertThat(weights).hasSize(2);
    return weights;
  }

  private static Shape shape(int batch) {
    return new Shape(batch, 1, 8);
  }

  private static double distance(NDArray a, NDArray b) {
    return a.sub(b).norm().getFloat();
  }
}
