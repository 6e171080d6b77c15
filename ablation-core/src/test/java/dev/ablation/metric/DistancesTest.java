package dev.ablation.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.ablation.random.RandomStreams;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DistancesTest {
  private static final ExtractorInfo INFO = new ExtractorInfo("test", "0".repeat(64), 6);

  private static FeatureMatrix gaussian(int rows, int dimension, double shift, long seed) {
    RandomGenerator random = RandomStreams.stream(seed, "features", rows);
    float[] values = new float[rows * dimension];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() + shift);
    }
    return FeatureMatrix.of(values, dimension);
  }

  private static FeatureMatrix shifted(FeatureMatrix features, float by) {
    float[][] rows = new float[features.rows()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = features.row(i);
      for (int k = 0; k < rows[i].length; k++) {
        rows[i][k] += by;
      }
    }
    return FeatureMatrix.of(rows);
  }

  // FID

  /** Equal covariances leave the distance of the means alone, also where the rank is not full. */
  @ParameterizedTest
  @CsvSource({"200, 6", "4, 6", "40, 64", "2, 5"})
  void fidOfAShiftIsItsSquare(int rows, int dimension) {
    FeatureMatrix a = gaussian(rows, dimension, 0, 1);
    double fid = FrechetInceptionDistance.distance(a, shifted(a, 2));
    assertThat(fid).isCloseTo(4.0 * dimension, offset(1e-5 * dimension));
  }

  /** A factor s on the features makes (1 - s)^2 tr C and moves the mean. */
  @Test
  void fidOfAScaling() {
    FeatureMatrix a = gaussian(300, 8, 0.3, 1);
    float[][] doubled = new float[a.rows()][8];
    for (int i = 0; i < a.rows(); i++) {
      for (int k = 0; k < 8; k++) {
        doubled[i][k] = 2 * (float) a.get(i, k);
      }
    }
    FeatureStatistics statistics = FeatureStatistics.of(a);
    double expected = SymmetricMatrix.trace(statistics.covariance());
    for (double mean : statistics.mean()) {
      expected += mean * mean;
    }
    assertThat(FrechetInceptionDistance.distance(a, FeatureMatrix.of(doubled)))
        .isCloseTo(expected, withPercentage(1e-9));
  }

  @Test
  void statisticsOfBatchesAreThoseOfTheWhole() {
    FeatureMatrix all = gaussian(201, 5, 1000, 3);
    FeatureStatistics batches = new FeatureStatistics(5);
    for (int first = 0; first < 201; first += 67) {
      batches.add(all.select(IntStream.range(first, first + 67).toArray()));
    }
    FeatureStatistics whole = FeatureStatistics.of(all);
    assertThat(batches.rows()).isEqualTo(201);
    for (int i = 0; i < 5; i++) {
      assertThat(batches.mean()[i]).isCloseTo(whole.mean()[i], offset(1e-11));
      assertThat(batches.covariance()[i]).containsExactly(whole.covariance()[i], offset(1e-11));
    }
  }

  /** Features far from 0 and of very different size, cut anywhere and merged in any order. */
  @ParameterizedTest
  @CsvSource({"1, 0", "2, 1000", "3, -1e6"})
  void statisticsOfPartsAreThoseOfTheWholeToTheBit(long seed, double shift) throws IOException {
    FeatureMatrix all = gaussian(501, 7, shift, seed);
    float[][] scaled = new float[all.rows()][];
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = all.row(i);
      scaled[i][0] *= 1e-6f;
      scaled[i][1] *= 1e4f;
    }
    all = FeatureMatrix.of(scaled);
    FeatureStatistics whole = FeatureStatistics.of(all);
    RandomGenerator random = RandomStreams.stream(seed, "cuts", 0);
    for (int repeat = 0; repeat < 20; repeat++) {
      List<FeatureStatistics> parts = new ArrayList<>();
      for (int first = 0; first < all.rows(); ) {
        int end = Math.min(all.rows(), first + 1 + random.nextInt(150));
        FeatureMatrix some = all.select(IntStream.range(first, end).toArray());
        parts.add(sent(FeatureStatistics.of(some)));
        first = end;
      }
      while (parts.size() > 1) {
        FeatureStatistics one = parts.remove(random.nextInt(parts.size()));
        FeatureStatistics other = parts.remove(random.nextInt(parts.size()));
        parts.add(one.merge(other));
      }
      assertThat(parts.get(0).rows()).isEqualTo(all.rows());
      assertThat(parts.get(0).mean()).isEqualTo(whole.mean());
      assertThat(parts.get(0).covariance()).isDeepEqualTo(whole.covariance());
    }
  }

  /** The sums are the nearest doubles of the exact ones. */
  @Test
  void covarianceIsThatOfExactArithmetic() {
    FeatureMatrix all = gaussian(90, 3, 3e5, 4);
    FeatureStatistics statistics = FeatureStatistics.of(all);
    BigDecimal rows = BigDecimal.valueOf(all.rows());
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        BigDecimal products = BigDecimal.ZERO;
        BigDecimal first = BigDecimal.ZERO;
        BigDecimal second = BigDecimal.ZERO;
        for (int row = 0; row < all.rows(); row++) {
          BigDecimal a = new BigDecimal(all.get(row, i));
          BigDecimal b = new BigDecimal(all.get(row, j));
          products = products.add(a.multiply(b));
          first = first.add(a);
          second = second.add(b);
        }
        double exact =
            products
                .multiply(rows)
                .subtract(first.multiply(second))
                .divide(rows.multiply(rows.subtract(BigDecimal.ONE)), MathContext.DECIMAL128)
                .doubleValue();
        assertThat(statistics.covariance()[i][j]).isCloseTo(exact, offset(4 * Math.ulp(exact)));
      }
    }
  }

  private static FeatureStatistics sent(FeatureStatistics statistics) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    statistics.write(new DataOutputStream(bytes));
    return FeatureStatistics.read(
        new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
  }

  @Test
  void fidRefusesFewImagesInAnEvaluationOnly() {
    FeatureStatistics few = FeatureStatistics.of(gaussian(2047, 2, 0, 1));
    FeatureStatistics enough = FeatureStatistics.of(gaussian(2048, 2, 0, 2));
    assertThat(FrechetInceptionDistance.distance(few, enough)).isLessThan(0.1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FrechetInceptionDistance.measure(few, enough, INFO))
        .withMessageStartingWith("FID needs at least 2048 images on each side, were 2047 and 2048");
    MetricResult measured = FrechetInceptionDistance.measure(enough, enough, INFO);
    assertThat(measured.value()).isCloseTo(0, offset(1e-9));
    assertThat(measured.counts()).containsEntry("images", 2048);
    FeatureStatistics one = FeatureStatistics.of(gaussian(1, 2, 0, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FrechetInceptionDistance.distance(one, enough))
        .withMessage("FID needs at least 2 rows on each side, were 1 and 2048");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> FrechetInceptionDistance.distance(gaussian(3, 2, 0, 1), gaussian(3, 4, 0, 1)))
        .withMessageContaining("dimensions were 2 and 4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new FeatureStatistics(4).add(gaussian(3, 2, 0, 1)))
        .withMessage("features: expected 4 columns, was 2");
  }

  // KID

  @Test
  void kidOfEqualCountsIsComputedOnce() {
    FeatureMatrix a = gaussian(30, 6, 0, 1);
    FeatureMatrix b = gaussian(30, 6, 0.5, 2);
    List<EvaluationProgress> progress = new ArrayList<>();
    MetricResult kid = KernelInceptionDistance.defaults().measure(a, b, INFO, progress::add);
    assertThat(kid.value()).isEqualTo(KernelInceptionDistance.unbiased(a, b));
    assertThat(kid.seed()).isNull();
    assertThat(kid.settings()).containsEntry("subsets", "1").containsEntry("subset size", "30");
    assertThat(kid.settings()).as("30 images say little").containsKey("few images");
    FeatureMatrix many = gaussian(100, 2, 0, 1);
    assertThat(KernelInceptionDistance.defaults().measure(many, many, INFO, step -> {}).settings())
        .doesNotContainKey("few images");
    assertThat(progress).containsExactly(new EvaluationProgress("KID", 1, 1));
  }

  @Test
  void kidOfDifferentCountsDrawsSubsetsByItsSeed() {
    FeatureMatrix a = gaussian(40, 6, 0, 1);
    FeatureMatrix b = gaussian(25, 6, 0.5, 2);
    KernelInceptionDistance settings = new KernelInceptionDistance(1000, 400, 7);
    MetricResult kid = settings.measure(a, b, INFO, progress -> {});
    assertThat(kid).isEqualTo(settings.measure(a, b, INFO, progress -> {}));
    assertThat(kid.seed()).isEqualTo(7);
    assertThat(kid.settings())
        .containsEntry("subset size", "25")
        .containsEntry("subsets", "400")
        .containsKey("standard deviation over subsets");
    // unbiased: the mean over subsets comes near the value of all rows
    assertThat(kid.value()).isCloseTo(KernelInceptionDistance.unbiased(a, b), withPercentage(10));
    assertThat(new KernelInceptionDistance(1000, 400, 8).measure(a, b, INFO, p -> {}).value())
        .isNotEqualTo(kid.value());
  }

  /** Kept kernel values and those computed each time are the same. */
  @Test
  void kidDoesNotDependOnHowItIsComputed() {
    FeatureMatrix a = gaussian(50, 6, 0, 1);
    FeatureMatrix b = gaussian(50, 6, 0.5, 2);
    int[][] once = {IntStream.range(0, 10).toArray()};
    int[][] often = new int[200][];
    java.util.Arrays.fill(often, once[0]);
    double[] many = KernelInceptionDistance.ofSubsets(a, b, often, often);
    assertThat(many).containsOnly(KernelInceptionDistance.ofSubsets(a, b, once, once)[0]);
  }

  @Test
  void kidOfEqualDistributionsIsAboutZero() {
    FeatureMatrix a = gaussian(400, 6, 0, 1);
    FeatureMatrix b = gaussian(400, 6, 0, 2);
    double equal = KernelInceptionDistance.unbiased(a, b);
    double apart = KernelInceptionDistance.unbiased(a, gaussian(400, 6, 1, 2));
    assertThat(Math.abs(equal)).isLessThan(apart / 100);
  }

  @Test
  void kidRefusesWhatItCannotMeasure() {
    FeatureMatrix one = gaussian(1, 6, 0, 1);
    FeatureMatrix some = gaussian(5, 6, 0, 1);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> KernelInceptionDistance.defaults().measure(some, one, INFO, progress -> {}))
        .withMessage("KID needs at least 2 images on each side, were 5 and 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KernelInceptionDistance(1, 1, 0))
        .withMessage("subsetSize must be at least 2, was 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KernelInceptionDistance(2, 0, 0))
        .withMessage("subsets must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            KernelInceptionDistance.ofSubsets(some, some, new int[][] {{0, 1}}, new int[][] {{0}}))
        .withMessage("a subset must have at least 2 rows of each side, had 2 and 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KernelInceptionDistance.unbiased(some, gaussian(5, 7, 0, 1)))
        .withMessageContaining("dimensions were 6 and 7");
  }

  // CMMD

  /** By hand: unit vectors at right angles are sqrt(2) apart. */
  @Test
  void cmmdByHand() {
    FeatureMatrix a = FeatureMatrix.of(new float[][] {{3, 0}, {0, 5}});
    FeatureMatrix b = FeatureMatrix.of(new float[][] {{2, 0}});
    double far = Math.exp(-2 / 200.0);
    double expected = 1000 * ((2 + 2 * far) / 4 + 1 - 2 * (1 + far) / 2);
    assertThat(ClipMmd.defaults().distance(a, b)).isCloseTo(expected, offset(1e-9));
    assertThat(ClipMmd.defaults().distance(a, a)).isCloseTo(0, offset(1e-9));
    MetricResult measured = ClipMmd.defaults().measure(a, b, INFO);
    assertThat(measured.settings()).containsEntry("sigma", "10.0").containsEntry("scale", "1000.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ClipMmd.defaults().distance(a, FeatureMatrix.of(new float[][] {{0, 0}})))
        .withMessage("features must have a direction, row 0 is zero");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ClipMmd(0, 1))
        .withMessage("sigma must be positive, was 0.0");
  }

  // pairs

  @Test
  void perceptualDistanceComparesPairs() throws IOException {
    BufferedImage black = new BufferedImage(4, 4, BufferedImage.TYPE_INT_RGB);
    BufferedImage spot = new BufferedImage(4, 4, BufferedImage.TYPE_INT_RGB);
    spot.setRGB(1, 1, 0xffffff);
    PerceptualDistance distance = new PerceptualDistance(new PooledPixels(4), Bootstrap.defaults());
    List<EvaluationProgress> progress = new ArrayList<>();
    double[] distances =
        distance.distances(
            ImageSource.of(List.of(black, spot, spot)),
            ImageSource.of(List.of(black, black, spot)),
            2,
            progress::add);
    // three channels of one white pixel, less the mean of 3 / 48
    double expected = 3 * Math.pow(1 - 1 / 16.0, 2) + 45 / 256.0;
    assertThat(distances).containsExactly(new double[] {0, expected, 0}, offset(1e-6));
    assertThat(progress).hasSize(2);
    MetricResult measured =
        distance.measure(
            ImageSource.of(List.of(black, spot, spot)),
            ImageSource.of(List.of(black, black, spot)),
            8,
            p -> {});
    assertThat(measured.value()).isCloseTo(expected / 3, offset(1e-6));
    assertThat(measured.counts()).containsEntry("pairs", 3);
    assertThat(measured.interval()).isNotNull();
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            distance.distances(
                ImageSource.of(List.of(black, spot)), ImageSource.of(List.of(black)), 1, p -> {}))
        .withMessage("there must be as many images as reference images, were 2 and 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            distance.distances(ImageSource.of(List.of()), ImageSource.of(List.of()), 1, p -> {}))
        .withMessage("images must not be empty");
  }

  // matrices

  @Test
  void aMatrixIsChecked() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FeatureMatrix.of(new float[0][]))
        .withMessage("features must have at least one row");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FeatureMatrix.of(new float[][] {{1, 2}, {1}}))
        .withMessage("features: expected 2 values, was 1 in row 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FeatureMatrix.of(new float[][] {{1, Float.NaN}}))
        .withMessage("features must be finite, was NaN in row 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FeatureMatrix.of(new float[5], 2))
        .withMessage("values must be a multiple of dimension 2, were 5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ExtractorInfo("x", "abc", 1))
        .withMessage("sha256 must be 64 hexadecimal digits, was abc");
  }
}
