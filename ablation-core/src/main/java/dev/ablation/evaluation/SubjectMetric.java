package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.evaluate.Bootstrap;
import dev.ablation.evaluate.ClipMmd;
import dev.ablation.evaluate.ClipScore;
import dev.ablation.evaluate.ConfidenceInterval;
import dev.ablation.evaluate.FeatureExtractor;
import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.evaluate.FeatureStatistics;
import dev.ablation.evaluate.FrechetInceptionDistance;
import dev.ablation.evaluate.KernelInceptionDistance;
import dev.ablation.evaluate.MetricResult;
import dev.ablation.evaluate.TextImageEncoder;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A number that an {@link Evaluation} takes of a subject. It sees the features of the base model's
 * pictures and of the ablated model's, in the same order and of the same seeds. Metrics with equal
 * extractors share the features.
 *
 * {@snippet class="dev.ablation.Snippets" region="own-metric"}
 */
public interface SubjectMetric {

  /** {@return what the pictures are turned into features with} */
  FeatureExtractor extractor();

  /**
   * Says whether the metric is taken of a subject. Asked before any picture is drawn.
   *
   * @param subject name, role and number of pictures
   * @return whether it is
   * @throws IllegalArgumentException if it should be but cannot, such as for too few pictures
   */
  default boolean suits(Subject subject) {
    return true;
  }

  /**
   * Measures.
   *
   * @param subject what was drawn
   * @param base one row a picture of the base model
   * @param ablated one row a picture of the ablated model
   * @return the metric of both, or a distance between them
   */
  Comparison measure(Subject subject, FeatureMatrix base, FeatureMatrix ablated);

  /**
   * The CLIP score of pictures and their subject's name, as the paper's evaluation computes it.
   *
   * @param encoder such as OpenAI's ViT-B/32
   * @param anchor name of the ablation's anchor, which shapes the text, see {@link ClipScore#text}
   * @return the metric; not taken of unrelated prompts, which name no concept
   */
  static SubjectMetric clipScore(TextImageEncoder encoder, String anchor) {
    ClipScore score = new ClipScore(encoder, Bootstrap.defaults());
    return of(
        encoder,
        subject -> subject.role() != Role.UNRELATED,
        (subject, base, ablated) -> {
          String text = ClipScore.text(subject.name(), anchor);
          return new Comparison(score.score(base, text), score.score(ablated, text));
        });
  }

  /**
   * The CLIP accuracy of pictures: how many go better with their subject's name than with the
   * anchor's.
   *
   * @param encoder such as OpenAI's ViT-B/32
   * @param anchor name of the ablation's anchor
   * @return the metric; taken of target and neighbours. (The paper's row of the anchor compares the
   *     anchor with itself and is always 0.)
   */
  static SubjectMetric clipAccuracy(TextImageEncoder encoder, String anchor) {
    ClipScore score = new ClipScore(encoder, Bootstrap.defaults());
    return of(
        encoder,
        subject -> subject.role() == Role.TARGET || subject.role() == Role.NEIGHBOUR,
        (subject, base, ablated) -> {
          String text = ClipScore.text(subject.name(), anchor);
          String other = ClipScore.text(anchor, anchor);
          return new Comparison(
              score.accuracy(base, text, other), score.accuracy(ablated, text, other));
        });
  }

  /**
   * The kernel inception distance of the ablated model's pictures from the base model's.
   *
   * @param extractor Inception for published numbers, or a picture encoder
   * @param distance subsets and seed
   * @return the metric, which needs at least 2 pictures
   */
  static SubjectMetric kid(FeatureExtractor extractor, KernelInceptionDistance distance) {
    Objects.requireNonNull(distance, "distance");
    return of(
        extractor,
        subject -> atLeast(2, "KID", subject),
        (subject, base, ablated) ->
            new Comparison(
                null, distance.measure(ablated, base, extractor.info(), progress -> {})));
  }

  /**
   * CMMD, the maximum mean discrepancy of CLIP embeddings, of the ablated model's pictures from the
   * base model's.
   *
   * @param extractor a CLIP picture encoder
   * @return the metric, which needs at least 2 pictures
   */
  static SubjectMetric cmmd(FeatureExtractor extractor) {
    return of(
        extractor,
        subject -> atLeast(2, "CMMD", subject),
        (subject, base, ablated) ->
            new Comparison(
                null, ClipMmd.defaults().measure(ablated, base, extractor.info())));
  }

