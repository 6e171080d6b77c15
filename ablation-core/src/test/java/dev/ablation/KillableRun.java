package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.Protocol;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.TrainingMonitor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A small run with everything that a checkpoint must keep, its evaluation, and everything that is
 * written at its end, in a process of its own: {@code KillableRun FOLDER}. At every event it prints
 * the stage and waits for a byte of its input, unless that has ended.
 */
final class KillableRun {
  /** What a run does, in this order. */
  enum Stage {
    ANCHORS,
    TRAINING,
    EVALUATION,
    SAVING,
    EXPORT,
    REPORT
  }

  /** Files in the folder, the same after every run. */
  static final List<String> RESULTS = List.of("delta.safetensors", "export/model.safetensors");

  static final String REPORT = "report.html";

  private static final SamplingSettings SAMPLING =
      SamplingSettings.defaults().steps(4).batchSize(1);

  private KillableRun() {}

  static Ablation plan(DiffusionModel model, Path folder) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(
            AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "the cat"))
                .images(6)
                .sampling(SAMPLING))
        .objective(
            AblationObjective.modelBased().plus(AblationObjective.priorPreservation().times(0.3)))
        .weights(WeightGroup.denoiser().or(WeightGroup.tokenEmbeddings()))
        .training(t ->
            t.steps(20)
                .batchSize(2)
                .accumulation(2)
                .learningRate(0.02)
                .schedule(LearningRateSchedule.cosine(5, 0.1))
                .measure("size of the key", 5, of -> size(of, "network.key"))
                .monitor(TrainingMonitor.keepingLowest("size of the key")))
        .seed(11)
        .checkpoints(Checkpoints.in(folder.resolve("run")).every(3).keep(2))
        .evaluate(
            Evaluation.with(new TinyEncoder())
                .target(Concept.instance("grumpy cat"), "cat", List.of("the cat", "two cats"))
                .neighbours("persian cat")
                .unrelated(List.of("a red bus"))
                .protocol(Protocol.paper().images(3, 2, 2, 2).sampling(SAMPLING).shown(1))
                .keptIn(folder.resolve("images")));
  }

  private static double size(DiffusionModel model, String weight) {
    double sum = 0;
    for (float value : model.weights().get(weight).toFloatArray()) {
      sum += value * value;
    }
    return sum;
  }

  public static void main(String[] args) throws IOException {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      run(model, Path.of(args[0]), KillableRun::printAndWait);
    }
  }

  /** Runs, or continues, to the end. */
  static void run(DiffusionModel model, Path folder, Consumer<Stage> observer) throws IOException {
    Files.createDirectories(folder);
    Ablation plan = plan(model, folder).listener(event -> observer.accept(stage(event)));
    try (AblationResult result = plan.run()) {
      observer.accept(Stage.SAVING);
      save(result.delta(), folder.resolve(RESULTS.get(0)));
      observer.accept(Stage.EXPORT);
      export(model, result.delta(), folder.resolve("export"));
      observer.accept(Stage.REPORT);
      result.report(folder.resolve(REPORT));
    }
  }

  /** Checks that a folder has the results of another one, and nothing else. */
  static void check(Path run, Path whole) throws IOException {
    for (String result : RESULTS) {
      assertThat(run.resolve(result)).hasSameBinaryContentAs(whole.resolve(result));
    }
    assertThat(Files.readString(run.resolve(REPORT))).contains("</html>");
    Path last = run.resolve("last");
    AtomicFiles.writeString(last, Existing.REPLACE, "looks for abandoned files");
    try (Stream<Path> files = Files.list(run)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "run", "images", "delta.safetensors", "export", REPORT, "report.json", "last");
    }
  }

  private static void save(WeightDelta delta, Path file) throws IOException {
    if (!Files.exists(file)) {
      delta.save(file);
    }
  }

  private static void export(DiffusionModel model, WeightDelta delta, Path folder)
      throws IOException {
    if (Files.exists(folder)) {
      return;
    }
    WeightDelta.Applied applied = delta.applyTo(model);
    try (applied) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      for (WeightInfo info : model.weights().list()) {
        arrays.put(info.name(), model.weights().get(info.name()));
      }
      AtomicFiles.writeFolder(
          folder,
          inner -> SafetensorsWriter.write(inner.resolve("model.safetensors"), arrays, Map.of()));
    }
  }

  private static Stage stage(AblationEvent event) {
    if (event instanceof AblationEvent.AnchorsProgressed) {
      return Stage.ANCHORS;
    }
    return event instanceof AblationEvent.EvaluationProgressed ? Stage.EVALUATION : Stage.TRAINING;
  }

  private static void printAndWait(Stage stage) {
    System.out.println("event " + stage.name().toLowerCase(Locale.ROOT));
    try {
      System.in.read();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
