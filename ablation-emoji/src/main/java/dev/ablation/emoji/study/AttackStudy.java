package dev.ablation.emoji.study;

import dev.ablation.AblationResult;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.EmbeddingAttack;
import dev.ablation.attack.GuidanceAttack;
import dev.ablation.attack.NoiseAttack;
import dev.ablation.attack.SdEditAttack;
import dev.ablation.attack.TextualInversion;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.PromptPair;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.metric.ClipGuide;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Comparison;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Tries to bring back what was removed from the embedded model: removes a target, makes every
 * attack of {@code dev.ablation.attack} on the base model and on the ablated one, counts by the
 * embedded evaluator. Each target and method writes its own table to the output folder and is not
 * repeated when the command is started again.
 */
@Command(
    name = "attacks",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes a style or an object from the embedded model and tries to bring it back: by other words,"
          + " by text embeddings, by a learned token, by noised images, by more noise, by an"
          + " evaluator's gradient. A target takes about ten minutes of one core.",
    })
public final class AttackStudy implements Callable<Integer> {
  private static final double[] STARTS = {0.3, 0.5, 0.7};
  private static final double ETA = 1.5;
  private static final double GUIDE_STRENGTH = 3;

  /** Words of the vocabulary that occur in no caption of the data. */
  private static final String PLACEHOLDER = "photo";

