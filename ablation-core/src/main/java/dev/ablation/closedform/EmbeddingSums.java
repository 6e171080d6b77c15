package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import org.ejml.data.DMatrixRMaj;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What closed forms need to know about text embeddings: the sums of equation (1) of the package,
 * accumulated in double precision. With target rows c, anchor rows g and preserved rows p:
 *
 * <pre>
 *   Σ c cᵀ,   Σ (g - c) cᵀ,   Σ p pᵀ
 * </pre>
 *
 * <p>Memory does not grow with the number of rows: three matrices of D² doubles (SD 1.5: 14 MB;
 * SDXL: 101 MB), a few numbers for each prompt, and the first {@value #MOST_KEPT} target and anchor
 * rows, which {@link Uce#tensor} and {@link OrthogonalErasure} need. Products run on the engine and
 * device of the given arrays; pass many prompts a call.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="sums"}
 *
 * <p>Mutable, not thread-safe. Holds no native memory and keeps no given array.
 */
public final class EmbeddingSums {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddingSums.class);

  /** How many target rows are kept beside the sums. */
  static final int MOST_KEPT = 4096;

  private static final int BLOCK = 4096;
  private static final int MOST_NAMED = 5;

  /** Target and anchor rows of one mapping. */
  record Item(DMatrixRMaj targets, DMatrixRMaj anchors) {}

  private final int width;
  private final DMatrixRMaj targets;
  private final DMatrixRMaj moves;
  private final DMatrixRMaj preserved;
  private final DMatrixRMaj targetTotal;
  private final DMatrixRMaj preservedTotal;
  private final List<Item> kept = new ArrayList<>();
  private final Fingerprints fingerprints = new Fingerprints();
  private long targetRows;
  private long preservedRows;

  private EmbeddingSums(int width) {
    Preconditions.checkArgument(width > 0, "width must be positive, was %s", width);
    this.width = width;
    targets = new DMatrixRMaj(width, width);
    moves = new DMatrixRMaj(width, width);
    preserved = new DMatrixRMaj(width, width);
    targetTotal = new DMatrixRMaj(1, width);
    preservedTotal = new DMatrixRMaj(1, width);
  }

  /**
   * Begins without embeddings.
   *
   * @param width D, the width of a text embedding
   * @return empty sums
   */
  public static EmbeddingSums of(int width) {
    return new EmbeddingSums(width);
  }

  /**
   * Adds prompts to be erased.
   *
   * @param mappings B prompts and their anchors, for messages
   * @param targetEmbeddings shape {@code (B, R, D)}, R rows of each target
   * @param anchorEmbeddings same shape: row by row what a target row is answered as
   * @return this
   * @throws IllegalArgumentException if a shape does not fit or a value is not finite
   */
  @CanIgnoreReturnValue
  public EmbeddingSums erase(
      List<PromptMapping> mappings, NDArray targetEmbeddings, NDArray anchorEmbeddings) {
    checkShape("target", targetEmbeddings, mappings.size());
    checkShape("anchor", anchorEmbeddings, mappings.size());
    Preconditions.checkArgument(
        targetEmbeddings.getShape().equals(anchorEmbeddings.getShape()),
        "embeddings of targets and anchors must have one shape, had %s and %s",
        targetEmbeddings.getShape(),
        anchorEmbeddings.getShape());
    fingerprints.erased(mappings, targetEmbeddings, anchorEmbeddings);
    long rows = mappings.size() * targetEmbeddings.getShape().get(1);
    for (long from = 0; from < rows; from += BLOCK) {
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        NDArray c = block(targetEmbeddings, from, rows);
        NDArray change = block(anchorEmbeddings, from, rows).sub(c);
        add(targets, c.transpose().matMul(c));
        add(moves, change.transpose().matMul(c));
        add(targetTotal, c.sum(new int[] {0}, true));
      }
    }
    if (targetRows + rows <= MOST_KEPT) {
      keep(targetEmbeddings, anchorEmbeddings);
    }
    targetRows += rows;
    return this;
  }

  /**
   * Adds prompts whose answers are preserved. One that is added twice counts twice.
   *
   * @param prompts B prompts, for messages
   * @param embeddings shape {@code (B, R, D)}
   * @return this
   * @throws IllegalArgumentException if the shape does not fit or a value is not finite
   */
  @CanIgnoreReturnValue
  public EmbeddingSums preserve(List<String> prompts, NDArray embeddings) {
    checkShape("preserved", embeddings, prompts.size());
    fingerprints.preserved(prompts, embeddings);
    long rows = prompts.size() * embeddings.getShape().get(1);
    for (long from = 0; from < rows; from += BLOCK) {
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        NDArray p = block(embeddings, from, rows);
        add(preserved, p.transpose().matMul(p));
        add(preservedTotal, p.sum(new int[] {0}, true));
      }
    }
    preservedRows += rows;
    return this;
  }

  /** {@return D, the width of a text embedding} */
  public int width() {
    return width;
  }

  /** {@return how many rows of targets were added} */
  public long targetRows() {
    return targetRows;
  }

  /** {@return how many rows of preserved prompts were added} */
  public long preservedRows() {
    return preservedRows;
  }

  /**
   * Finds entries whose embeddings are equal to one part in 10,000. Two entries are compared if
   * they have the same number of rows. Edits refuse sums with a contradiction and log the other
   * ones.
   *
   * @return conflicts in the order of the entries; empty if there are none
   */
  public List<EmbeddingConflict> conflicts() {
    return fingerprints.conflicts();
  }

  /** Σ c cᵀ, not to be changed. */
  DMatrixRMaj targets() {
    return targets;
  }

  /** Σ (g - c) cᵀ, not to be changed. */
  DMatrixRMaj moves() {
    return moves;
  }

  /** Σ p pᵀ, not to be changed. */
  DMatrixRMaj preserved() {
    return preserved;
  }

  /** Σ cᵀ, not to be changed. */
  DMatrixRMaj targetTotal() {
    return targetTotal;
  }

  /** Σ pᵀ, not to be changed. */
  DMatrixRMaj preservedTotal() {
    return preservedTotal;
  }

  boolean keptAll() {
    return targetRows <= MOST_KEPT;
  }

  /** All target and anchor rows. */
  List<Item> items(String purpose) {
    Preconditions.checkArgument(
        keptAll(),
        "%s needs every target row, at most %s of them, were %s",
        purpose,
        MOST_KEPT,
        targetRows);
    return Collections.unmodifiableList(kept);
  }

  /** Checks that there is something to erase and that no weight had to satisfy a contradiction. */
  void check() {
    Preconditions.checkArgument(targetRows > 0, "there must be a target to erase, was none");
    List<EmbeddingConflict> conflicts = conflicts();
    List<EmbeddingConflict> contradictions =
        conflicts.stream().filter(conflict -> conflict.kind().contradiction()).toList();
    Preconditions.checkArgument(
        contradictions.isEmpty(),
        "concepts must not contradict each other, but %s",
        named(contradictions));
    if (!conflicts.isEmpty()) {
      LOG.warn("Some concepts have equal text embeddings: {}", named(conflicts));
    }
  }

  private static String named(List<EmbeddingConflict> conflicts) {
    String first =
        conflicts.stream()
            .limit(MOST_NAMED)
            .map(EmbeddingConflict::toString)
            .collect(Collectors.joining("; "));
    int more = conflicts.size() - MOST_NAMED;
    return more > 0 ? first + "; and " + more + " more" : first;
  }

  private void keep(NDArray targetEmbeddings, NDArray anchorEmbeddings) {
    for (long i = 0; i < targetEmbeddings.getShape().get(0); i++) {
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        kept.add(
            new Item(
                Algebra.matrix(targetEmbeddings.get(i)), Algebra.matrix(anchorEmbeddings.get(i))));
      }
    }
  }

  private void checkShape(String role, NDArray embeddings, int prompts) {
    Shape shape = embeddings.getShape();
    Preconditions.checkArgument(
        shape.dimension() == 3 && shape.get(0) == prompts && shape.get(2) == width,
        "%s embeddings must have shape (%s, rows, %s), had %s",
        role,
        prompts,
        width,
        shape);
  }

  /** Rows in float64, at most a block of them. */
  private NDArray block(NDArray embeddings, long from, long rows) {
    String range = from + ":" + Math.min(rows, from + BLOCK);
    return Algebra.doubles(embeddings.reshape(-1, width).get(range));
  }

  private static void add(DMatrixRMaj sum, NDArray product) {
    double[] values = product.toDoubleArray();
    for (int i = 0; i < values.length; i++) {
      sum.data[i] += values[i];
    }
  }
}
