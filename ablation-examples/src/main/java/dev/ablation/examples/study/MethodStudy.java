package dev.ablation.examples.study;

import ai.djl.Device;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.StableDiffusionOptions;
import dev.ablation.examples.EmbeddedModel;
import dev.ablation.examples.PictureSheet;
import dev.ablation.examples.ProgressBars;
import dev.ablation.examples.Startup;
import dev.ablation.examples.dataset.EmojiDataSet;
import dev.ablation.examples.dataset.NearestPicture;
import dev.ablation.examples.dataset.NearestPicture.Judgement;
import dev.ablation.examples.dataset.RgbPicture;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The command that compares methods on the embedded model. Each run leaves a file of its own in the
 * output folder and is not repeated when the command is started again, so that it can be stopped at
 * any time. At the end it writes {@code results.csv} and {@code results.md}.
 */
@Command(
    name = "study",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes concepts from the embedded model by several methods and counts, by the nearest"
          + " picture of the data set, what is gone and what is kept. Started again with the same"
          + " folder, it goes on where it stopped. A run takes one to three minutes of one core.",
    })
public final class MethodStudy implements Callable<Integer> {
  private static final SamplingSettings SAMPLING =
      new SamplingSettings(Sampler.dpmSolverPlusPlus(), 16, 4, "", 24);

  /** Not the seed of the training. */
  private static final long SEED = 77;

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "TARGET",
      defaultValue = "style:blueprint,instance:cat face,planted",
      description =
          "What to remove: style:NAME, instance:NAME or planted. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(
      names = "--methods",
      split = ",",
      paramLabel = "NAME",
      description = "Methods to compare. Default: all.")
  private List<String> methods = List.of();

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "target/study",
      description = "Folder of the results, made if there is none. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "study");

  @Option(names = "--quiet", description = "Shows no progress bars.")
  private boolean quiet;

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

  @Override
  public Integer call() throws IOException {
    List<StudyTarget> removed = targets.stream().map(StudyTarget::of).toList();
    List<Method> compared = methods();
    Files.createDirectories(output);
    NearestPicture judge = new NearestPicture(EmojiDataSet.load());
    List<StudyResult> results = new ArrayList<>();
    try (ProgressBars bars = ProgressBars.onStandardError(!quiet);
        StableDiffusion model =
            EmbeddedModel.open(StableDiffusionOptions.defaults().device(Device.cpu()).threads(1))) {
      for (StudyTarget target : removed) {
        results.add(kept(target, StudyResult.BASE, () -> base(target, model, judge, bars)));
        for (Method method : compared) {
          results.add(
              kept(target, method.name(), () -> ablated(target, method, model, judge, bars)));
        }
      }
    }
    StudyResult.write(results, compared, output);
    System.out.print(Files.readString(output.resolve("results.md")));
    return CommandLine.ExitCode.OK;
  }

  private List<Method> methods() {
    List<Method> all = Method.all();
    for (String name : methods) {
      if (all.stream().noneMatch(method -> method.name().equals(name))) {
        throw new IllegalArgumentException(
            "method must be one of %s, was '%s'"
                .formatted(all.stream().map(Method::name).toList(), name));
      }
    }
    return all.stream()
        .filter(method -> methods.isEmpty() || methods.contains(method.name()))
        .toList();
  }

  /** Takes a result that an earlier start left, or makes it. */
  private StudyResult kept(StudyTarget target, String method, Work work) throws IOException {
    Path file = output.resolve(StudyResult.fileName(target.name(), method));
    if (Files.exists(file)) {
      return StudyResult.read(file);
    }
    StudyResult result = work.run();
    result.save(file);
    return result;
  }

  private StudyResult base(
      StudyTarget target, DiffusionModel model, NearestPicture judge, ProgressBars bars)
      throws IOException {
    Scores scores = judged(target, StudyResult.BASE, draw(target, model, bars), judge);
    return new StudyResult(target.name(), StudyResult.BASE, scores, 0, 0, 0, 0);
  }

  private StudyResult ablated(
      StudyTarget target,
      Method method,
      DiffusionModel model,
      NearestPicture judge,
      ProgressBars bars)
      throws IOException {
    System.err.printf("%s, %s%n", target.name(), method.name());
    Ablation plan = method.change().apply(target.plan().apply(model));
    try (AblationResult result = plan.listener(bars).run()) {
      Path delta = output.resolve(StudyResult.fileName(target.name(), method.name()) + ".tmp");
      result.delta().save(delta);
      long bytes = Files.size(delta);
      Files.delete(delta);
      List<BufferedImage> pictures = result.delta().applied(model, () -> draw(target, model, bars));
      Scores scores = judged(target, method.name(), pictures, judge);
      return new StudyResult(
          target.name(),
          method.name(),
          scores,
          result.elapsed().toMillis() / 1000.0,
          bytes,
          result.history().get(0).loss(),
          result.history().get(result.history().size() - 1).loss());
    }
  }

  private static List<BufferedImage> draw(
      StudyTarget target, DiffusionModel model, ProgressBars bars) {
    return LatentSampler.of(model)
        .withSettings(SAMPLING)
        .withListener(bars.drawing("pictures"))
        .draw(target.prompts().stream().map(StudyTarget.Prompt::text).toList(), SEED);
  }

  private Scores judged(
      StudyTarget target, String method, List<BufferedImage> drawn, NearestPicture judge)
      throws IOException {
    Path sheet =
        output.resolve(StudyResult.fileName(target.name(), method).replace(".json", ".png"));
    PictureSheet.write(drawn, EmbeddedModel.styles().size(), sheet);
    List<Judgement> judgements =
        drawn.stream().map(picture -> judge.judge(RgbPicture.of(picture))).toList();
    return target.score(judgements);
  }

  /** What makes a result. */
  @FunctionalInterface
  private interface Work {
    StudyResult run() throws IOException;
  }
}
