package dev.ablation.examples;

import dev.ablation.evaluate.Bootstrap;
import dev.ablation.evaluate.ExtractorInfo;
import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.evaluate.MetricResult;
import dev.ablation.evaluate.PooledPixels;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.PicturePair;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.examples.PictureGrid.Row;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The pictures of a job's grid as an evaluation, for its report: each row is a subject, of which
 * all pictures are shown. With the embedded evaluator the pictures that show what the row is named
 * after are counted.
 */
final class GridEvaluation {
  private static final String DRAWN = "drawn as named";
  private static final String COPIES = "copies of the memorised picture";
  private static final String CHANGE = "mean squared change";

  private final Job job;
  private final dev.ablation.examples.Comparison drawn;
  private final @Nullable EmbeddedEvaluator evaluator;

  GridEvaluation(
      Job job, dev.ablation.examples.Comparison drawn, @Nullable EmbeddedEvaluator evaluator) {
    this.job = job;
    this.drawn = drawn;
    this.evaluator = evaluator;
  }

  EvaluationResult result(Duration elapsed) {
    PictureGrid grid = drawn.grid();
    int columns = grid.columns().size();
    List<SubjectResult> subjects = new ArrayList<>();
    for (int row = 0; row < grid.rows().size(); row++) {
      Row of = grid.rows().get(row);
      int from = drawn.index(row, 0);
      List<BufferedImage> before = drawn.before().subList(from, from + columns);
      List<BufferedImage> after = drawn.after().subList(from, from + columns);
      List<Comparison> metrics = new ArrayList<>();
      counted(of, before, after).ifPresent(metrics::add);
      metrics.add(change(before, after));
      List<PicturePair> pairs = new ArrayList<>();
      for (int i = 0; i < columns; i++) {
        pairs.add(
            new PicturePair(
                of.prompts().get(i), job.seed() + from + i, before.get(i), after.get(i)));
      }
      subjects.add(
          new SubjectResult(
              new Subject(Role.valueOf(of.role().name()), of.caption(), of.prompts(), columns),
              metrics,
              pairs));
    }
    return new EvaluationResult(settings(), subjects, List.of(), elapsed);
  }

  private Optional<Comparison> counted(
      Row row, List<BufferedImage> before, List<BufferedImage> after) {
    if (evaluator == null) {
      return Optional.empty();
    }
    String name = row.caption().replaceFirst("^an? ", "");
    ConceptDetector detector;
    String metric = DRAWN;
    if (evaluator.styles().contains(name)) {
      detector = evaluator.ofStyle(name);
    } else if (evaluator.concepts().contains(name)) {
      detector = evaluator.ofConcept(name);
    } else if (row.prompts().contains(EmbeddedModel.plantedCaption())) {
      detector = evaluator.ofPlantedCopies();
      metric = COPIES;
    } else {
      return Optional.empty(); // such as a category
    }
    return Optional.of(
        new Comparison(share(metric, detector, before), share(metric, detector, after)));
  }

  private static MetricResult share(
      String metric, ConceptDetector detector, List<BufferedImage> pictures) {
    double[] hits = detector.shows(pictures);
    Bootstrap bootstrap = Bootstrap.defaults();
    return new MetricResult(
        metric,
        Arrays.stream(hits).sum() / hits.length,
        bootstrap.ofShare(hits),
        Map.of("pictures", hits.length),
        Map.of("detector", detector.name()),
        bootstrap.seed(),
        detector.extractor().info());
  }

  private static Comparison change(List<BufferedImage> before, List<BufferedImage> after) {
    PooledPixels pixels = new PooledPixels(before.get(0).getWidth());
    ExtractorInfo info = pixels.info();
    FeatureMatrix from = pixels.extract(before);
    FeatureMatrix to = pixels.extract(after);
    double sum = 0;
    for (int row = 0; row < from.rows(); row++) {
      for (int column = 0; column < from.dimension(); column++) {
        double difference = to.get(row, column) - from.get(row, column);
        sum += difference * difference;
      }
    }
    return new Comparison(
        null,
        new MetricResult(
            CHANGE,
            sum / from.rows() / from.dimension(),
            null,
            Map.of("pictures", from.rows()),
            Map.of(),
            null,
            info));
  }

  private Map<String, String> settings() {
    SamplingSettings sampling = job.sampling();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("sampler", sampling.sampler().name());
    settings.put("steps", Integer.toString(sampling.steps()));
    settings.put("guidance scale", Double.toString(sampling.guidanceScale()));
    settings.put("seed of the first picture", Long.toString(job.seed()));
    return settings;
  }
}