  /**
   * The Fréchet inception distance of the ablated model's pictures from the base model's.
   *
   * @param extractor Inception for published numbers
   * @return the metric; refuses a subject of fewer than {@link
   *     FrechetInceptionDistance#FEWEST_PICTURES} pictures
   */
  static SubjectMetric fid(FeatureExtractor extractor) {
    return of(
        extractor,
        subject ->
            atLeast(FrechetInceptionDistance.FEWEST_PICTURES, "FID", subject),
        (subject, base, ablated) ->
            new Comparison(
                null,
                FrechetInceptionDistance.measure(
                    FeatureStatistics.of(ablated),
                    FeatureStatistics.of(base),
                    extractor.info())));
  }

  /**
   * The mean distance between the two pictures of a seed, {@code 1 - cosine} of their features: how
   * much a picture changed, as LPIPS is used for erasure (0 where nothing did).
   *
   * @param extractor such as LPIPS's features or a picture encoder
   * @return the metric
   */
  static SubjectMetric change(FeatureExtractor extractor) {
    return of(
        extractor,
        subject -> true,
        (subject, base, ablated) -> {
          double[] distances = new double[base.rows()];
          for (int i = 0; i < distances.length; i++) {
            distances[i] = 1 - ablated.cosine(i, base, i);
          }
          return new Comparison(
              null,
              result(
                  "change of a picture",
                  distances,
                  Bootstrap.defaults().ofMean(distances),
                  Map.of("distance", "1 - cosine"),
                  extractor));
        });
  }

  /**
   * The share of pictures that show something.
   *
   * @param metric the name in results, such as {@code "target drawn"}
   * @param detector tells which pictures show it
   * @param roles of the subjects that it is counted in; none for all
   * @return the metric
   */
  static SubjectMetric share(String metric, ConceptDetector detector, Role... roles) {
    Preconditions.checkArgument(!metric.isBlank(), "metric must not be blank");
    Set<Role> taken = roles.length == 0 ? Set.of(Role.values()) : Set.of(roles);
    return of(
        detector.extractor(),
        subject -> taken.contains(subject.role()),
        (subject, base, ablated) ->
            new Comparison(
                shareOf(metric, detector, base), shareOf(metric, detector, ablated)));
  }

  /**
   * Counts the pictures that show something.
   *
   * @param metric the name in results
   * @param detector tells which pictures show it
   * @param features of the pictures
   * @return the share, 0..1, with its confidence interval
   */
  static MetricResult shareOf(String metric, ConceptDetector detector, FeatureMatrix features) {
    double[] hits = detector.shows(features);
    return result(
        metric,
        hits,
        Bootstrap.defaults().ofShare(hits),
        Map.of("detector", detector.name()),
        detector.extractor());
  }

  private static MetricResult result(
      String metric,
      double[] values,
      @Nullable ConfidenceInterval interval,
      Map<String, String> settings,
      FeatureExtractor extractor) {
    return new MetricResult(
        metric,
        Arrays.stream(values).sum() / values.length,
        interval,
        Map.of("pictures", values.length),
        settings,
        Bootstrap.defaults().seed(),
        extractor.info());
  }

  private static boolean atLeast(int pictures, String metric, Subject subject) {
    Preconditions.checkArgument(
        subject.pictures() >= pictures,
        "%s needs at least %s pictures, but %s has %s",
        metric,
        pictures,
        subject.name(),
        subject.pictures());
    return true;
  }

  private static SubjectMetric of(
      FeatureExtractor extractor, java.util.function.Predicate<Subject> suits, Measure measure) {
    Objects.requireNonNull(extractor, "extractor");
    return new SubjectMetric() {
      @Override
      public FeatureExtractor extractor() {
        return extractor;
      }

      @Override
      public boolean suits(Subject subject) {
        return suits.test(subject);
      }

      @Override
      public Comparison measure(Subject subject, FeatureMatrix base, FeatureMatrix ablated) {
        return measure.of(subject, base, ablated);
      }
    };
  }

  /** The last method of a metric. */
  @FunctionalInterface
  interface Measure {
    /**
     * Measures, see {@link SubjectMetric#measure}.
     *
     * @param subject what was drawn
     * @param base one row a picture of the base model
     * @param ablated one row a picture of the ablated model
     * @return the metric
     */
    Comparison of(Subject subject, FeatureMatrix base, FeatureMatrix ablated);
  }
}
