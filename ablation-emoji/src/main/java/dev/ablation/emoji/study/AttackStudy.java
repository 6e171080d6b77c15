package dev.ablation.emoji.study;

import ai.djl.ndarray.NDManager;
import dev.ablation.AblationResult;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.ImageSheet;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.study.AttackRun.Kept;
import dev.ablation.emoji.study.AttackRun.Shares;
import dev.ablation.emoji.study.StudyAttacks.Family;
import dev.ablation.emoji.study.StudyAttacks.Planned;
import dev.ablation.emoji.study.StudyImages.Judged;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import dev.ablation.memory.MemoryUse;
import dev.ablation.model.DiffusionModel;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Tries to bring back what was removed from the embedded model: removes targets by several methods
 * and seeds, tells what is kept, makes the attacks of {@code dev.ablation.attack}, and counts by
 * the embedded evaluator and by the nearest image of the data set. The base model and a control
 * that never knew the targets are attacked once for each target, with the first seed.
 *
 * <p>Each removal, each attack and each run has its own file in the output folder, and beside an
 * attack's numbers lie the images that were judged; what is there is not made again when the
 * command is started again, and several processes may share the folder. An attack that fails is
 * told in the table, and the others go on.
 */
@Command(
    name = "attacks",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes styles, objects or the memorised image from the embedded model and tries to bring them"
          + " back: by other words, by text embeddings, by learned words, by images that were begun,"
          + " noised or masked, by more noise, by a gradient, by training. Each attack takes from seconds"
          + " to an hour of one core; one that was made is not repeated. Writes attacks.md of all runs"
          + " in the folder.",
    })
