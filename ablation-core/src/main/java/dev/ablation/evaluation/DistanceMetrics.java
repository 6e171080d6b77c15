package dev.ablation.evaluation;

import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ClipMmd;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.FeatureStatistics;
import dev.ablation.metric.FrechetInceptionDistance;
import dev.ablation.metric.KernelInceptionDistance;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.MetricStatistics;
import dev.ablation.metric.PerceptualDistance;
import dev.ablation.metric.Unit;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Metrics of the distance between the images after and before the ablation. */
final class DistanceMetrics {
  private static final String BASE = "base";
  private static final String ABLATED = "ablated";

  private DistanceMetrics() {}

  /** {@return a problem for each subject that has too few images} */
  private static List<String> tooFew(List<Subject> subjects, String metric, int fewest) {
    return subjects.stream()
        .filter(subject -> subject.images() < fewest)
        .map(subject ->
            "%s needs at least %d images of '%s', but the protocol has %d"
                .formatted(metric, fewest, subject.name(), subject.images()))
        .toList();
  }

  /** KID; keeps the features of a subject in memory. */
  record Kid(FeatureExtractor extractor, KernelInceptionDistance distance)
      implements SubjectMetric {
    Kid {
      Objects.requireNonNull(extractor, "extractor");
      Objects.requireNonNull(distance, "distance");
    }

    @Override
    public String name() {
      return "KID";
    }

    @Override
    public List<String> problems(List<Subject> subjects) {
      return tooFew(subjects, name(), 2);
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      return new CollectedFeatures(
          extractor,
          (base, ablated) ->
              new Comparison(
                  null, distance.measure(ablated, base, extractor.info(), progress -> {})));
    }
  }

  /** Precision; keeps the features of a subject in memory. */
  record Precision(FeatureExtractor extractor) implements SubjectMetric {
    private static final int NEAREST = 3;

    Precision {
      Objects.requireNonNull(extractor, "extractor");
    }

    @Override
    public String name() {
      return ErasureScore.PRECISION;
    }

    @Override
    public List<String> problems(List<Subject> subjects) {
      return tooFew(subjects, name(), NEAREST + 2);
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      return new CollectedFeatures(
          extractor,
          (base, ablated) -> {
            double[] within = within(base, ablated);
            return new Comparison(
                null,
                MetricResult.of(
                        name(), Arrays.stream(within).average().orElseThrow(), extractor.info())
                    .unit(Unit.SHARE)
                    .interval(bootstrap.ofShare(within))
                    .counts(Map.of("images", within.length))
                    .settings(Map.of("nearest", Integer.toString(NEAREST)))
                    .seed(bootstrap.seed()));
          });
    }

    /** {@return for each row of {@code ablated} 1 if it lies within the manifold of the others} */
    static double[] within(FeatureMatrix base, FeatureMatrix ablated) {
      double[] radii = new double[base.rows()];
      for (int i = 0; i < radii.length; i++) {
        double[] distances = new double[base.rows()];
        for (int k = 0; k < distances.length; k++) {
          distances[k] = squaredDistance(base, i, base, k);
        }
        Arrays.sort(distances); // the first is the image itself
        radii[i] = distances[Math.min(NEAREST, distances.length - 1)];
      }
      double[] within = new double[ablated.rows()];
      for (int i = 0; i < within.length; i++) {
        for (int k = 0; k < radii.length && within[i] == 0; k++) {
          within[i] = squaredDistance(ablated, i, base, k) <= radii[k] ? 1 : 0;
        }
      }
      return within;
    }

    private static double squaredDistance(FeatureMatrix one, int i, FeatureMatrix other, int k) {
      double sum = 0;
      for (int column = 0; column < one.dimension(); column++) {
        double difference = one.get(i, column) - other.get(k, column);
        sum += difference * difference;
      }
      return sum;
    }
  }

  /** FID; keeps only means and covariances in memory. */
  record Fid(FeatureExtractor extractor) implements SubjectMetric {
    Fid {
      Objects.requireNonNull(extractor, "extractor");
    }

    @Override
    public String name() {
      return "FID";
    }

    @Override
    public List<String> problems(List<Subject> subjects) {
      return tooFew(subjects, name(), FrechetInceptionDistance.FEWEST_IMAGES);
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      FeatureStatistics base = new FeatureStatistics(extractor.info().dimension());
      FeatureStatistics ablated = new FeatureStatistics(extractor.info().dimension());
      return new Additive() {
        @Override
        public void add(ImageBatch batch) {
          base.add(batch.baseFeatures(extractor));
          ablated.add(batch.ablatedFeatures(extractor));
        }

        @Override
        public MetricStatistics statistics() {
          return MetricStatistics.empty().sums(BASE, base).sums(ABLATED, ablated);
        }

        @Override
        public void add(MetricStatistics next) {
          next.sums(BASE).ifPresent(base::merge);
          next.sums(ABLATED).ifPresent(ablated::merge);
        }

        @Override
        public Comparison result() {
          return new Comparison(
              null, FrechetInceptionDistance.measure(ablated, base, extractor.info()));
        }
      };
    }
  }

  /** CMMD; keeps the features of a subject in memory. */
  record Cmmd(FeatureExtractor extractor, ClipMmd distance) implements SubjectMetric {
    Cmmd {
      Objects.requireNonNull(extractor, "extractor");
      Objects.requireNonNull(distance, "distance");
    }

    @Override
    public String name() {
      return "CMMD";
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      return new CollectedFeatures(
          extractor,
          (base, ablated) ->
              new Comparison(null, distance.measure(ablated, base, extractor.info())));
    }
  }

  /** The distance between paired images; keeps one number for each pair in memory. */
  record Perceptual(FeatureExtractor extractor) implements SubjectMetric {
    Perceptual {
      Objects.requireNonNull(extractor, "extractor");
    }

    @Override
    public String name() {
      return "perceptual distance";
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      PerceptualDistance distance = new PerceptualDistance(extractor, bootstrap);
      return new ImageValues() {
        @Override
        public void add(ImageBatch batch) {
          for (double each :
              PerceptualDistance.distances(
                  batch.ablatedFeatures(extractor), batch.baseFeatures(extractor))) {
            ablated().add(each);
          }
        }

        @Override
        public Comparison result() {
          return new Comparison(null, distance.measure(numbers(ablated())));
        }
      };
    }
  }
}
