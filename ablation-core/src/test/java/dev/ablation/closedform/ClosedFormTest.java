package dev.ablation.closedform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.closedform.EmbeddingConflict.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Properties of the edits, over seeds. */
class ClosedFormTest {
  private static final int WIDTH = 24;
  private static final double CLOSE = 1e-5;

  private final NDManager manager = NDManager.newBaseManager("PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void aTargetIsAnsweredAsItsAnchorIfNothingElseCounts(int seed) {
    Random random = new Random(seed);
    NDArray targets = normal(random, 5, 2, WIDTH);
    NDArray anchors = normal(random, 5, 2, WIDTH);
    NDArray weight = normal(random, 7, WIDTH);
    EmbeddingSums sums = EmbeddingSums.of(WIDTH).erase(mappings(5), targets, anchors);
    SharedFactor edit = Uce.defaults().preserveScale(0).ridge(1e-9).replace(sums);

    NDArray edited = edit.apply(new NDList(weight), manager).get(0);

    assertClose(answers(edited, targets), answers(weight, anchors), 1e-4);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void whatIsOutsideOfTheTargetsSpanIsNotTouched(int seed) {
    Random random = new Random(seed);
    NDArray targets = normal(random, 3, 1, WIDTH);
    EmbeddingSums sums =
        EmbeddingSums.of(WIDTH).erase(mappings(3), targets, normal(random, 3, 1, WIDTH));
    NDArray weight = normal(random, 7, WIDTH);
    NDArray outside = orthogonalTo(targets, random);

    NDArray edited = Uce.defaults().replace(sums).apply(new NDList(weight), manager).get(0);

    assertClose(answers(edited, outside), answers(weight, outside), CLOSE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void slimAndSquareFactorAndTheFormulaPerMatrixAgree(int seed) {
    Random random = new Random(seed);
    NDArray targets = normal(random, 4, 1, WIDTH);
    NDArray anchors = normal(random, 4, 1, WIDTH);
    NDArray kept = normal(random, 6, 1, WIDTH);
    NDArray weight = normal(random, 9, WIDTH);
    EmbeddingSums sums =
        EmbeddingSums.of(WIDTH).erase(mappings(4), targets, anchors).preserve(names(6), kept);
    Uce uce = Uce.defaults().eraseScale(2).preserveScale(0.3).ridge(0.7);
    SharedFactor slim = uce.replace(sums);
    assertThat(slim.lowRank(manager)).isPresent();
    SharedFactor square = SharedFactor.of(slim.change(manager));

    SimpleMatrix c = columns(targets);
    SimpleMatrix g = columns(anchors);
    SimpleMatrix p = columns(kept);
    SimpleMatrix w = SimpleMatrix.wrap(matrix(weight));
    SimpleMatrix unit = SimpleMatrix.identity(WIDTH).scale(0.7);
    SimpleMatrix keep = p.mult(p.transpose()).scale(0.3).plus(unit);
    SimpleMatrix left = w.mult(g.mult(c.transpose()).scale(2).plus(keep));
    SimpleMatrix expected = left.mult(c.mult(c.transpose()).scale(2).plus(keep).invert());

    NDList weights = new NDList(weight);
    assertClose(slim.apply(weights, manager).get(0), array(expected), CLOSE);
    assertClose(square.apply(weights, manager).get(0), array(expected), CLOSE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void theOrderAndTheBatchesDoNotMatter(int seed) {
    Random random = new Random(seed);
    NDArray targets = normal(random, 20, 3, WIDTH);
    NDArray anchors = normal(random, 20, 3, WIDTH);
    NDArray kept = normal(random, 20, 3, WIDTH);
    EmbeddingSums sums =
        EmbeddingSums.of(WIDTH).erase(mappings(20), targets, anchors).preserve(names(20), kept);
    List<Integer> order = new ArrayList<>(IntStream.range(0, 20).boxed().toList());
    Collections.shuffle(order, random);
    EmbeddingSums shuffled = EmbeddingSums.of(WIDTH);
    for (int i : order) {
      String item = i + ":" + (i + 1);
      shuffled.preserve(names(1), kept.get(item));
      shuffled.erase(mappings(1), targets.get(item), anchors.get(item));
    }

    assertClose(
        SequenceLeastSquares.defaults().edit(shuffled).change(manager),
        SequenceLeastSquares.defaults().edit(sums).change(manager),
        1e-9);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void leastSquaresFindTheMinimum(int seed) {
    Random random = new Random(seed);
    NDArray targets = normal(random, 10, 5, WIDTH);
    NDArray anchors = normal(random, 10, 5, WIDTH);
    NDArray kept = normal(random, 30, 5, WIDTH);
    EmbeddingSums sums =
        EmbeddingSums.of(WIDTH).erase(mappings(10), targets, anchors).preserve(names(30), kept);
    SharedFactor edit = SequenceLeastSquares.defaults().preserveWeight(2).ridge(0.1).edit(sums);
    SimpleMatrix factor = SimpleMatrix.wrap(edit.factor());

    double least = objective(factor, columns(targets), columns(anchors), columns(kept));
    for (int i = 0; i < 10; i++) {
      SimpleMatrix near = factor.plus(SimpleMatrix.random_DDRM(WIDTH, WIDTH, -1e-3, 1e-3, random));
      assertThat(objective(near, columns(targets), columns(anchors), columns(kept)))
          .isGreaterThan(least);
    }
  }

  private static double objective(
      SimpleMatrix factor, SimpleMatrix c, SimpleMatrix g, SimpleMatrix p) {
    return Math.pow(factor.mult(c).minus(g).normF(), 2) / c.getNumCols()
        + 2 * Math.pow(factor.mult(p).minus(p).normF(), 2) / p.getNumCols()
        + 0.1 * Math.pow(factor.minus(SimpleMatrix.identity(WIDTH)).normF(), 2);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void twoEditsInARowAreOne(int seed) {
    Random random = new Random(seed);
    NDList weights = new NDList(normal(random, 5, WIDTH));
    SharedFactor first = edit(random, 2);
    SharedFactor second = edit(random, 3);
    SharedFactor large = edit(random, 20);
    assertThat(first.then(second).lowRank(manager)).isPresent();

    for (List<SharedFactor> pair : List.of(List.of(first, second), List.of(first, large))) {
      NDList inTurn = pair.get(1).apply(pair.get(0).apply(weights, manager), manager);
      NDList atOnce = pair.get(0).then(pair.get(1)).apply(weights, manager);
      assertClose(atOnce.get(0), inTurn.get(0), CLOSE);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void anAdversarialEmbeddingRegainsTheOriginalAnswerAndARoundTakesItAway(int seed) {
    Random random = new Random(seed);
    NDList weights = new NDList(normal(random, 40, WIDTH), normal(random, 30, WIDTH));
    NDArray targets = normal(random, 1, 3, WIDTH);
    NDArray anchors = normal(random, 1, 3, WIDTH);
    EmbeddingSums sums = EmbeddingSums.of(WIDTH).erase(mappings(1), targets, anchors);
    SharedFactor start = Uce.defaults().ridge(0.1).replace(sums);
    Rece rece = Rece.defaults().rounds(2).regularization(1e-6);

    NDArray found = rece.adversarial(weights, start, targets, manager);
    NDList edited = start.apply(weights, manager);
    NDArray original = answers(weights.get(0), targets);
    assertClose(answers(edited.get(0), found), original, 1e-3);

    SharedFactor round = rece.edits(weights, start, sums).get(0);
    NDArray after = answers(round.apply(weights, manager).get(0), found);
    NDArray wanted = answers(edited.get(0), anchors);
    assertThat(distance(after, wanted)).isLessThan(0.1 * distance(original, wanted));
  }

  @ParameterizedTest
  @ValueSource(ints = {10, WIDTH, 40})
  void theOrthogonalEditIsThePolarFactorOfTheFormula(int rows) {
    for (int seed = 0; seed < 4; seed++) {
      Random random = new Random(seed);
      int count = 1 + seed % 3; // odd numbers make polar factors that reflect
      NDArray targets = normal(random, count, 1, WIDTH);
      NDArray anchors = normal(random, count, 1, WIDTH);
      NDArray kept = normal(random, 5, 1, WIDTH);
      NDArray weight = normal(random, rows, WIDTH);
      EmbeddingSums sums =
          EmbeddingSums.of(WIDTH).erase(mappings(count), targets, anchors).preserve(names(5), kept);
      NDArray edited =
          OrthogonalErasure.ofStyle().edit(sums).apply(new NDList(weight), manager).get(0);

      assertClose(edited.transpose().matMul(edited), weight.transpose().matMul(weight), CLOSE);
      SimpleMatrix w = SimpleMatrix.wrap(matrix(weight));
      SimpleMatrix e = span(w.mult(columns(targets)));
      SimpleMatrix g = span(w.mult(columns(anchors)));
      SimpleMatrix p = columns(kept);
      SimpleMatrix keep = p.mult(p.transpose()).plus(SimpleMatrix.identity(WIDTH).scale(10));
      SimpleMatrix m =
          w.mult(keep)
              .mult(w.transpose())
              .minus(e.mult(SimpleMatrix.identity(rows).minus(g)).scale(500));
      SimpleMatrix after = SimpleMatrix.wrap(matrix(edited));
      if (rows <= WIDTH) {
        SimpleMatrix rotation = after.mult(w.pseudoInverse());
        assertThat(rotation.determinant()).isCloseTo(1, within(1e-3));
        assertBest(rotation, m, random);
      } else {
        SimpleMatrix q = w.svd(true).getU();
        SimpleMatrix rotation = q.transpose().mult(after).mult(q.transpose().mult(w).invert());
        assertClose(array(q.mult(rotation).mult(q.transpose()).mult(w)), edited, CLOSE);
        assertThat(rotation.determinant()).isCloseTo(1, within(1e-3));
        assertBest(rotation, q.transpose().mult(m).mult(q), random);
      }
    }
  }

  /** No rotation comes closer to a matrix, neither one nearby nor a random one. */
  private static void assertBest(SimpleMatrix rotation, SimpleMatrix m, Random random) {
    double best = rotation.transpose().mult(m).trace();
    for (int i = 0; i < 20; i++) {
      double size = i < 10 ? 0.01 : 1;
      SimpleMatrix other = turned(m.getNumRows(), size, random).mult(rotation);
      assertThat(other.transpose().mult(m).trace()).isLessThanOrEqualTo(best * (1 + 1e-7));
    }
    double[] sizes = m.svd().getSingularValues();
    double sum = java.util.Arrays.stream(sizes).sum();
    double least = java.util.Arrays.stream(sizes).min().orElseThrow();
    double wanted = m.determinant() < 0 ? sum - 2 * least : sum;
    assertThat(best).isCloseTo(wanted, org.assertj.core.data.Percentage.withPercentage(1e-3));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void theOrthogonalEditLeavesWhatIsOrthogonalToTargetsAndAnchors(int seed) {
    Random random = new Random(seed);
    NDArray targets = normal(random, 2, 1, WIDTH);
    NDArray anchors = normal(random, 2, 1, WIDTH);
    NDArray weight = array(span(SimpleMatrix.random_DDRM(WIDTH, WIDTH, -1, 1, random)));
    NDArray outside = orthogonalTo(NDArrays.concat(new NDList(targets, anchors)), random);
    EmbeddingSums sums = EmbeddingSums.of(WIDTH).erase(mappings(2), targets, anchors);

    NDArray edited =
        OrthogonalErasure.ofInstance().edit(sums).apply(new NDList(weight), manager).get(0);

    assertClose(answers(edited, outside), answers(weight, outside), CLOSE);
    assertThat(distance(answers(edited, targets), answers(weight, targets))).isGreaterThan(0.1);
  }

  @Test
  void equalEmbeddingsAreNamed() {
    Random random = new Random(4);
    NDArray rows = normal(random, 4, 2, WIDTH);
    NDArray a = rows.get("0:1");
    NDArray b = rows.get("1:2");
    NDArray c = rows.get("2:3");
    NDArray rounded = a.mul(1 + 1e-6f);
    EmbeddingSums sums =
        EmbeddingSums.of(WIDTH)
            .erase(List.of(new PromptMapping("cat", "dog")), a, b)
            .erase(List.of(new PromptMapping("Cat", "dog")), rounded, b)
            .erase(List.of(new PromptMapping("cat", "fox")), a, c)
            .erase(List.of(new PromptMapping("owl", "owl")), c, c)
            .preserve(List.of("a cat", "a bee"), NDArrays.concat(new NDList(a, rows.get("3:4"))));

    assertThat(sums.conflicts())
        .extracting(EmbeddingConflict::kind, EmbeddingConflict::first, EmbeddingConflict::second)
        .containsExactlyInAnyOrder(
            tuple(Kind.DUPLICATE, "'cat' -> 'dog'", "'Cat' -> 'dog'"),
            tuple(Kind.DIFFERENT_ANCHORS, "'cat' -> 'dog'", "'cat' -> 'fox'"),
            tuple(Kind.DIFFERENT_ANCHORS, "'Cat' -> 'dog'", "'cat' -> 'fox'"),
            tuple(Kind.NO_CHANGE, "'owl' -> 'owl'", "'owl' -> 'owl'"),
            tuple(Kind.ERASED_AND_PRESERVED, "'cat' -> 'dog'", "'a cat'"),
            tuple(Kind.ERASED_AND_PRESERVED, "'Cat' -> 'dog'", "'a cat'"),
            tuple(Kind.ERASED_AND_PRESERVED, "'cat' -> 'fox'", "'a cat'"));
    assertThatThrownBy(() -> Uce.defaults().replace(sums))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'cat' -> 'dog' erases what is preserved as 'a cat'")
        .hasMessageContaining("'cat' -> 'dog' has the same target, but another anchor than");
  }

  @Test
  void manyDifferentEmbeddingsAreNoConflict() {
    Random random = new Random(5);
    EmbeddingSums sums =
        EmbeddingSums.of(WIDTH)
            .erase(mappings(500), normal(random, 500, 1, WIDTH), normal(random, 500, 1, WIDTH))
            .preserve(names(500), normal(random, 500, 1, WIDTH));

    assertThat(sums.conflicts()).isEmpty();
  }

  @Test
  void badInputIsNamed() {
    Random random = new Random(6);
    NDArray good = normal(random, 1, 1, WIDTH);
    NDArray bad = good.mul(Float.NaN);
    EmbeddingSums sums = EmbeddingSums.of(WIDTH);
    assertThatThrownBy(() -> sums.erase(mappings(1), good, bad))
        .hasMessage(
            "text embeddings must be finite, those of anchor 'anchor 0' were not (sum of squares NaN)");
    assertThatThrownBy(() -> sums.preserve(names(2), good))
        .hasMessage("preserved embeddings must have shape (2, rows, 24), had (1, 1, 24)");
    assertThatThrownBy(() -> Uce.defaults().replace(sums))
        .hasMessage("there must be a target to erase, was none");
    sums.erase(mappings(1), good, normal(random, 1, 1, WIDTH));
    assertThatThrownBy(() -> Uce.defaults().ridge(1e-14).replace(sums))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("condition number of the system of 24 equations")
        .hasMessageContaining("a larger ridge");
    SharedFactor edit = Uce.defaults().replace(sums);
    assertThatThrownBy(() -> edit.apply(new NDList(normal(random, 3, 5)), manager))
        .hasMessageContaining("must have shape (rows, 24), was (3, 5)");
    assertThatThrownBy(() -> Uce.defaults().ridge(0)).hasMessage("ridge must be positive, was 0.0");
  }

  private SharedFactor edit(Random random, int rows) {
    return Uce.defaults()
        .replace(
            EmbeddingSums.of(WIDTH)
                .erase(
                    mappings(rows),
                    normal(random, rows, 1, WIDTH),
                    normal(random, rows, 1, WIDTH)));
  }

  private NDArray normal(Random random, long... shape) {
    Shape form = new Shape(shape);
    float[] values = new float[Math.toIntExact(form.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return manager.create(values, form);
  }

  /** Answers as rows. */
  private static NDArray answers(NDArray weight, NDArray embeddings) {
    return embeddings.reshape(-1, WIDTH).matMul(weight.transpose());
  }

  private NDArray orthogonalTo(NDArray embeddings, Random random) {
    SimpleMatrix inside = span(columns(embeddings));
    SimpleMatrix any = SimpleMatrix.random_DDRM(WIDTH, 5, -1, 1, random);
    return array(any.minus(inside.mult(any)).transpose());
  }

  /** The projection on the span of columns; of a square matrix, an orthogonal one. */
  private static SimpleMatrix span(SimpleMatrix columns) {
    SimpleMatrix u = columns.svd(true).getU();
    return columns.getNumCols() == columns.getNumRows() ? u : u.mult(u.transpose());
  }

  private static SimpleMatrix turned(int size, double most, Random random) {
    SimpleMatrix skew = SimpleMatrix.random_DDRM(size, size, -most, most, random);
    skew = skew.minus(skew.transpose());
    SimpleMatrix unit = SimpleMatrix.identity(size);
    return unit.plus(skew).mult(unit.minus(skew).invert()); // Cayley
  }

  private static SimpleMatrix columns(NDArray embeddings) {
    return SimpleMatrix.wrap(matrix(embeddings.reshape(-1, WIDTH).transpose()));
  }

  private static DMatrixRMaj matrix(NDArray array) {
    return Algebra.matrix(array.toType(DataType.FLOAT64, false));
  }

  private NDArray array(SimpleMatrix matrix) {
    return Algebra.array(matrix.getDDRM(), manager).toType(DataType.FLOAT32, false);
  }

  private static List<PromptMapping> mappings(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new PromptMapping("target " + i, "anchor " + i))
        .toList();
  }

  private static List<String> names(int count) {
    return IntStream.range(0, count).mapToObj(i -> "prompt " + i).toList();
  }

  private static double distance(NDArray a, NDArray b) {
    NDArray difference = Algebra.doubles(a).sub(Algebra.doubles(b));
    return difference.norm().getDouble() / Algebra.doubles(b).norm().getDouble();
  }

  private static void assertClose(NDArray actual, NDArray expected, double tolerance) {
    assertThat(actual.getShape()).isEqualTo(expected.getShape());
    assertThat(distance(actual, expected)).isLessThan(tolerance);
  }
}
