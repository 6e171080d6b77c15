package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * How near images come to memorised ones.
 *
 * @param extractor of the features
 * @param threshold above which an image is a copy
 * @param scores cosine with the nearest original, one an image, at least one
 */
public record CopyScores(ExtractorInfo extractor, double threshold, List<Double> scores) {

  /** Checks that there are scores. */
  public CopyScores {
    Objects.requireNonNull(extractor, "extractor");
    scores = List.copyOf(scores);
    Preconditions.checkArgument(!scores.isEmpty(), "scores must not be empty");
  }

  /**
   * Tells whether an image is a copy.
   *
   * @param image its index
   * @return whether its score is above the threshold
   */
  public boolean isCopy(int image) {
    return scores.get(image) > threshold;
  }

  /** {@return the indices of the copies, ascending} */
  public List<Integer> copies() {
    return IntStream.range(0, scores.size()).filter(this::isCopy).boxed().toList();
  }

  /** {@return the memorisation percentage: copies among all images, 0..100} */
  public double percentage() {
    return 100.0 * copies().size() / scores.size();
  }

  /**
   * Returns the memorisation percentage with its confidence interval.
   *
   * @param bootstrap how the interval is computed
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
