package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * What a prompt becomes before the network sees it: the text embeddings for cross-attention and,
 * for models that have them, added conditions such as a pooled embedding. The first axis of every
 * array is the batch.
 *
 * <p>A conditioning does not own its arrays: they belong to the manager that they were made with.
 *
 * @param textEmbeddings shape {@code (B, T, D)}, float32
 * @param added further arrays, each of shape {@code (B, ...)}, in an order that the model defines
 */
public record Conditioning(NDArray textEmbeddings, List<NDArray> added) {

  /** Checks that all arrays have the same batch size. */
  public Conditioning {
    added = List.copyOf(added);
    Preconditions.checkArgument(
        textEmbeddings.getShape().dimension() == 3,
        "textEmbeddings: expected (B, T, D), was %s",
        textEmbeddings.getShape());
    for (NDArray array : added) {
      Preconditions.checkArgument(
          array.getShape().get(0) == textEmbeddings.getShape().get(0),
          "added: expected batch size %s, was %s",
          textEmbeddings.getShape().get(0),
          array.getShape());
    }
  }

  /**
   * Creates a conditioning that has text embeddings alone.
   *
   * @param textEmbeddings shape {@code (B, T, D)}, float32
   */
  public Conditioning(NDArray textEmbeddings) {
    this(textEmbeddings, List.of());
  }

  /** {@return B, the number of prompts} */
  public long batchSize() {
    return textEmbeddings.getShape().get(0);
  }

  /**
   * Joins conditionings along the batch axis.
   *
   * @param parts at least one, all of the same model
   * @return one conditioning whose arrays belong to the manager of the first part's
   */
  public static Conditioning concat(List<Conditioning> parts) {
    Preconditions.checkArgument(!parts.isEmpty(), "parts must not be empty");
    NDArray states = join(parts.stream().map(Conditioning::textEmbeddings).toList());
    List<NDArray> added =
        java.util.stream.IntStream.range(0, parts.get(0).added.size())
            .mapToObj(i -> join(parts.stream().map(p -> p.added.get(i)).toList()))
            .toList();
    return new Conditioning(states, added);
  }

  /**
   * Returns the conditioning of one prompt, keeping the batch axis.
   *
   * @param index which prompt
   * @return batch size 1; the arrays belong to the managers of this conditioning's
   */
  public Conditioning get(int index) {
    String rows = index + ":" + (index + 1);
    return map(array -> array.get(rows));
  }

  /**
   * Returns a conditioning whose every array went through {@code change}.
   *
   * @param change keeps the batch axis
   * @return the changed conditioning
   */
  public Conditioning map(UnaryOperator<NDArray> change) {
    return new Conditioning(change.apply(textEmbeddings), added.stream().map(change).toList());
  }

  /**
   * Hands the arrays to another owner.
   *
   * @param scope the new owner
   * @return this
   */
  public Conditioning attach(NDManager scope) {
    textEmbeddings.attach(scope);
    added.forEach(array -> array.attach(scope));
    return this;
  }

  private static NDArray join(List<NDArray> parts) {
    return parts.size() == 1 ? parts.get(0) : NDArrays.concat(new NDList(parts), 0);
  }
}
