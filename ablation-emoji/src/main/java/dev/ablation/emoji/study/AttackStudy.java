package dev.ablation.emoji.study;

import ai.djl.ndarray.NDManager;
import dev.ablation.AblationResult;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.CompletionAttack;
import dev.ablation.attack.EmbeddingAttack;
import dev.ablation.attack.GuidanceAttack;
import dev.ablation.attack.InversionBudget;
import dev.ablation.attack.InversionExample;
import dev.ablation.attack.NoiseAttack;
import dev.ablation.attack.NoiseSweep;
import dev.ablation.attack.SdEditAttack;
import dev.ablation.attack.TextualInversion;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.PromptPair;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.metric.ClipGuide;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Tries to bring back what was removed from the embedded model: removes a target, makes every
 * attack of {@code dev.ablation.attack} on the base model, the ablated one and, if there is one, a
 * control that never knew the target; counts by the embedded evaluator and by the nearest image of
 * the data set. Each attack writes its own file to the output folder, and so does the removal; what
 * is there is not repeated when the command is started again.
 */
@Command(
    name = "attacks",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes a style or an object from the embedded model and tries to bring it back: by other words,"
          + " by text embeddings, by a learned token, by images that were begun, noised or"
          + " masked, by more noise, by a gradient, by training. Each attack takes from seconds to an hour of"
          + " one core; one that was made is not repeated.",
    })
public final class AttackStudy implements Callable<Integer> {
  private static final double[] STARTS = {0.3, 0.5, 0.7, 0.85};
  private static final double ETA = 1.5;
  private static final double GUIDE_STRENGTH = 3;
  private static final int COMPLETION_STEPS = 50;
  private static final int[] BEGUN = {5, 10};

  /** A word of the vocabulary that occurs in no caption of the data. */
  private static final String PLACEHOLDER = "photo";

  /** A word for a style starts from the first of them that is not the target. */
  private static final List<String> STYLE_STARTS = List.of("twemoji", "noto");

