package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;

/**
 * Reliable and efficient concept erasure (Gong et al., ECCV 2024): after a first edit, rounds of an
 * attack on the edited weights in closed form, and an edit that removes what the attack found.
 *
 * <p>With W° the original and W the current weights, S = Σ Wᵀ W and T = Σ Wᵀ W° over all of them,
 * an adversarial embedding is c' = M c, where M follows from {@link Adversary}. Since W = W° F,
 * both are known from Σ W°ᵀ W° and F, and a round needs but the sums over c: no embedding is kept,
 * and the result is one shared factor, whatever the number of concepts.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="rece"}
 *
 * <p>Immutable; every method that changes a setting returns a changed copy.
 */
@CheckReturnValue
public final class Rece {
  private static final String ADVICE = "a larger ridge helps";

  /** How an adversarial embedding follows from that of a concept, with r the regularisation. */
  public enum Adversary {
    /** M = (r I + S)⁻¹ T (equation 8): closest to the original answer, near zero. */
    REGZERO,
    /** M = ((1 + r) S)⁻¹ (T + r S): closest to the original answer, near the current one. */
    SURROGATE_1ST,
    /** M = (r I + S)⁻¹ (r I + T): closest to the original answer, near the concept. */
    SURROGATE_2ND,
    /** M = (r I + (1 + r) S)⁻¹ (r I + T + r S): both of the former. */
    SURROGATE_BOTH
  }

  private final int rounds;
  private final double regularization;
  private final Adversary adversary;
  private final Uce edit;

  private Rece(int rounds, double regularization, Adversary adversary, Uce edit) {
    this.rounds = rounds;
    this.regularization = regularization;
    this.adversary = adversary;
    this.edit = edit;
  }

  /**
   * {@return the published settings: 3 rounds, regularisation 0.1, {@link Adversary#REGZERO}, edits
   * with erase scale 1, preserve scale 0.1 and ridge 0.1}
   */
  public static Rece defaults() {
    return new Rece(
        3, 0.1, Adversary.REGZERO, Uce.defaults().eraseScale(1).preserveScale(0.1).ridge(0.1));
  }

  /**
   * Changes the number of rounds.
   *
   * @param rounds positive; the published code takes 3 for nudity and 1 for styles and objects
   * @return a changed copy
   */
  public Rece rounds(int rounds) {
    Preconditions.checkArgument(rounds > 0, "rounds must be positive, was %s", rounds);
    return new Rece(rounds, regularization, adversary, edit);
  }

  /**
   * Changes how far adversarial embeddings may go.
   *
   * @param regularization r, positive; the published code takes 0.1, or 1e-3 for styles
   * @return a changed copy
   */
  public Rece regularization(double regularization) {
    Preconditions.checkArgument(
        regularization > 0 && Double.isFinite(regularization),
        "regularization must be positive, was %s",
        regularization);
    return new Rece(rounds, regularization, adversary, edit);
  }

  /**
   * Changes the attack.
   *
   * @param adversary how adversarial embeddings are found
   * @return a changed copy
   */
  public Rece adversary(Adversary adversary) {
    return new Rece(rounds, regularization, Objects.requireNonNull(adversary, "adversary"), edit);
  }

  /**
   * Changes the edit of a round.
   *
   * @param edit scales and ridge
   * @return a changed copy
   */
  public Rece edit(Uce edit) {
    return new Rece(rounds, regularization, adversary, Objects.requireNonNull(edit, "edit"));
  }

  /** {@return the number of rounds} */
  public int rounds() {
    return rounds;
  }

  /** {@return how far adversarial embeddings may go} */
  public double regularization() {
    return regularization;
  }

  /** {@return how adversarial embeddings are found} */
  public Adversary adversary() {
    return adversary;
  }

  /** {@return the edit of a round} */
  public Uce edit() {
    return edit;
  }

