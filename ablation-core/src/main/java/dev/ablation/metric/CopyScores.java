package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * How similar images are to memorized ones.
 *
 * @param extractor the extractor of the features
 * @param threshold the score above which an image is a copy
 * @param scores cosine with the nearest original for each image, at least one
 */
public record CopyScores(ExtractorInfo extractor, double threshold, List<Double> scores) {

  /** Checks that there is at least one score. */
  public CopyScores {
    Objects.requireNonNull(extractor, "extractor");
    scores = List.copyOf(scores);
    Preconditions.checkArgument(!scores.isEmpty(), "scores must not be empty");
  }

  /**
   * Returns whether an image is a copy.
   *
   * @param image index of the image
   * @return whether its score is above the threshold
   */
  public boolean isCopy(int image) {
    return scores.get(image) > threshold;
  }

  /** {@return the indices of the copies in ascending order} */
  public List<Integer> copies() {
    return IntStream.range(0, scores.size()).filter(this::isCopy).boxed().toList();
  }

  /** {@return the memorization percentage: the share of copies among all images, 0..100} */
  public double percentage() {
    return 100.0 * copies().size() / scores.size();
  }

  /**
   * Returns the memorization percentage with its confidence interval.
   *
   * @param bootstrap settings of the confidence interval
   * @return the result
   */
  public MetricResult measure(Bootstrap bootstrap) {
    double[] copied = new double[scores.size()];
    for (int i = 0; i < copied.length; i++) {
      copied[i] = isCopy(i) ? 1 : 0;
    }
    return MetricResult.of("memorisation percentage", percentage(), extractor)
        .unit(Unit.PERCENT)
        .interval(bootstrap.ofShare(copied).times(100))
        .counts(Map.of("images", copied.length))
        .settings(Map.of("threshold", Double.toString(threshold)))
        .seed(bootstrap.seed());
  }
}