  private static final int MOST_ORIGINALS = 48;

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
      defaultValue = "3000",
      description = "Of textual inversion, at most, from each start. Default: ${DEFAULT-VALUE}.")
  private int inversionSteps = 3000;

  @Option(
      names = "--attacks",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "words,embedding,completion,noised,noise,guidance,sweep,inversion",
      description = "Attacks to make, in this order. Default: ${DEFAULT-VALUE}.")
  private List<String> attacks = List.of();

  @Option(
      names = "--control",
      paramLabel = "FOLDER",
      description =
          "A model that never knew the targets, in diffusers' layout. Default: no control.")
  private @Nullable Path control;

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
    for (String name : attacks) {
      Family.named(name);
    }
    Files.createDirectories(output);
    try (ProgressBars bars = options.bars();
        StableDiffusion model = options.model();
        EmbeddedEvaluator judge = options.judge();
        NDManager deltas = model.newScope()) {
      try (StableDiffusion never = control == null ? null : options.model(control)) {
        NearestImage nearest = new NearestImage(EmojiDataSet.load());
        for (StudyTarget target : removed) {
          for (Method way : ways) {
            Trial trial = new Trial(target, way, set, judge, nearest);
            try (WeightDelta delta = trial.delta(model, deltas, bars)) {
              trial.results(new AttackModels(model, delta, never));
            }
            AtomicFiles.writeString(trial.file("table", ".md"), Existing.REPLACE, trial.table());
            System.out.println(trial.table());
          }
        }
      }
    }
    return CommandLine.ExitCode.OK;
  }

  /** Attacks that the command line names together. */
  private enum Family {
    WORDS,
    EMBEDDING,
    COMPLETION,
    NOISED,
    NOISE,
    GUIDANCE,
    SWEEP,
    INVERSION;

    static Family named(String name) {
      for (Family family : values()) {
        if (family.toString().equals(name.strip())) {
          return family;
        }
      }
      throw new IllegalArgumentException(
          "attack must be one of %s, was '%s'".formatted(List.of(values()), name));
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** The attacks on one target, removed one way. */
  final class Trial {
    private final StudyTarget target;
    private final Method way;
    private final AnswerSet set;
    private final EmbeddedEvaluator judge;
    private final AttackSettings settings;
    private final boolean style;
    private final List<AttackResult> results = new ArrayList<>();

    Trial(
        StudyTarget target,
        Method way,
        AnswerSet set,
        EmbeddedEvaluator judge,
        NearestImage nearest) {
      this.target = target;
      this.way = way;
      this.set = set;
      this.judge = judge;
      style = target.kind() == Kind.STYLE;
      settings =
          new AttackSettings(
              target.detector(judge),
              EmbeddedModel.recommendedSampling().steps(steps),
              images,
              set.seed() + 10_000,
              List.of(style ? nearest.ofStyle(target.name()) : nearest.ofConcept(target.name())));
    }

    Path file(String what, String ending) {
      return output.resolve(
          StudyResult.fileName(target.toString(), way.name() + "--" + what)
              .replace(".json", ending));
    }

    /** Removes the target, or reads what was removed before. */
    WeightDelta delta(StableDiffusion model, NDManager scope, ProgressBars bars)
        throws IOException {
      Path file = file("delta", ".safetensors");
      if (!Files.exists(file)) {
        try (AblationResult removed =
            way.planner().plan(target, model, judge).listener(bars).run()) {
          removed.delta().save(file);
        }
      }
      return WeightDelta.load(file, scope);
    }

    List<AttackResult> results(AttackModels models) throws IOException {
      for (String name : attacks) {
        try (Made made = made(Family.named(name), models)) {
          for (Attack attack : made.attacks()) {
            attack.check(models.base());
          }
          for (Attack attack : made.attacks()) {
            results.add(result(attack, models));
          }
        }
      }
      return results;
    }

    /** Makes the attack, or reads its result if it was made on these models. */
    private AttackResult result(Attack attack, AttackModels models) throws IOException {
      Path file = file(attack.name(), ".json");
      if (Files.exists(file)) {
        AttackResult before = EvaluationResult.read(file).attacks().get(0);
        if (models.control() == null || before.recovered().control() != null) {
          return before;
        }
      }
      System.err.printf("%s, %s: %s%n", target, way.name(), attack.name());
      AttackResult made = attack.run(models, () -> false);
      new EvaluationResult(Map.of(), List.of(), List.of(made), made.elapsed()).write(file);
      return made;
    }

    /** The other styles, or the other objects. */
    private List<String> others() {
      return (style ? set.styles() : set.concepts())
          .stream().filter(name -> !name.equals(target.name())).toList();
    }

    /** {@code "an owl in ink style"}; {@code of} is the style, or the object. */
    private String prompt(String context, String of) {
      return new AnswerSet.Question(style ? of : context, style ? context : of).prompt();
    }

    /** What the target is seen in. */
    private List<String> contexts() {
      return style ? set.concepts() : set.styles();
    }

    private List<String> prompts() {
      return contexts().stream().map(name -> prompt(name, target.name())).toList();
    }

    /** Where a learned word starts: what every image is, and another one of the target's kind. */
    private List<String> starts() {
      return List.of(
          "emoji",
          style
              ? STYLE_STARTS.stream()
                  .filter(name -> !name.equals(target.name()))
                  .findFirst()
                  .orElseThrow()
              : EmbeddedModel.categoryOf(target.name()));
    }

    private List<String> neutral() {
      return contexts().stream()
          .map(name ->
              style
                  ? "an emoji of " + EmbeddedModel.withArticle(name)
                  : "an emoji in " + name + " style")
          .toList();
    }

    /** Images that training saw, of the same contexts again and again where there are few. */
    private List<EmojiImage> examples() throws IOException {
      List<EmojiImage> all =
          new ArrayList<>(
              EmojiDataSet.load().images().stream()
                  .filter(image -> !image.heldOut())
                  .filter(image ->
                      (style ? image.style() : image.concept().name()).equals(target.name()))
                  .toList());
      Collections.shuffle(all, new Random(set.seed()));
      return all.subList(0, Math.min(MOST_ORIGINALS, all.size()));
    }

    private List<BufferedImage> originals() throws IOException {
      return examples().stream().map(image -> image.pixels().toImage()).toList();
    }

    private String prompt(EmojiImage image, String of) {
      return prompt(style ? image.concept().name() : image.style(), of);
    }

    /** Attacks, and what they use that must be closed. */
    private record Made(List<Attack> attacks, @Nullable AutoCloseable resource)
        implements AutoCloseable {
      Made(List<Attack> attacks) {
        this(attacks, null);
      }

      @Override
      public void close() {
        if (resource != null) {
          try {
            resource.close();
          } catch (Exception e) {
            throw new IllegalStateException("cannot be closed: " + e.getMessage(), e);
          }
        }
      }
    }

    private Made made(Family family, AttackModels models) throws IOException {
      List<String> prompts = prompts();
      List<Attack> made = new ArrayList<>();
      switch (family) {
        case WORDS -> {
          made.add(new WordingAttack("prompt with the name", prompts, settings));
          made.addAll(WordingAttack.of(target.name(), prompts, settings));
        }
        case EMBEDDING -> made.add(new EmbeddingAttack(pairs(), neutral(), 1, settings));
        case COMPLETION -> {
          for (int begun : BEGUN) {
            made.add(new CompletionAttack(begun, COMPLETION_STEPS, prompts, settings));
          }
        }
        case NOISED -> {
          for (double start : STARTS) {
            made.add(
                new SdEditAttack(
                    originals(),
                    start,
                    style
                        ? examples().stream()
                            .map(image ->
                                "an emoji of " + EmbeddedModel.withArticle(image.concept().name()))
                            .toList()
                        : examples().stream()
                            .map(image -> "an emoji in " + image.style() + " style")
                            .toList(),
                    settings));
          }
        }
        case NOISE -> made.add(new NoiseAttack(ETA, prompts, settings));
        case GUIDANCE -> {
          ClipGuide guide = guide((StableDiffusion) models.base());
          made.add(new GuidanceAttack(guide, GUIDE_STRENGTH, neutral(), settings));
          return new Made(made, guide);
        }
        case SWEEP -> made.add(NoiseSweep.published(prompts, settings));
        case INVERSION -> {
          List<InversionExample> learned = new ArrayList<>();
          for (EmojiImage image : examples()) {
            learned.add(
                new InversionExample(
                    image.pixels().toImage(), List.of(prompt(image, InversionExample.SLOT))));
          }
          made.add(
              new TextualInversion(
                  learned,
                  PLACEHOLDER,
                  starts(),
                  contexts().stream().map(name -> prompt(name, InversionExample.SLOT)).toList(),
                  InversionBudget.quick().steps(inversionSteps),
                  settings));
        }
      }
      return new Made(made);
    }

    private List<PromptPair> pairs() {
      return others().stream()
          .limit(contexts().size())
          .flatMap(other ->
              contexts().stream()
                  .map(name -> new PromptPair(prompt(name, other), prompt(name, target.name()))))
          .toList();
    }

    private ClipGuide guide(StableDiffusion model) {
      return new ClipGuide(
          judge.clip(),
          model,
          style ? target.name() + " style" : EmbeddedModel.withArticle(target.name()),
          others().stream()
              .map(name -> style ? name + " style" : EmbeddedModel.withArticle(name))
              .toList());
    }

    /** Each model's share by both judges, and the excess over the control. */
    String table() {
      StringBuilder text =
          new StringBuilder(
              """
              **%s, %s** (each cell: by the embedded evaluator / by the nearest image)

              | attack | base | ablated | control | excess | images |
              | --- | ---: | ---: | ---: | ---: | ---: |
              """
                  .formatted(target, way.name()));
      for (AttackResult result : results) {
        text.append(
            "| %s%s |"
                .formatted(result.name(), result.recovered().isEvidence() ? "" : " (no evidence)"));
        cell(text, result, recovery -> share(recovery.base(), false));
        cell(text, result, recovery -> share(recovery.ablated(), true));
        cell(text, result, recovery -> share(recovery.control(), false));
        cell(text, result, Trial::excess);
        text.append(" %s |%n".formatted(result.recovered().ablated().counts().get("images")));
      }
      return text.toString();
    }

    private static void cell(
        StringBuilder text, AttackResult result, Function<Recovery, String> value) {
      text.append(" ")
          .append(String.join(" / ", result.judged().stream().map(value).toList()))
          .append(" |");
    }

    private static String share(@Nullable MetricResult share, boolean withInterval) {
      if (share == null) {
        return "-";
      }
      String value = String.format(Locale.ROOT, "%.0f", 100 * share.value());
      ConfidenceInterval interval = share.interval();
      return withInterval && interval != null
          ? value
              + String.format(
                  Locale.ROOT, " (%.0f to %.0f)", 100 * interval.low(), 100 * interval.high())
          : value;
    }

    private static String excess(Recovery recovery) {
      Recovery.Excess excess = recovery.excess();
      return excess == null ? "-" : String.format(Locale.ROOT, "%+.0f", 100 * excess.value());
    }
  }
}
