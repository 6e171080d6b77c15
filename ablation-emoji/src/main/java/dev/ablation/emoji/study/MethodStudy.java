package dev.ablation.emoji.study;

import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.ImageSheet;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.study.AnswerSet.Question;
import dev.ablation.emoji.study.StudyImages.Judged;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.TextFile;
import dev.ablation.memory.MemoryUse;
import dev.ablation.metric.ClipMmd;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.KernelInceptionDistance;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The benchmark of methods on the embedded model, in the form of UnlearnCanvas (Zhang et al. 2024,
 * arXiv 2402.11846): for every target, remove it, draw the answer set, have the embedded evaluator
 * say what the images show, count. Each run writes its own file to the output folder and is not
 * repeated when the command is started again, so that it can be stopped at any time. At the end it
 * writes {@code results.csv} and {@code results.md} of all results that are there.
 */
@Command(
    name = "study",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes styles and objects from the embedded model by several methods, draws the answer set"
          + " and counts, by the embedded evaluator, what is removed and what is kept. Run it again"
          + " with the same folder to continue where it stopped. A run takes two to four minutes of"
          + " one core.",
    })
public final class MethodStudy implements Callable<Integer> {
  private static final int COPIES = 20;
  private static final List<String> FEW =
      List.of(
          "style:blueprint",
          "style:ink",
          "instance:cat face",
          "instance:owl",
          "instance:pizza",
          "instance:rocket");

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "TARGET",
      description =
          "What to remove: style:NAME, instance:NAME or planted. Default: every style and every"
              + " object of the answer set by the first four methods, two styles and four objects by"
              + " all.")
  private List<String> targets = List.of();

  @Option(
      names = "--methods",
      split = ",",
      paramLabel = "NAME",
      description = "Methods to compare. Default: all.")
  private List<String> methods = List.of();

  @Option(
      names = "--shard",
      paramLabel = "I/N",
      defaultValue = "1/1",
      description = "Makes only every N-th run, starting with the I-th. Default: ${DEFAULT-VALUE}.")
  private String shard = "1/1";

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "target/study",
      description =
          "Folder for the results, created if it does not exist. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "study");

  @Option(
      names = "--images",
      paramLabel = "N",
      description =
          "Images of each pair of object and style. Default: 2, as in the published tables.")
  private @Nullable Integer images;

  @Mixin private StudyOptions options = new StudyOptions();

  MethodStudy() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param args the command line; {@code --help} explains it
   */
  public static void main(String[] args) {
    Startup.offline();
    System.exit(new CommandLine(new MethodStudy()).execute(args));
  }

  /** A method on a target. */
  record Run(StudyTarget target, Method method) {
    String fileName() {
      return StudyResult.fileName(target.toString(), method.name());
    }
  }

  @Override
  public Integer call() throws IOException {
    options.check();
    AnswerSet answers = AnswerSet.load();
    if (images != null) {
      answers = answers.repeats(images);
    }
    List<Run> runs = runs(answers, targets, chosen());
    List<Run> own = options.tables() ? List.of() : shard(runs, shard);
    Files.createDirectories(output);
    if (!own.isEmpty()) {
      make(own, answers);
    }
    new StudyTables(finished(runs), Method.all()).write(output);
    System.out.print(TextFile.read(output.resolve("results.md")));
    return CommandLine.ExitCode.OK;
  }

  private void make(List<Run> own, AnswerSet answers) throws IOException {
    try (ProgressBars bars = options.bars();
        StableDiffusion opened = options.model();
        EmbeddedEvaluator judge = options.judge()) {
      StudyImages drawing =
          new StudyImages(
              judge, bars, EmbeddedModel.recommendedSampling().batchSize(options.batch()));
      @Nullable Judged base = null;
      for (Run run : own) {
        if (!Files.exists(output.resolve(run.fileName()))) {
          base = base == null ? drawing.base(opened, answers, output, suffix()) : base;
          System.err.printf("%s, %s%n", run.target(), run.method().name());
          run(run, base, opened, judge, drawing, answers, bars)
              .save(output.resolve(run.fileName()));
        }
      }
    }
  }

  private String suffix() {
    return images == null ? "" : "-" + images;
  }

  private List<Method> chosen() {
    methods.forEach(Method::named);
    return Method.all().stream()
        .filter(method -> methods.isEmpty() || methods.contains(method.name()))
        .toList();
  }

  /** All runs: those of methods for all targets first. */
  static List<Run> runs(AnswerSet set, List<String> targets, List<Method> methods) {
    List<Run> runs = new ArrayList<>();
    for (Method method : methods) {
      List<StudyTarget> removed =
          targets.isEmpty()
              ? method.forAll()
                  ? StudyTarget.all(set)
                  : FEW.stream().map(text -> StudyTarget.of(text, set)).toList()
              : targets.stream().map(text -> StudyTarget.of(text, set)).toList();
      removed.forEach(target -> runs.add(new Run(target, method)));
    }
    return runs;
  }

  /** Every n-th run, beginning with the i-th, of {@code "i/n"}. */
  static <T> List<T> shard(List<T> runs, String shard) {
    String[] parts = shard.split("/", -1);
    try {
      int index = Integer.parseInt(parts[0]);
      int count = Integer.parseInt(parts[1]);
      if (parts.length == 2 && count > 0 && index > 0 && index <= count) {
        return IntStream.range(0, runs.size())
            .filter(i -> i % count == index - 1)
            .mapToObj(runs::get)
            .toList();
      }
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw notAShard(shard);
    }
    throw notAShard(shard);
  }

  private static IllegalArgumentException notAShard(String shard) {
    return new IllegalArgumentException(
        "shard must be I/N with 1 <= I <= N, such as 2/4, was '%s'".formatted(shard));
  }

  private List<StudyResult> finished(List<Run> runs) throws IOException {
    List<StudyResult> results = new ArrayList<>();
    for (Run run : runs) {
      Path file = output.resolve(run.fileName());
      if (Files.exists(file)) {
        results.add(StudyResult.read(file));
      }
    }
    return results;
  }

  private StudyResult run(
      Run run,
      Judged base,
      StableDiffusion opened,
      EmbeddedEvaluator judge,
      StudyImages drawing,
      AnswerSet answers,
      ProgressBars bars)
      throws IOException {
    StudyTarget target = run.target();
    MemoryUse.resetPeak(); // or a run would only tell its excess
    try (AblationResult result =
        run.method().planner().plan(target, opened, judge).listener(bars).run()) {
      Path delta = output.resolve(run.fileName() + ".tmp");
      result.delta().save(delta);
      long bytes = Files.size(delta);
      Files.delete(delta);
      List<BufferedImage> drawn = new ArrayList<>();
      List<BufferedImage> copies = new ArrayList<>();
      result
          .delta()
          .applied(
              opened,
              () -> {
                drawn.addAll(drawing.draw(opened, answers.prompts(), answers.seed()));
                if (target.kind() == Kind.PLANTED) {
                  copies.addAll(
                      drawing.draw(
                          opened, Collections.nCopies(COPIES, target.name()), answers.seed()));
                }
                return drawn;
              });
      ImageFile.writePng(
          ImageSheet.of(drawn, answers.styles().size()),
          output.resolve(run.fileName().replace(".json", ".png")));
      Judged found = drawing.judged(drawn);
      Judged copied = copies.isEmpty() ? null : drawing.judged(copies);
      List<Question> questions = answers.questions();
      int[] others =
          IntStream.range(0, questions.size())
              .filter(i -> !Scores.isOf(target, questions.get(i)))
              .toArray();
      FeatureMatrix after = found.features().select(others);
      FeatureMatrix before = base.features().select(others);
      return new StudyResult(
          target.toString(),
          run.method().name(),
          answers.isForDevelopment(target),
          Scores.of(
              target,
              questions,
              base.answers(),
              found.answers(),
              copied == null ? List.of() : copied.answers()),
          Scores.of(
              target,
              questions,
              base.nearest(),
              found.nearest(),
              copied == null ? List.of() : copied.nearest()),
          ClipMmd.defaults().distance(after, before),
          KernelInceptionDistance.unbiased(after, before),
          result.elapsed().toMillis() / 1000.0,
          result.outcome().steps(),
          result.outcome().step(),
          result.outcome().reason(),
          result.memory().orElse(0),
          bytes,
          opened.weights().sha256(),
          judge.clip().weights().sha256());
    }
  }
}
