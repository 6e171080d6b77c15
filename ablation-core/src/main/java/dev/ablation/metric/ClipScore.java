package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * CLIP score and CLIP accuracy as in the paper's evaluation, and zero-shot accuracy over a list of
 * labels (Kumari et al. 2023, section 4.1; Hessel et al. 2021, arXiv 2104.08718).
 *
 * {@snippet class="dev.ablation.Snippets" region="clip-score"}
 *
 * @param encoder encoder of images and texts
 * @param bootstrap settings of the confidence intervals
 */
public record ClipScore(TextImageEncoder encoder, Bootstrap bootstrap) {
  private static final String PAINTING = "painting";

  /** Checks that nothing is null. */
  public ClipScore {
    Objects.requireNonNull(encoder, "encoder");
    Objects.requireNonNull(bootstrap, "bootstrap");
  }

  /**
   * Returns the text that the paper's evaluation compares images with: {@code "A photo depicts "}
   * and the concept's name, followed by {@code " style"} if the anchor is {@code "painting"} and
   * the concept is not.
   *
   * @param concept name of the concept, such as {@code "van gogh"}
   * @param anchor name of the ablation's anchor
   * @return the text, such as {@code "A photo depicts van gogh style"}
   */
  public static String text(String concept, String anchor) {
    boolean style = anchor.equals(PAINTING) && !concept.equals(PAINTING);
    return "A photo depicts " + concept + (style ? " style" : "");
  }

  /**
   * Measures the CLIP score: the mean of {@code 2.5 max(cos, 0)}.
   *
   * @param images features of the images, computed by this encoder
   * @param text the text to compare them with, such as {@link #text}
   * @return the result, 0..2.5
   */
  public MetricResult score(FeatureMatrix images, String text) {
    double[] scores = similarity(images, List.of(text)).scores(0);
    return result(
        "CLIP score", mean(scores), bootstrap.ofMean(scores), scores.length, Map.of("text", text));
  }

  /**
   * Measures the CLIP score of images that each have their own text, such as the prompt that
   * generated them: the mean of {@code 2.5 max(cos, 0)}.
   *
   * @param images features of the images, computed by this encoder
   * @param texts one text for each image
   * @return the result, 0..2.5
   * @throws IllegalArgumentException if the numbers of texts and images differ
   */
  public MetricResult score(FeatureMatrix images, List<String> texts) {
    Preconditions.checkArgument(
        texts.size() == images.rows(),
        "there must be one text for each of the %s images, were %s",
        images.rows(),
        texts.size());
    List<String> different = texts.stream().distinct().toList();
    TextImageSimilarity similarity = similarity(images, different);
    double[] scores = new double[texts.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = similarity.score(i, different.indexOf(texts.get(i)));
    }
    return result(
        "CLIP score",
        mean(scores),
        bootstrap.ofMean(scores),
        scores.length,
        Map.of("text", "each image's own, %d different".formatted(different.size())));
  }

  /**
   * Measures the CLIP accuracy: the share of images that match one text better than another.
   *
   * @param images features of the images, computed by this encoder
   * @param text text of the concept
   * @param anchorText text of the anchor; equal texts give 0, as in the paper's row for the anchor
   * @return the result, 0..1
   */
  public MetricResult accuracy(FeatureMatrix images, String text, String anchorText) {
    double[] hits = similarity(images, List.of(text, anchorText)).preferences(0, 1);
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("text", text);
    settings.put("against", anchorText);
    return result("CLIP accuracy", mean(hits), bootstrap.ofShare(hits), hits.length, settings)
        .unit(Unit.SHARE);
  }

  /**
   * Measures zero-shot accuracy: the share of images whose best matching text is their label.
   *
   * @param images features of the images, computed by this encoder
   * @param texts the labels, at least two, all different
   * @param labels index of the correct text for each image
   * @return the result, 0..1
   * @throws IllegalArgumentException if there are fewer than two labels, two labels are equal, or
   *     the number or range of the indices is wrong
   */
  public MetricResult zeroShotAccuracy(FeatureMatrix images, List<String> texts, int[] labels) {
    Preconditions.checkArgument(
        texts.size() >= 2, "texts must be at least 2 to choose from, were %s", texts);
    Preconditions.checkArgument(
        new TreeSet<>(texts).size() == texts.size(), "texts must differ, were %s", texts);
    double[] hits = similarity(images, texts).hits(labels);
    return result(
            "zero-shot accuracy",
            mean(hits),
            bootstrap.ofShare(hits),
            hits.length,
            Map.of("texts", String.join(" | ", texts)))
        .unit(Unit.SHARE);
  }

  private TextImageSimilarity similarity(FeatureMatrix images, List<String> texts) {
    Preconditions.checkArgument(
        images.dimension() == encoder.info().dimension(),
        "images must be features of %s, of dimension %s, was %s",
        encoder.info().name(),
        encoder.info().dimension(),
        images.dimension());
    return TextImageSimilarity.of(images, encoder.encode(texts));
  }

  private MetricResult result(
      String metric,
      double value,
      ConfidenceInterval interval,
      int count,
      Map<String, String> settings) {
    return MetricResult.of(metric, value, encoder.info())
        .interval(interval)
        .counts(Map.of("images", count))
        .settings(settings)
        .seed(bootstrap.seed());
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).sum() / values.length;
  }
}
