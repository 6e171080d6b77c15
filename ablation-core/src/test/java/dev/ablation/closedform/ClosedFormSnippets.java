package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import java.util.List;
import java.util.Optional;

/** The examples of the Javadoc. */
final class ClosedFormSnippets {
  private ClosedFormSnippets() {}

  static EmbeddingSums sums(NDArray targets, NDArray anchors, NDArray others) {
    // @start region="sums"
    EmbeddingSums sums = EmbeddingSums.of(8); // the width of a text embedding
    sums.erase(
        List.of(new PromptMapping("van gogh", "art"), new PromptMapping("monet", "art")),
        targets, // shape (2, rows, 8)
        anchors); // the same
    sums.preserve(List.of("a dog"), others); // shape (1, rows, 8)
    List<EmbeddingConflict> conflicts = sums.conflicts();
    // @end
    return conflicts.isEmpty() ? sums : EmbeddingSums.of(8);
  }

  static EmbeddingSums embeddings(DiffusionModel model) {
    // @start region="embeddings"
    Concept target = Concept.style("Van Gogh");
    AnchorStrategy anchor = AnchorStrategy.generated("painting");
    List<PromptMapping> mappings = PromptEmbeddings.names(target, anchor);
    EmbeddingSums sums =
        PromptEmbeddings.of(model).lastTokens(mappings, List.of("claude monet", "a dog"));
    // @end
    return sums;
  }

  static NDList uce(EmbeddingSums sums, NDList keysAndValues, NDManager scope) {
    // @start region="uce"
    SharedFactor edit = Uce.defaults().preserveScale(0.5).replace(sums);
    NDList edited = edit.apply(keysAndValues, scope); // each of shape (rows, D)
    // @end
    return edited;
  }

  static Optional<NDList> factor(
      SharedFactor style, SharedFactor instance, NDList weights, NDManager scope) {
    // @start region="factor"
    SharedFactor both = style.then(instance);
    NDList edited = both.apply(weights, scope);
    Optional<NDList> small = both.lowRank(scope); // (D, r) twice, instead of every weight
    // @end
    return edited.isEmpty() ? Optional.empty() : small;
  }

  static SharedFactor sequences(DiffusionModel model, List<String> captions) {
    // @start region="sequences"
    List<PromptMapping> prompts =
        PromptEmbeddings.prompts(Concept.style("Van Gogh"), AnchorStrategy.generated("painting"));
    SharedFactor edit =
        SequenceLeastSquares.defaults()
            .edit(PromptEmbeddings.of(model).sequences(prompts, captions));
    // @end
    return edit;
  }

  static SharedFactor rece(DiffusionModel model, NDList weights) {
    // @start region="rece"
    PromptEmbeddings embeddings = PromptEmbeddings.of(model);
    List<PromptMapping> mappings = List.of(new PromptMapping("van gogh", " "));
    SharedFactor start =
        Uce.defaults().preserveScale(0.1).replace(embeddings.subjectRows(mappings, List.of()));
    List<SharedFactor> rounds =
        Rece.defaults()
            .rounds(2)
            .edits(weights, start, embeddings.sequences(mappings, List.of(" ")));
    SharedFactor last = rounds.get(1);
    // @end
    return last;
  }

  static NDList orthogonal(EmbeddingSums sums, NDList values, NDManager scope) {
    // @start region="orthogonal"
    PerMatrixEdit edit = OrthogonalErasure.ofStyle().edit(sums);
    NDList rotated = edit.apply(values, scope);
    // @end
    return rotated;
  }
}
