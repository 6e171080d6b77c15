package dev.ablation.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;

import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ClipScoreTest {

  /** "red", "green" and "blue" are the axes; an image is the colour of its first pixel. */
  static final class Colours implements TextImageEncoder {
    @Override
    public ExtractorInfo info() {
      return new ExtractorInfo("colours", "c".repeat(64), 3);
    }

    @Override
    public FeatureMatrix extract(List<BufferedImage> images) {
      return FeatureMatrix.of(
          images.stream()
              .map(image -> {
                int pixel = image.getRGB(0, 0);
                return new float[] {(pixel >> 16) & 0xff, (pixel >> 8) & 0xff, pixel & 0xff};
              })
              .toArray(float[][]::new));
    }

    @Override
    public FeatureMatrix encode(List<String> texts) {
      return FeatureMatrix.of(
          texts.stream()
              .map(text ->
                  new float[] {
                    text.contains("red") ? 1 : 0,
                    text.contains("green") ? 1 : 0,
                    text.contains("blue") ? 1 : 0
                  })
              .toArray(float[][]::new));
    }

    @Override
    public double logitScale() {
      return 10;
    }
  }

  private final ClipScore metric = new ClipScore(new Colours(), Bootstrap.defaults());
  private final FeatureMatrix images =
      FeatureMatrix.of(new float[][] {{1, 0, 0}, {3, 4, 0}, {-2, 0, 1}, {0, 0, 2}});

  @Test
  void theTextsAreThePapers() {
    assertThat(ClipScore.text("van gogh", "painting")).isEqualTo("A photo depicts van gogh style");
    assertThat(ClipScore.text("painting", "painting")).isEqualTo("A photo depicts painting");
    assertThat(ClipScore.text("grumpy cat", "cat")).isEqualTo("A photo depicts grumpy cat");
  }

  @Test
  void scoreIsTheMeanOfPositiveCosines() {
    MetricResult score = metric.score(images, "red");
    assertThat(score.value()).isCloseTo(2.5 * (1 + 0.6 + 0 + 0) / 4, offset(1e-7));
    assertThat(score.metric()).isEqualTo("CLIP score");
    assertThat(score.counts()).containsEntry("images", 4);
    assertThat(score.settings()).containsEntry("text", "red");
    assertThat(score.seed()).isZero();
    assertThat(score.extractor().name()).isEqualTo("colours");
    ConfidenceInterval interval = Objects.requireNonNull(score.interval());
    assertThat(interval.low()).isLessThan(score.value());
    assertThat(interval.high()).isGreaterThan(score.value());
  }

  /** The third image's cosines with both are cut to 0: a tie, which does not count. */
  @Test
  void accuracyComparesScoresNotCosines() {
    assertThat(metric.accuracy(images, "red", "green").value()).isEqualTo(0.25);
    assertThat(metric.accuracy(images, "green", "red").value()).isEqualTo(0.25);
    assertThat(metric.accuracy(images, "red", "red").value()).isZero();
    ConfidenceInterval certain =
        Objects.requireNonNull(metric.accuracy(images, "red", "red").interval());
    assertThat(certain.method()).isEqualTo("Wilson");
    assertThat(certain.low()).isZero();
    assertThat(certain.high()).isCloseTo(0.4899, offset(1e-4)); // statsmodels: 0.48990
  }

  @Test
  void zeroShotAccuracyCountsTheBestText() {
    List<String> texts = List.of("red", "green", "blue");
    assertThat(metric.zeroShotAccuracy(images, texts, new int[] {0, 1, 2, 2}).value()).isEqualTo(1);
    assertThat(metric.zeroShotAccuracy(images, texts, new int[] {0, 0, 2, 0}).value())
        .isEqualTo(0.5);
  }

  @Test
  void probabilitiesAreASoftmax() {
    TextImageSimilarity similarity =
        TextImageSimilarity.of(images, new Colours().encode(List.of("red", "blue")));
    double[] shares = similarity.probabilities(0, 1);
    assertThat(shares[0]).isCloseTo(Math.E / (Math.E + 1), offset(1e-12));
    assertThat(shares[0] + shares[1]).isCloseTo(1, offset(1e-12));
    assertThat(similarity.probabilities(0, 1e6)[1]).isZero();
  }

  @Test
  void refusesWhatCannotBeMeasured() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metric.zeroShotAccuracy(images, List.of("red"), new int[4]))
        .withMessage("texts must be at least 2 to choose from, were [red]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metric.zeroShotAccuracy(images, List.of("red", "red"), new int[4]))
        .withMessage("texts must differ, were [red, red]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metric.zeroShotAccuracy(images, List.of("red", "blue"), new int[3]))
        .withMessage("there must be one label for each of the 4 images, were 3");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> metric.zeroShotAccuracy(images, List.of("red", "blue"), new int[] {0, 1, 2, 0}))
        .withMessage("labels must be in [0, 2), was 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metric.score(FeatureMatrix.of(new float[][] {{1, 2}}), "red"))
        .withMessage("images must be features of colours, of dimension 3, was 2");
  }

  // intervals

  @Test
  void theBootstrapIsSeededAndNearTheNormalInterval() {
    double[] values = new double[400];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 4 == 0 ? 1 : 0;
    }
    Bootstrap bootstrap = new Bootstrap(2000, 0.95, 3);
    ConfidenceInterval interval = bootstrap.ofShare(values);
    assertThat(interval).isEqualTo(bootstrap.ofShare(values));
    assertThat(interval).isNotEqualTo(new Bootstrap(2000, 0.95, 4).ofShare(values));
    double margin = 1.96 * Math.sqrt(0.25 * 0.75 / 400);
    assertThat(interval.low()).isCloseTo(0.25 - margin, offset(0.006));
    assertThat(interval.high()).isCloseTo(0.25 + margin, offset(0.006));
    assertThat(interval.method()).isEqualTo("bootstrap, 2000 resamples");
    assertThat(new Bootstrap(2000, 0.5, 3).ofShare(values).high()).isLessThan(interval.high());
  }

  @Test
  void wilsonsIntervalIsSymmetric() {
    Bootstrap bootstrap = Bootstrap.defaults();
    ConfidenceInterval none = bootstrap.ofShare(new double[100]);
    double[] ones = new double[100];
    java.util.Arrays.fill(ones, 1);
    ConfidenceInterval all = bootstrap.ofShare(ones);
    assertThat(none.high()).isCloseTo(0.03699, offset(1e-5));
    assertThat(all.low()).isCloseTo(1 - none.high(), offset(1e-15));
    assertThat(all.high()).isEqualTo(1);
  }

  @Test
  void aMemorisationPercentageIsMeasured() {
    CopyScores scores = new CopyScores(new Colours().info(), 0.5, List.of(0.9, 0.1, 0.2, 0.3));
    MetricResult measured = scores.measure(Bootstrap.defaults());
    assertThat(measured.value()).isEqualTo(25);
    assertThat(Objects.requireNonNull(measured.interval()).high()).isBetween(25.0, 100.0);
    assertThat(measured.settings()).containsEntry("threshold", "0.5");
  }

  @Test
  void intervalsAreChecked() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Bootstrap(99, 0.9, 0))
        .withMessage("resamples must be at least 100, was 99");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Bootstrap(100, 1, 0))
        .withMessage("level must be between 0 and 1, was 1.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Bootstrap.defaults().ofMean(new double[0]))
        .withMessage("values must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Bootstrap.defaults().ofShare(new double[] {0.5}))
        .withMessage("hits must be 0 or 1, was 0.5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ConfidenceInterval(2, 1, 0.9, "x"))
        .withMessage("low must be at most high, were 2.0 and 1.0");
  }
}