  /**
   * Does the rounds. The method keeps the round after which a detector sees the concept least, so
   * all of them are returned.
   *
   * @param weights all weights to be edited, before any edit; stay open
   * @param start first edit, such as that of {@link Uce#replace} on {@link
   *     PromptEmbeddings#subjectRows}
   * @param sums of all rows of each concept's prompt and its anchor's; the published code preserves
   *     the rows of {@code " "}, once for each concept ({@link PromptEmbeddings#sequences})
   * @return the edits after each round, each of the original weights
   * @throws IllegalArgumentException as {@link Uce#replace}, or if a shape does not fit
   */
  public List<SharedFactor> edits(NDList weights, SharedFactor start, EmbeddingSums sums) {
    sums.check();
    Preconditions.checkArgument(
        start.width() == sums.width(),
        "first edit must have width %s, had %s",
        sums.width(),
        start.width());
    DMatrixRMaj original = moment(weights, sums.width());
    DMatrixRMaj pairs = Algebra.sum(sums.moves(), 1, sums.targets()); // Σ g cᵀ
    List<SharedFactor> edits = new ArrayList<>();
    SharedFactor current = start;
    for (int round = 0; round < rounds; round++) {
      DMatrixRMaj map = map(original, current);
      DMatrixRMaj moved = Algebra.product(map, sums.targets());
      DMatrixRMaj targets = CommonOps_DDRM.multTransB(moved, map, null);
      DMatrixRMaj moves = CommonOps_DDRM.multTransB(pairs, map, null);
      CommonOps_DDRM.subtractEquals(moves, targets);
      CommonOps_DDRM.scale(edit.eraseScale(), moves);
      CommonOps_DDRM.scale(edit.eraseScale(), targets);
      CommonOps_DDRM.addEquals(targets, edit.preserveScale(), sums.preserved());
      Algebra.addToDiagonal(targets, edit.ridge());
      DMatrixRMaj change = new SpdSystem(symmetric(targets), ADVICE).solveRight(moves);
      current = current.then(SharedFactor.dense(change));
      edits.add(current);
    }
    return List.copyOf(edits);
  }