  private static final String INITIALIZER = "art";
  private static final int INVERSION_BATCH = 4;
  private static final double INVERSION_RATE = 2e-2;

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "TARGET",
      defaultValue = "style:ink,instance:cat face",
      description = "What to remove: style:NAME or instance:NAME. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(
      names = "--methods",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "measured",
      description = "Methods of removal, by the study's names. Default: ${DEFAULT-VALUE}.")
  private List<String> methods = List.of();

  @Option(
      names = "--images",
      paramLabel = "N",
      defaultValue = "24",
      description = "Images of each attack and model. Default: ${DEFAULT-VALUE}.")
  private int images = 24;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "20",
      description = "Steps of the sampler. Default: ${DEFAULT-VALUE}.")
  private int steps = 20;

  @Option(
      names = "--inversion-steps",
      paramLabel = "N",
      defaultValue = "500",
      description = "Of textual inversion. Default: ${DEFAULT-VALUE}.")
  private int inversionSteps = 500;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "target/attacks",
      description =
          "Folder for the tables, created if it does not exist. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "attacks");

  @Mixin private StudyOptions options = new StudyOptions();

  AttackStudy() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param args the command line; {@code --help} explains it
   */
  public static void main(String[] args) {
    Startup.offline();
    System.exit(new CommandLine(new AttackStudy()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    AnswerSet set = AnswerSet.load();
    List<StudyTarget> removed = new ArrayList<>();
    for (String text : targets) {
      StudyTarget target = StudyTarget.of(text, set);
      if (target.kind() == Kind.PLANTED) {
        throw new IllegalArgumentException("--targets must be styles and objects, one was " + text);
      }
      removed.add(target);
    }
    List<Method> ways = methods.stream().map(Method::named).toList();
    Files.createDirectories(output);
    try (ProgressBars bars = options.bars();
        StableDiffusion model = options.model();
        EmbeddedEvaluator judge = options.judge()) {
      for (StudyTarget target : removed) {
        for (Method way : ways) {
          Path file =
              output.resolve(
                  StudyResult.fileName(target.toString(), way.name()).replace(".json", ".md"));
          if (!Files.exists(file)) {
            String table = table(target, way, results(target, way, model, judge, set, bars));
            AtomicFiles.writeString(file, Existing.REPLACE, table);
          }
          System.out.println(TextFile.read(file));
        }
      }
    }
    return CommandLine.ExitCode.OK;
  }

  List<AttackResult> results(
      StudyTarget target,
      Method way,
      StableDiffusion model,
      EmbeddedEvaluator judge,
      AnswerSet set,
      ProgressBars bars)
      throws IOException {
    boolean style = target.kind() == Kind.STYLE;
    AttackSettings trial =
        new AttackSettings(
            target.detector(judge),
            EmbeddedModel.recommendedSampling().steps(steps),
            images,
            set.seed() + 10_000);
    List<String> others = others(target, set);
    try (ClipGuide guide =
        new ClipGuide(
            judge.clip(),
            model,
            style ? target.name() + " style" : EmbeddedModel.withArticle(target.name()),
            others.stream()
                .map(name -> style ? name + " style" : EmbeddedModel.withArticle(name))
                .toList())) {
      List<Attack> attacks = attacks(target, others, trial, set, guide);
      for (Attack attack : attacks) {
        attack.check(model);
      }
      try (AblationResult removed = way.planner().plan(target, model, judge).listener(bars).run()) {
        List<AttackResult> results = new ArrayList<>();
        for (Attack attack : attacks) {
          System.err.printf("%s, %s: %s%n", target, way.name(), attack.name());
          results.add(attack.run(model, removed.delta(), () -> false));
        }
        return results;
      }
    }
  }

  /** The other styles, or the other objects. */
  private static List<String> others(StudyTarget target, AnswerSet set) {
    return (target.kind() == Kind.STYLE ? set.styles() : set.concepts())
        .stream().filter(name -> !name.equals(target.name())).toList();
  }

  private List<Attack> attacks(
      StudyTarget target, List<String> others, AttackSettings trial, AnswerSet set, ClipGuide guide)
      throws IOException {
    boolean style = target.kind() == Kind.STYLE;
    List<String> contexts = style ? set.concepts() : set.styles(); // what the target is seen in
    List<String> prompts =
        contexts.stream().map(name -> prompt(style, name, target.name())).toList();
    List<String> neutral =
        contexts.stream()
            .map(name ->
                style
                    ? "an emoji of " + EmbeddedModel.withArticle(name)
                    : "an emoji in " + name + " style")
            .toList();
    List<PromptPair> pairs =
        others.stream()
            .limit(contexts.size())
            .flatMap(other ->
                contexts.stream()
                    .map(name ->
                        new PromptPair(
                            prompt(style, name, other), prompt(style, name, target.name()))))
            .toList();
    List<BufferedImage> originals =
        EmojiDataSet.load().images().stream()
            .filter(image -> !image.heldOut())
            .filter(image -> (style ? image.style() : image.concept().name()).equals(target.name()))
            .filter(image -> !style || set.concepts().contains(image.concept().name()))
            .map(image -> image.pixels().toImage())
            .toList();
    List<String> slots = contexts.stream().map(name -> prompt(style, name, "{}")).toList();
    List<Attack> attacks = new ArrayList<>();
    attacks.add(new WordingAttack("prompt with the name", prompts, trial));
    attacks.addAll(WordingAttack.of(target.name(), prompts, trial));
    attacks.add(new EmbeddingAttack(pairs, neutral, 1, trial));
    attacks.add(
        new TextualInversion(
            originals,
            PLACEHOLDER,
            INITIALIZER,
            slots,
            inversionSteps,
            INVERSION_BATCH,
            INVERSION_RATE,
            trial));
    for (double start : STARTS) {
      attacks.add(new SdEditAttack(originals, start, neutral, trial));
    }
    attacks.add(new NoiseAttack(ETA, prompts, trial));
    attacks.add(new GuidanceAttack(guide, GUIDE_STRENGTH, neutral, trial));
    return attacks;
  }

  /** {@code "an owl in ink style"}; {@code of} is the style, or the object. */
  private static String prompt(boolean style, String name, String of) {
    return new AnswerSet.Question(style ? of : name, style ? name : of).prompt();
  }

  static String table(StudyTarget target, Method way, List<AttackResult> results) {
    StringBuilder text =
        new StringBuilder(
            """
            **%s, %s**

            | attack | base | ablated | 95 %% interval | images |
            | --- | ---: | ---: | ---: | ---: |
            """
                .formatted(target, way.name()));
    for (AttackResult result : results) {
      Comparison found = result.recovered();
      MetricResult ablated = found.ablated();
      ConfidenceInterval interval = Objects.requireNonNull(ablated.interval());
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %.0f %% | %.0f %% | %.0f to %.0f %% | %s |%n",
              result.name(),
              100 * Objects.requireNonNull(found.base()).value(),
              100 * ablated.value(),
              100 * interval.low(),
              100 * interval.high(),
              ablated.counts().get("images")));
    }
    return text.toString();
  }
}
