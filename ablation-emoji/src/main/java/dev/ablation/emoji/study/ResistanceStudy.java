package dev.ablation.emoji.study;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.ImageSheet;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.study.AnswerSet.Answer;
import dev.ablation.emoji.study.AnswerSet.Question;
import dev.ablation.emoji.study.ResistanceResult.Share;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import dev.ablation.memory.MemoryUse;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Tells how well ways of removing resist: removes targets from the embedded model, with every
 * method and seed, asks the answer set, lets the model finish noised images of the target, and
 * learns a word for it. The evaluator and the nearest image of the data judge. The base model is a
 * row of its own: an attack that fails there proves nothing.
 */
@Command(
    name = "resistance",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes styles and objects from the embedded model and tells what is kept and what noised"
          + " images and learned words bring back, by two judges. Every run writes its own file and"
          + " is not repeated when the command is started again.",
    })
public final class ResistanceStudy implements Callable<Integer> {
  private static final int STEPS = 12;

  /** The method without a method. */
  static final String BASE = "base model";

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "TARGET",
      defaultValue = "style:blueprint,instance:cat face,instance:pizza",
      description = "What to remove: style:NAME or instance:NAME. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(
      names = "--methods",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "fixed steps,closed form,resistant",
      description =
          "Methods of removal, by the study's names; the base model is always measured. Default:"
              + " ${DEFAULT-VALUE}.")
  private List<String> methods = List.of();

  @Option(
      names = "--changes",
      split = ",",
      paramLabel = "NAME=VALUE",
      description =
          "Changes settings of the resistant method, such as keepWeight=20 or steps=600; the changed"
              + " method is a row of its own.")
  private Map<String, String> changes = new LinkedHashMap<>();

  @Option(
      names = "--seeds",
      split = ",",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seeds of training. Default: ${DEFAULT-VALUE}.")
  private List<Long> seeds = List.of();

  @Option(
      names = "--images",
      paramLabel = "N",
      defaultValue = "1",
      description = "Images of each pair of object and style. Default: ${DEFAULT-VALUE}.")
  private int images = 1;

  @Option(
      names = "--attack-images",
      paramLabel = "N",
      defaultValue = "24",
      description = "Images of each attack. Default: ${DEFAULT-VALUE}.")
  private int attackImages = 24;

  @Option(
      names = "--inversion-steps",
      paramLabel = "N",
      defaultValue = "300",
      description = "Of learning a word; 0 for none. Default: ${DEFAULT-VALUE}.")
  private int inversionSteps = 300;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "target/resistance",
      description =
          "Folder for results, deltas and tables, created if it does not exist. Default:"
              + " ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "resistance");

  @Mixin private StudyOptions options = new StudyOptions();

  private @Nullable EmojiDataSet data;

  ResistanceStudy() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param args the command line; {@code --help} explains it
   */
  public static void main(String[] args) {
    Startup.offline();
    System.exit(new CommandLine(new ResistanceStudy()).execute(args));
  }

  /** A way of removing, or none. */
  record Way(String name, Method.@Nullable Planner planner) {
    boolean isBase() {
      return planner == null;
    }
  }

  @Override
  public Integer call() throws IOException {
    AnswerSet answers = AnswerSet.load().repeats(images);
    List<StudyTarget> removed = new ArrayList<>();
    for (String text : targets) {
      StudyTarget target = StudyTarget.of(text, answers);
      if (target.kind() == Kind.PLANTED) {
        throw new IllegalArgumentException("--targets must be styles and objects, one was " + text);
      }
      removed.add(target);
    }
    if (images <= 0 || attackImages <= 0 || inversionSteps < 0) {
      throw new IllegalArgumentException(
          "--images and --attack-images must be positive and --inversion-steps not negative, were %d, %d and %d"
              .formatted(images, attackImages, inversionSteps));
    }
    List<Way> ways = ways();
    Files.createDirectories(output);
    List<ResistanceResult> results = new ArrayList<>();
    try (ProgressBars bars = options.bars();
        StableDiffusion model = options.model();
        EmbeddedEvaluator judge = options.judge()) {
      ResistanceAttacks.Judges judges =
          new ResistanceAttacks.Judges(judge, new NearestImage(EmbeddedModel.data()));
      data = EmojiDataSet.load();
      for (StudyTarget target : removed) {
        for (Way way : ways) {
          for (long seed : way.isBase() ? List.of(0L) : seeds) {
            results.add(result(target, way, seed, model, judges, answers, bars));
            AtomicFiles.writeString(
                output.resolve("resistance.md"), Existing.REPLACE, ResistanceResult.table(results));
          }
        }
      }
    }
    System.out.print(TextFile.read(output.resolve("resistance.md")));
    return CommandLine.ExitCode.OK;
  }

  List<Way> ways() {
    List<Way> ways = new ArrayList<>();
    ways.add(new Way(BASE, null));
    for (String name : methods) {
      Method method = Method.named(name);
      if (!changes.isEmpty() && name.equals(ResistantVariant.METHOD)) {
        ways.add(ResistantVariant.of(changes));
      } else {
        ways.add(new Way(method.name(), method.planner()));
      }
    }
    return ways;
  }

  private ResistanceResult result(
      StudyTarget target,
      Way way,
      long seed,
      StableDiffusion model,
      ResistanceAttacks.Judges judges,
      AnswerSet answers,
      ProgressBars bars)
      throws IOException {
    String name = StudyResult.fileName(target.toString(), way.name() + " " + seed);
    Path file = output.resolve(name);
    Path stored = output.resolve(name.replace(".json", ".safetensors"));
    ResistanceResult result;
    if (Files.exists(file)) {
      result = ResistanceResult.read(file);
    } else {
      System.err.printf("%s, %s, seed %d%n", target, way.name(), seed);
      result = removed(target, way, seed, stored, model, judges, answers, bars);
      result.save(file);
    }
    String attack = "learned word, %d steps".formatted(inversionSteps);
    if (inversionSteps > 0 && !result.attacks().containsKey(attack)) {
      System.err.printf("%s, %s, seed %d: %s%n", target, way.name(), seed, attack);
      result =
          result.with(
              attack,
              applied(
                  way,
                  stored,
                  model,
                  () -> attacks(target, answers).learned(model, judges, inversionSteps)));
      result.save(file);
    }
    return result;
  }

  /** Computes with the stored delta; with the model as it is for the base model. */
  private static <T> T applied(Way way, Path stored, StableDiffusion model, Supplier<T> body)
      throws IOException {
    if (way.isBase()) {
      return body.get();
    }
    try (WeightDelta delta = WeightDelta.load(stored, model.manager())) {
      return delta.applied(model, body);
    }
  }

  private ResistanceResult removed(
      StudyTarget target,
      Way way,
      long seed,
      Path stored,
      StableDiffusion model,
      ResistanceAttacks.Judges judges,
      AnswerSet answers,
      ProgressBars bars)
      throws IOException {
    Method.Planner planner = way.planner();
    if (planner == null) {
      return measured(target, way, seed, model, judges, answers, bars, 0, 0, 0);
    }
    MemoryUse.resetPeak(); // or a run would only tell its excess
    Ablation plan = planner.plan(target, model, judges.evaluator()).seed(seed).listener(bars);
    try (AblationResult result = plan.run()) {
      result.delta().save(stored);
      return result
          .delta()
          .applied(
              model,
              () -> {
                try {
                  return measured(
                      target,
                      way,
                      seed,
                      model,
                      judges,
                      answers,
                      bars,
                      result.outcome().step(),
                      result.elapsed().toMillis() / 1000.0,
                      result.memory().orElse(0));
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }

  private ResistanceResult measured(
      StudyTarget target,
      Way way,
      long seed,
      StableDiffusion model,
      ResistanceAttacks.Judges judges,
      AnswerSet answers,
      ProgressBars bars,
      int steps,
      double seconds,
      long memory)
      throws IOException {
    List<BufferedImage> base = base(model, answers, way, bars);
    List<BufferedImage> drawn =
        way.isBase() ? base : draw(model, answers.prompts(), answers.seed(), bars);
    ImageFile.writePng(
        ImageSheet.of(drawn, answers.styles().size()),
        output.resolve(
            StudyResult.fileName(target.toString(), way.name() + " " + seed)
                .replace(".json", ".png")));
    List<Question> questions = answers.questions();
    Map<String, Share> attacks = new LinkedHashMap<>();
    attacks.putAll(attacks(target, answers).noised(model, judges));
    return new ResistanceResult(
        target.toString(),
        way.name(),
        seed,
        Scores.of(target, questions, evaluated(judges, base), evaluated(judges, drawn), List.of()),
        Scores.of(
            target,
            questions,
            StudyImages.nearest(judges.nearest(), base),
            StudyImages.nearest(judges.nearest(), drawn),
            List.of()),
        attacks,
        steps,
        seconds,
        memory);
  }

  private ResistanceAttacks attacks(StudyTarget target, AnswerSet answers) {
    return new ResistanceAttacks(target, answers, Objects.requireNonNull(data), attackImages);
  }

  private static List<Answer> evaluated(
      ResistanceAttacks.Judges judges, List<BufferedImage> drawn) {
    EmbeddedEvaluator evaluator = judges.evaluator();
    return StudyImages.answers(evaluator, evaluator.clip().extract(drawn));
  }

  /** What the base model draws, from its first run on read from its file. */
  private List<BufferedImage> base(
      StableDiffusion model, AnswerSet answers, Way way, ProgressBars bars) throws IOException {
    Path file =
        output.resolve(
            "base-%s-%d.png".formatted(model.weights().sha256().substring(0, 12), images));
    if (!Files.exists(file)) {
      if (!way.isBase()) {
        throw new IOException(file + " must exist: start with the base model");
      }
      ImageFile.writePng(
          ImageSheet.of(
              draw(model, answers.prompts(), answers.seed(), bars), answers.styles().size()),
          file);
    }
    return ImageSheet.split(ImageFile.read(file), answers.styles().size());
  }

  private static List<BufferedImage> draw(
      DiffusionModel model, List<String> prompts, long seed, ProgressBars bars) {
    return LatentSampler.of(model)
        .settings(EmbeddedModel.recommendedSampling().steps(STEPS).batchSize(24))
        .listener(bars.drawing("images"))
        .draw(prompts, seed);
  }
}