  /**
   * Attacks edited weights.
   *
   * @param weights all weights that were edited, before any edit; stay open
   * @param current how they were edited
   * @param embeddings of a concept, shape {@code (..., D)}
   * @param scope owner of the result
   * @return embeddings that the edited weights answer as the original ones answered those given,
   *     shape and type of {@code embeddings}
   * @throws IllegalArgumentException if a shape does not fit
   */
  public NDArray adversarial(
      NDList weights, SharedFactor current, NDArray embeddings, NDManager scope) {
    DMatrixRMaj map = map(moment(weights, current.width()), current);
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      NDArray rows = Algebra.doubles(embeddings.reshape(-1, current.width()));
      return finished(
          rows.matMul(Algebra.array(Algebra.transposed(map), scope)), embeddings, scope);
    }
  }

  /**
   * Attacks edited weights beginning with another embedding: (r old + c Tᵀ)(r I + S)⁻¹ for each row
   * c, the published code's {@code standard}.
   *
   * @param weights all weights that were edited, before any edit; stay open
   * @param current how they were edited
   * @param embeddings of a concept, shape {@code (..., D)}
   * @param old embeddings that the result stays close to, same shape
   * @param scope owner of the result
   * @return adversarial embeddings, shape and type of {@code embeddings}
   * @throws IllegalArgumentException if a shape does not fit
   */
  public NDArray adversarial(
      NDList weights, SharedFactor current, NDArray embeddings, NDArray old, NDManager scope) {
    Preconditions.checkArgument(
        embeddings.getShape().equals(old.getShape()),
        "embeddings and old ones must have one shape, had %s and %s",
        embeddings.getShape(),
        old.getShape());
    DMatrixRMaj near = CommonOps_DDRM.identity(current.width());
    CommonOps_DDRM.scale(regularization, near);
    Terms terms = terms(moment(weights, current.width()), current);
    SpdSystem system = regularized(terms.current);
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      NDArray c = Algebra.doubles(embeddings.reshape(-1, current.width()));
      NDArray o = Algebra.doubles(old.reshape(-1, current.width()));
      NDArray ofConcept = Algebra.array(Algebra.transposed(system.solve(terms.crossed)), scope);
      NDArray ofOld = Algebra.array(Algebra.transposed(system.solve(near)), scope);
      return finished(c.matMul(ofConcept).add(o.matMul(ofOld)), embeddings, scope);
    }
  }

  private static NDArray finished(NDArray rows, NDArray like, NDManager scope) {
    NDArray result =
        rows.reshape(like.getShape())
            .toType(like.getDataType(), false)
            .toDevice(like.getDevice(), false);
    NDScope.unregister(result);
    result.attach(scope);
    return result;
  }

  /** S and T. */
  private record Terms(DMatrixRMaj current, DMatrixRMaj crossed) {}

  /** T = Fᵀ S°, S = Fᵀ S° F. */
  private static Terms terms(DMatrixRMaj original, SharedFactor edit) {
    DMatrixRMaj factor = edit.factor();
    DMatrixRMaj crossed = CommonOps_DDRM.multTransA(factor, original, null);
    return new Terms(symmetric(Algebra.product(crossed, factor)), crossed);
  }

  /** M, with which an adversarial embedding is M c. */
  private DMatrixRMaj map(DMatrixRMaj original, SharedFactor edit) {
    Terms terms = terms(original, edit);
    DMatrixRMaj right = terms.crossed;
    return switch (adversary) {
      case REGZERO -> regularized(terms.current).solve(right);
      case SURROGATE_1ST -> {
        CommonOps_DDRM.addEquals(right, regularization, terms.current);
        DMatrixRMaj left = terms.current.copy();
        CommonOps_DDRM.scale(1 + regularization, left);
        yield new SpdSystem(left, "another adversary, which regularises, helps").solve(right);
      }
      case SURROGATE_2ND -> {
        Algebra.addToDiagonal(right, regularization);
        yield regularized(terms.current).solve(right);
      }
      case SURROGATE_BOTH -> {
        CommonOps_DDRM.addEquals(right, regularization, terms.current);
        Algebra.addToDiagonal(right, regularization);
        DMatrixRMaj left = terms.current.copy();
        CommonOps_DDRM.scale(1 + regularization, left);
        yield regularized(left).solve(right);
      }
    };
  }

  private SpdSystem regularized(DMatrixRMaj matrix) {
    DMatrixRMaj sum = matrix.copy();
    Algebra.addToDiagonal(sum, regularization);
    return new SpdSystem(sum, "a larger regularization helps");
  }

  /** Removes what rounding made unsymmetric. */
  private static DMatrixRMaj symmetric(DMatrixRMaj matrix) {
    DMatrixRMaj sum = Algebra.sum(matrix, 1, Algebra.transposed(matrix));
    CommonOps_DDRM.scale(0.5, sum);
    return sum;
  }

  /** Σ Wᵀ W. */
  private static DMatrixRMaj moment(NDList weights, int width) {
    Preconditions.checkArgument(!weights.isEmpty(), "there must be a weight, was none");
    DMatrixRMaj sum = new DMatrixRMaj(width, width);
    for (NDArray weight : weights) {
      Preconditions.checkArgument(
          weight.getShape().dimension() == 2 && weight.getShape().get(1) == width,
          "weight '%s' must have shape (rows, %s), was %s",
          weight.getName(),
          width,
          weight.getShape());
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        NDArray rows = Algebra.doubles(weight);
        CommonOps_DDRM.addEquals(sum, Algebra.matrix(rows.transpose().matMul(rows)));
      }
    }
    return sum;
  }

  @Override
  public String toString() {
    return "RECE (%d rounds, regularization %s, %s, %s)"
        .formatted(rounds, regularization, adversary, edit);
  }
}