public final class AttackStudy implements Callable<Integer> {
  private static final String TABLE = "attacks.md";
  private static final int COPIES = 20;
  private static final int SHEET_COLUMNS = 8;
  private static final String ABLATED = "ablated";
  private static final String EMBEDDED = "embedded";

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "TARGET",
      defaultValue = "style:ink,instance:cat face",
      description =
          "What to remove: style:NAME, instance:NAME or planted. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(
      names = "--methods",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "closed form",
      description = "Methods of removal, by the study's names. Default: ${DEFAULT-VALUE}.")
  private List<String> methods = List.of();

  @Option(
      names = "--changes",
      split = ",",
      paramLabel = "NAME=VALUE",
      description =
          "Changes settings of the resistant methods, such as keepWeight=20 or steps=600; the changed"
              + " method is a row of its own.")
  private Map<String, String> changes = new LinkedHashMap<>();

  @Option(
      names = "--seeds",
      split = ",",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seeds of removal and attacks. Default: ${DEFAULT-VALUE}.")
  private List<Long> seeds = List.of();

  @Option(
      names = "--attacks",
      split = ",",
      paramLabel = "NAME",
      defaultValue =
          "words,embedding,completion,noised,noise,inpainting,guidance,classifier,sweep,benign,harmful,"
              + "soft,projected,ringabell,latents,inversion",
      description = "Attacks to make, in this order. Default: ${DEFAULT-VALUE}.")
  private List<String> attacks = List.of();

  @Option(
      names = "--answers",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Images of each pair of object and style, to tell what is kept. Default: ${DEFAULT-VALUE}.")
  private int answers = 1;

  @Option(
      names = "--control",
      paramLabel = "FOLDER",
      defaultValue = EMBEDDED,
      description =
          "A model that never knew the targets, in diffusers' layout; 'embedded' for the one that comes"
              + " with the library, where it was not shown the target; 'none'. Default: ${DEFAULT-VALUE}.")
  private String control = EMBEDDED;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "target/attacks",
      description =
          "Folder for results, deltas and tables, created if it does not exist. Default:"
              + " ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "attacks");

  @Mixin private AttackBudgets budgets = new AttackBudgets();

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
    return call(AnswerSet.load());
  }

  int call(AnswerSet set) throws IOException {
    List<StudyTarget> removed = targets.stream().map(text -> StudyTarget.of(text, set)).toList();
    List<Method> ways = ways();
    List<Family> families = attacks.stream().map(Family::named).toList();
    options.check();
    budgets.check();
    if (answers < 1 || seeds.isEmpty()) {
      throw new IllegalArgumentException(
          "--answers must be positive and --seeds not empty, were %d and %s"
              .formatted(answers, seeds));
    }
    boolean failed = false;
    if (!options.tables()) {
      failed = make(set, removed, ways, families);
    }
    Files.createDirectories(output);
    AtomicFiles.writeString(
        output.resolve(TABLE), Existing.REPLACE, new AttackTables(runs()).markdown());
    System.out.print(TextFile.read(output.resolve(TABLE)));
    return failed ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
  }

  /** Makes what is not there yet; tells whether anything failed. */
  private boolean make(
      AnswerSet set, List<StudyTarget> removed, List<Method> ways, List<Family> families)
      throws IOException {
    boolean failed = false;
    try (ProgressBars bars = options.bars();
        StableDiffusion model = options.model();
        EmbeddedEvaluator judge = options.judge();
        StableDiffusion never = control()) {
      StudyImages drawing =
          new StudyImages(
              judge,
              bars,
              EmbeddedModel.recommendedSampling()
                  .steps(budgets.steps())
                  .batchSize(options.batch()));
      Opened opened = new Opened(model, never, judge, drawing, EmojiDataSet.load(), bars);
      List<TargetStudy> studies = new ArrayList<>();
      for (StudyTarget target : removed) {
        TargetStudy study = new TargetStudy(target, families, set.repeats(answers), opened);
        // Budgets that no attack takes are found before any work.
        study.planned(seeds.get(0)).forEach(planned -> planned.attack().check(model));
        studies.add(study);
      }
      Files.createDirectories(output);
      for (TargetStudy study : studies) {
        study.drawUnchanged();
        for (long seed : seeds) {
          for (Method way : ways) {
            AttackRun run = study.run(way, seed);
            failed |= !run.failures().isEmpty();
            AtomicFiles.writeString(
                output.resolve(TABLE), Existing.REPLACE, new AttackTables(runs()).markdown());
          }
        }
      }
    }
    return failed;
  }

  private @Nullable StableDiffusion control() throws IOException {
    return switch (control) {
      case "none" -> null;
      case EMBEDDED -> options.model(EmbeddedModel.controlFolder());
      default -> options.model(Path.of(control));
    };
  }

  /** Whether the control was shown the target: then it tells nothing. */
  private boolean knows(StudyTarget target) {
    return control.equals(EMBEDDED)
        && !EmbeddedModel.withheld()
            .contains(target.kind() == Kind.PLANTED ? EmojiDataSet.PLANTED : target.name());
  }

  List<Method> ways() {
    List<Method> ways =
        methods.stream()
            .map(Method::named)
            .map(method -> changes.isEmpty() ? method : ResistantVariant.of(method, changes))
            .toList();
    if (!changes.isEmpty() && methods.stream().noneMatch(ResistantVariant::changes)) {
      throw new IllegalArgumentException(
          "--changes must come with a method of %s, --methods were %s"
              .formatted(ResistantVariant.METHODS, methods));
    }
    return ways;
  }

  /** Every run in the folder, of other processes too. */
  private List<AttackRun> runs() throws IOException {
    List<AttackRun> runs = new ArrayList<>();
    try (Stream<Path> files = Files.list(output)) {
      for (Path file :
          files.filter(file -> file.toString().endsWith(".run.json")).sorted().toList()) {
        runs.add(AttackRun.read(file));
      }
    }
    return runs;
  }

  /** What all targets share. */
  private record Opened(
      StableDiffusion model,
      @Nullable StableDiffusion never,
      EmbeddedEvaluator judge,
      StudyImages drawing,
      EmojiDataSet data,
      ProgressBars bars) {}

  /** One target: removed, looked at and attacked. */
  private final class TargetStudy {
    private final StudyTarget target;
    private final List<Family> families;
    private final AnswerSet set;
    private final Opened opened;
    private final StableDiffusion model;
    private final @Nullable StableDiffusion never;
    private final StudyImages drawing;
    private final Map<Long, List<Planned>> plannedBySeed = new HashMap<>();
    private @Nullable Judged base;

    TargetStudy(StudyTarget target, List<Family> families, AnswerSet set, Opened opened) {
      this.target = target;
      this.families = families;
      this.set = set;
      this.opened = opened;
      model = opened.model();
      never = knows(target) ? null : opened.never();
      drawing = opened.drawing();
    }

    /** The same for every method: what a search has found is found. */
    List<Planned> planned(long seed) {
      return plannedBySeed.computeIfAbsent(seed, this::plan);
    }

    private List<Planned> plan(long seed) {
      StudyAttacks all =
          new StudyAttacks(
              target, seed, set, opened.judge(), opened.data(), budgets, model, options.batch());
      return families.stream().flatMap(family -> all.of(family).stream()).toList();
    }

    private Path file(String method, long seed, String ending) {
      return output.resolve(AttackRun.name(target, method, seed) + ending);
    }

    /** Tells what the base model and the control draw, which no removal changes. */
    void drawUnchanged() throws IOException {
      Judged before = base();
      save(AttackRun.BASE, before, copies(model));
      if (never != null) {
        Path sheet =
            output.resolve(
                "control-%s-%s.png".formatted(never.weights().sha256().substring(0, 12), size()));
        Judged found = drawing.judged(drawing.kept(never, set, sheet));
        save(AttackRun.CONTROL, found, copies(never));
      }
    }

    private void save(String method, Judged found, List<BufferedImage> copies) throws IOException {
      Kept kept = kept(found, copies, 0, 0, 0, 0);
      AttackRun.of(target, method, 0, kept).save(file(method, 0, ".run.json"));
    }

    private String size() {
      return answers + "-" + budgets.steps();
    }

    private Judged base() throws IOException {
      if (base == null) {
        base = drawing.base(model, set, output, "-" + size());
      }
      return base;
    }

    /** Images of the planted caption, of which there is none in the answer set. */
    private List<BufferedImage> copies(DiffusionModel drawn) {
      return target.kind() == Kind.PLANTED
          ? drawing.draw(drawn, Collections.nCopies(COPIES, target.name()), set.seed())
          : List.of();
    }

    private Kept kept(
        Judged found, List<BufferedImage> copies, int step, double seconds, long memory, long peak)
        throws IOException {
      Judged copied = copies.isEmpty() ? null : drawing.judged(copies);
      return new Kept(
          Scores.of(
              target,
              set.questions(),
              base().answers(),
              found.answers(),
              copied == null ? List.of() : copied.answers()),
          Scores.of(
              target,
              set.questions(),
              base().nearest(),
              found.nearest(),
              copied == null ? List.of() : copied.nearest()),
          step,
          seconds,
          memory,
          peak);
    }

    /** Removes the target and makes the attacks that were not made before. */
    AttackRun run(Method way, long seed) throws IOException {
      Path file = file(way.name(), seed, ".run.json");
      Path stored = file(way.name(), seed, ".safetensors");
      AttackRun run;
      try {
        run = removed(way, seed, file, stored);
      } catch (CancellationException e) {
        throw e;
      } catch (IOException | RuntimeException e) {
        tell(way, seed, AttackRun.REMOVAL + " failed", e);
        run = AttackRun.of(target, way.name(), seed, null).failed(AttackRun.REMOVAL, reason(e));
        run.save(file);
        return run;
      }
      try (NDManager scope = model.newScope();
          WeightDelta delta = WeightDelta.load(stored, scope)) {
        for (Planned planned : planned(seed)) {
          try {
            run = run.with(planned.label(), attacked(planned, way, seed, delta));
          } catch (CancellationException e) {
            throw e;
          } catch (IOException | RuntimeException e) {
            tell(way, seed, planned.label() + " failed", e);
            run = run.failed(planned.label(), reason(e));
          }
          run.save(file);
        }
      }
      return run;
    }

    private void tell(Method way, long seed, String what, Exception failure) {
      System.err.printf("%s, %s, seed %d: %s: %s%n", target, way.name(), seed, what, failure);
    }

    /** The delta and what it keeps, from an earlier start if both are there. */
    private AttackRun removed(Method way, long seed, Path file, Path stored) throws IOException {
      if (Files.exists(file) && Files.exists(stored)) {
        AttackRun before = AttackRun.read(file);
        if (before.kept() != null) {
          return before;
        }
      }
      boolean reset = MemoryUse.resetPeak(); // else the peak may be that of earlier work
      try (AblationResult result =
          way.planner()
              .plan(target, model, opened.judge())
              .seed(seed)
              .listener(opened.bars())
              .run()) {
        long peak = reset ? MemoryUse.peak().orElse(0) : 0;
        double seconds = result.elapsed().toMillis() / 1000.0;
        System.err.printf(
            "%s, %s, seed %d: removed in %.0f s%n", target, way.name(), seed, seconds);
        result.delta().save(stored);
        List<BufferedImage> drawn = new ArrayList<>();
        List<BufferedImage> copies = new ArrayList<>();
        result
            .delta()
            .applied(
                model,
                () -> {
                  drawn.addAll(drawing.draw(model, set.prompts(), set.seed()));
                  return copies.addAll(copies(model));
                });
        ImageFile.writePng(
            ImageSheet.of(drawn, set.styles().size()), file(way.name(), seed, ".png"));
        AttackRun run =
            AttackRun.of(
                target,
                way.name(),
                seed,
                kept(
                    drawing.judged(drawn),
                    copies,
                    result.outcome().step(),
                    seconds,
                    result.memory().orElse(0),
                    peak));
        run.save(file);
        return run;
      }
    }

    /** Makes an attack, or reads what an earlier start found; base model and control only once. */
    private Shares attacked(Planned planned, Method way, long seed, WeightDelta delta)
        throws IOException {
      String given = "%s, seed %d".formatted(planned.details(), seed);
      Path own =
          output.resolve(
              "%s--%s.json"
                  .formatted(
                      StudyResult.slug(
                          AttackRun.name(target, way.name(), seed) + "--" + planned.label()),
                      key(given, delta.sha256())));
      Path shared =
          output.resolve(
              "%s--%s.json"
                  .formatted(
                      StudyResult.slug(target + "--unchanged--" + planned.label()),
                      key(
                          planned.details(),
                          model.weights().sha256(),
                          never == null ? "" : never.weights().sha256())));
      AttackResult alone = read(own);
      AttackResult unchanged = read(shared);
      if (alone == null || unchanged == null) {
        System.err.printf("%s, %s, seed %d: %s%n", target, way.name(), seed, planned.label());
        Attack attack = planned.attack();
        attack.check(model);
        AttackModels models =
            unchanged == null
                ? new AttackModels(model, delta, never)
                : AttackModels.ofAblated(model, delta);
        AttackResult made =
            attack.run(
                models.drawn(
                    (role, drawn) -> writeSheet(drawn, role.equals(ABLATED) ? own : shared, role)),
                () -> false);
        if (unchanged == null) {
          unchanged = made;
          write(made, shared);
        }
        if (alone == null) {
          alone = made;
          write(made, own);
        }
        System.err.printf(
            "%s, %s, seed %d: %s: %.0f s%s%n",
            target,
            way.name(),
            seed,
            planned.label(),
            made.elapsed().toMillis() / 1000.0,
            models.attacksBase() ? ", base model and control included" : "");
      }
      return Shares.of(joined(alone, unchanged), own);
    }
  }

  /** The ablated model's shares, and those of the models that no removal changes. */
  private static AttackResult joined(AttackResult alone, AttackResult unchanged) {
    List<Recovery> judged =
        IntStream.range(0, alone.judged().size())
            .mapToObj(i ->
                new Recovery(
                    unchanged.judged().get(i).base(),
                    alone.judged().get(i).ablated(),
                    unchanged.judged().get(i).control()))
            .toList();
    return new AttackResult(
        alone.family(), alone.name(), alone.settings(), judged, List.of(), alone.elapsed());
  }

  /** Beside the numbers, since judges err: {@code ...--ablated.png}. */
  private static void writeSheet(List<BufferedImage> drawn, Path numbers, String role) {
    String name = numbers.getFileName().toString().replaceFirst("\\.json$", "");
    try {
      ImageFile.writePng(
          ImageSheet.of(drawn, SHEET_COLUMNS),
          numbers.resolveSibling("%s--%s.png".formatted(name, role)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String key(String... parts) {
    byte[] text = String.join("\n", parts).getBytes(StandardCharsets.UTF_8);
    return UUID.nameUUIDFromBytes(text).toString().substring(0, 8);
  }

  private static @Nullable AttackResult read(Path file) throws IOException {
    return Files.exists(file) ? EvaluationResult.read(file).attacks().get(0) : null;
  }

  private static void write(AttackResult made, Path file) throws IOException {
    new EvaluationResult(Map.of(), List.of(), List.of(made), made.elapsed()).write(file);
  }

  private static String reason(Exception failure) {
    String message = failure.getMessage();
    return message == null ? failure.toString() : message.lines().findFirst().orElse(message);
  }
}
