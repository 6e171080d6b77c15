package dev.ablation.cli;

import static dev.ablation.emoji.ImageGrid.Role.TARGET;

import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.WordingAttack;
import dev.ablation.emoji.AblationJob;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.ImageGrid;
import dev.ablation.emoji.ImageGrid.Row;
import dev.ablation.emoji.ModelFiles;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The images of a job's grid as an evaluation, for its report: each row is a subject, of which all
 * images are shown. With the embedded evaluator the images that show what the row is named after
 * are counted.
 */
final class GridEvaluation {
  private static final String DRAWN = "drawn as named";
  private static final String COPIES = "copies of the memorised image";
  private static final String CHANGE = "mean squared change";

  private final AblationJob job;
  private final dev.ablation.cli.Comparison drawn;
  private final @Nullable EmbeddedEvaluator evaluator;

  GridEvaluation(
      AblationJob job, dev.ablation.cli.Comparison drawn, @Nullable EmbeddedEvaluator evaluator) {
    this.job = job;
    this.drawn = drawn;
    this.evaluator = evaluator;
  }

  EvaluationResult result(Duration elapsed) throws IOException {
    ImageGrid grid = drawn.grid();
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
      List<ImagePair> pairs = new ArrayList<>();
      for (int i = 0; i < columns; i++) {
        pairs.add(
            new ImagePair(of.prompts().get(i), job.seed() + from + i, before.get(i), after.get(i)));
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
    String metric = isPlanted(row) ? COPIES : DRAWN;
    return detector(row)
        .map(each -> new Comparison(share(metric, each, before), share(metric, each, after)));
  }

  private Optional<ConceptDetector> detector(Row row) {
    if (evaluator == null) {
      return Optional.empty();
    }
    String name = name(row);
    if (isPlanted(row)) {
      return Optional.of(evaluator.ofPlantedCopies());
    } else if (evaluator.styles().contains(name)) {
      return Optional.of(evaluator.ofStyle(name));
    } else if (evaluator.concepts().contains(name)) {
      return Optional.of(evaluator.ofConcept(name));
    }
    return Optional.empty(); // such as a category
  }

  private static boolean isPlanted(Row row) {
    return row.prompts().contains(EmbeddedModel.plantedCaption());
  }

  /** As it stands in the row's prompts. */
  private static String name(Row row) {
    return isPlanted(row)
        ? EmbeddedModel.plantedCaption()
        : row.caption().replaceFirst("^an? ", "");
  }

  /** Asks for each target in other words; nothing without the evaluator. */
  List<Attack> attempts() {
    ImageGrid grid = drawn.grid();
    List<Attack> attempts = new ArrayList<>();
    List<Row> targets = grid.rows().stream().filter(row -> row.role() == TARGET).toList();
    for (Row row : targets) {
      detector(row)
          .map(each -> new AttackSettings(each, job.sampling(), row.prompts().size(), job.seed()))
          .map(trial -> WordingAttack.of(name(row), row.prompts(), trial))
          .ifPresent(found ->
              found.forEach(each ->
                  attempts.add(
                      targets.size() == 1
                          ? each
                          : new WordingAttack(
                              name(row) + ", " + each.name(), each.prompts(), each.trial()))));
    }
    return attempts;
  }

  private static MetricResult share(
      String metric, ConceptDetector detector, List<BufferedImage> images) {
    double[] hits = detector.shows(images);
    Bootstrap bootstrap = Bootstrap.defaults();
    return new MetricResult(
        metric,
        Arrays.stream(hits).sum() / hits.length,
        bootstrap.ofShare(hits),
        Map.of("images", hits.length),
        Map.of("detector", detector.name()),
        bootstrap.seed(),
        detector.extractor().info());
  }

  private static Comparison change(List<BufferedImage> before, List<BufferedImage> after)
      throws IOException {
    double[] changes =
        IntStream.range(0, before.size())
            .mapToDouble(
                i -> dev.ablation.cli.Comparison.meanSquaredChange(before.get(i), after.get(i)))
            .toArray();
    Bootstrap bootstrap = Bootstrap.defaults();
    return new Comparison(
        null,
        new MetricResult(
            CHANGE,
            Arrays.stream(changes).average().orElseThrow(),
            bootstrap.ofMean(changes),
            Map.of("images", changes.length),
            Map.of(),
            bootstrap.seed(),
            pixels(before.get(0))));
  }

  private static ExtractorInfo pixels(BufferedImage image) throws IOException {
    String name = "pixels from 0 to 1, %d x %d".formatted(image.getWidth(), image.getHeight());
    String hash =
        ModelFiles.sha256(new ByteArrayInputStream(name.getBytes(StandardCharsets.UTF_8)));
    return new ExtractorInfo(name, hash, 3 * image.getWidth() * image.getHeight());
  }

  private Map<String, String> settings() {
    SamplingSettings sampling = job.sampling();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("sampler", sampling.sampler().name());
    settings.put("steps", Integer.toString(sampling.steps()));
    settings.put("guidance scale", Double.toString(sampling.guidanceScale()));
    settings.put("seed of the first image", Long.toString(job.seed()));
    return settings;
  }
}
