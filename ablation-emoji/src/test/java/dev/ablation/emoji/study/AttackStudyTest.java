package dev.ablation.emoji.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.study.AttackRun.ByModel;
import dev.ablation.emoji.study.AttackRun.Kept;
import dev.ablation.emoji.study.AttackRun.Shares;
import dev.ablation.emoji.study.AttackTables.Interval;
import dev.ablation.emoji.study.StudyAttacks.Family;
import dev.ablation.emoji.study.StudyAttacks.Planned;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.sample.LatentSampler;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class AttackStudyTest {
  private static final LoadOptions CPU = LoadOptions.defaults().device(Device.cpu()).threads(1);

  private static final StudyTarget INK = new StudyTarget(Kind.STYLE, "ink");

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "--targets, style:none, 'style must be one of'",
    "--methods, none, 'method must be one of'",
    "--attacks, none, 'attack must be one of'",
    "--changes, steps=100, '--changes must come with a method of [resistant, measured resistant]'",
    "--adversarial-words, 6, '--adversarial-words must be from 1 to 5, was 6'",
    "--inversion-starts, 3, '--inversion-starts must be 1 or 2, was 3'",
    "--ringabell-prompts, 0, '--ringabell-prompts must be positive, was 0'",
    "--ringabell-words, 23, 'words must fit the context'",
    "--latent-images, 0, '--latent-images and --relearning-images must be positive'",
    "--answers, 0, '--answers must be positive'",
    "--threads, 0, '--threads, --workers and --batch must be positive'",
  })
  void refusesBadInputBeforeItStarts(String option, String value, String message) {
    Path output = folder.resolve("out");
    StringWriter errors = new StringWriter();
    int code =
        new CommandLine(new AttackStudy())
            .setErr(new PrintWriter(errors))
            .execute(option, value, "--output", output.toString());
    assertThat(code).isNotZero();
    assertThat(errors.toString()).contains(message);
    assertThat(output).doesNotExist();
  }

  /** No attack is made: each must fit the model, and have a name of its own. */
  @Test
  void everyFamilyHasAttacksOnEveryKindOfTargetThatFitTheModel() throws IOException {
    AttackBudgets budgets = CommandLine.populateCommand(new AttackBudgets(), "--images", "4");
    AnswerSet set = AnswerSet.load();
    EmojiDataSet data = EmojiDataSet.load();
    try (StableDiffusion model = EmbeddedModel.open(CPU);
        EmbeddedEvaluator judge = EmbeddedEvaluator.open(CPU)) {
      List<String> words = model.capability(PromptTokenizer.class).orElseThrow().words();
      for (String text : List.of("style:blueprint", "instance:cat face", "planted")) {
        StudyTarget target = StudyTarget.of(text, set);
        StudyAttacks attacks = new StudyAttacks(target, 0, set, judge, data, budgets, model, 4);
        List<String> labels = new ArrayList<>();
        for (Family family : Family.values()) {
          List<Planned> planned = attacks.of(family);
          assertThat(planned).as("%s of %s", family, target).isNotEmpty();
          for (Planned each : planned) {
            each.attack().check(model);
            labels.add(each.label());
          }
        }
        assertThat(labels).doesNotHaveDuplicates().hasSizeGreaterThan(26);
        // Of the caption "1931" is no word of the vocabulary, but four.
        List<String> own = Stream.of(target.name().split(" ")).filter(words::contains).toList();
        assertThat(own).hasSizeGreaterThanOrEqualTo(target.kind() == Kind.STYLE ? 1 : 2);
        assertThat(attacks.of(Family.RINGABELL).stream().map(Planned::details))
            .satisfiesExactly(
                all -> assertThat(all).contains("of %d words".formatted(words.size())),
                others ->
                    assertThat(others)
                        .contains("of %d words".formatted(words.size() - own.size())));
        assertThat(Stream.of(Family.values()).map(Family::toString).map(Family::named))
            .containsExactly(Family.values());
      }
    }
  }

  /**
   * The control is the base model: its shares are the base model's. Started again with another seed
   * it attacks the ablated model alone, and what is there is not made again.
   */
  @Tag("slow")
  @Test
  void attacksBaseModelAndControlOnceAndGoesOnAfterAFailure() throws IOException {
    AnswerSet set =
        new AnswerSet(List.of("ink", "noto"), List.of("owl"), 1, 188, List.of(), List.of());
    String control = EmbeddedModel.folder().toString();
    String[] first = {
      "--targets", "style:ink",
      "--methods", "closed form",
      "--attacks", "noise,completion",
      "--begun", "2",
      "--completion-steps", "4",
      "--images", "2",
      "--steps", "4",
      "--control", control,
      "--output", folder.toString()
    };
    AttackStudy study = new AttackStudy();
    new CommandLine(study).parseArgs(first);
    assertThat(study.call(set)).isZero();
    AttackRun run = AttackRun.read(folder.resolve("style-ink--closed-form--seed-0.run.json"));
    assertThat(run.attacks()).hasSize(2);
    assertThat(run.attacks().values())
        .allSatisfy(shares -> {
          assertThat(shares.evaluator().control()).isEqualTo(shares.evaluator().base());
          assertThat(shares.nearest().control()).isEqualTo(shares.nearest().base());
          assertThat(folder.resolve(shares.file())).exists();
          assertThat(folder.resolve(shares.file().replace(".json", "--ablated.png"))).exists();
        });
    AttackRun never = AttackRun.read(folder.resolve("style-ink--control--seed-0.run.json"));
    AttackRun base = AttackRun.read(folder.resolve("style-ink--base-model--seed-0.run.json"));
    assertThat(never.kept()).isEqualTo(base.kept());
    Map<Path, FileTime> unchanged = unchanged();
    assertThat(unchanged).hasSize(2 * 3); // numbers, and images of base model and control

    AttackStudy again = new AttackStudy();
    new CommandLine(again).parseArgs(with(first, "--seeds", "0,1"));
    // A damaged file fails its own attack alone.
    Path damaged = folder.resolve(run.attacks().get("eta 1.5").file());
    Files.writeString(damaged, "{");
    assertThat(again.call(set)).isNotZero();
    AttackRun failed = AttackRun.read(folder.resolve("style-ink--closed-form--seed-0.run.json"));
    assertThat(failed.failures()).containsOnlyKeys("eta 1.5");
    assertThat(failed.failures().get("eta 1.5")).contains(damaged.toString());
    assertThat(failed.attacks()).hasSize(1);
    AttackRun other = AttackRun.read(folder.resolve("style-ink--closed-form--seed-1.run.json"));
    assertThat(other.attacks()).hasSize(2);
    assertThat(other.attacks().values())
        .allSatisfy(shares -> assertThat(shares.evaluator().base()).isNotNull());
    assertThat(unchanged()).isEqualTo(unchanged);
    assertThat(Files.readString(folder.resolve("attacks.md")))
        .contains("| style:ink | control | 1 |", "| style:ink | closed form | 2 |")
        .contains("Failed:\n\n- style:ink, closed form, seed 0, eta 1.5: ");
  }

  private static String[] with(String[] given, String... more) {
    return Stream.concat(Stream.of(given), Stream.of(more)).toArray(String[]::new);
  }

  private Map<Path, FileTime> unchanged() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      Map<Path, FileTime> times = new TreeMap<>();
      for (Path file : files.filter(each -> each.toString().contains("--unchanged--")).toList()) {
        times.put(file, Files.getLastModifiedTime(file));
      }
      return times;
    }
  }

  private static AttackRun run(String method, long seed, double unlearning, double ablated) {
    Scores scores = new Scores(unlearning, 1, 0.5, 1, 1, 1, 0.5);
    return new AttackRun(
        "style:ink",
        method,
        seed,
        new Kept(scores, scores, 100, 10 + 2 * seed, 2_000_000, seed * 900_000_000),
        method.equals("closed form")
            ? Map.of(
                "noised",
                new Shares(
                    new ByModel(1.0, ablated, 0.25), new ByModel(0.9, 0.5, 0.0), 24, 3, "file"))
            : Map.of(),
        Map.of());
  }

  @Test
  void theTableHasMeansOverSeedsTheExcessAndWhatFailed() {
    String table =
        new AttackTables(
                List.of(
                    run("base model", 0, 0, 0),
                    run("closed form", 0, 1, 0.5),
                    run("closed form", 1, 0.5, 1),
                    run("control", 0, 0.9, 0),
                    AttackRun.of(INK, "noise-based", 0, null).failed("removal", "out of memory"),
                    run("resistant", 0, 0.9, 0).failed("noised", "out of patience")))
            .markdown();
    assertThat(table)
        .containsSubsequence(
            "| target | method | seeds | UA | IRA | CRA | noised | removal | peak memory | more by |",
            "| style:ink | control | 1 | 90 / 90 | 100 / 100 | 50 / 50 | 25 / 0 | - | - | - |",
            "| style:ink | base model | 1 | 0 / 0 | 100 / 100 | 50 / 50 | 100 / 90 | - | - | - |",
            "| style:ink | closed form | 2 | 75 (0 to 100) / 75 (0 to 100) |",
            "| 75 (0 to 100) / 50 (36 to 64) | 11 s | 900 MB | 2 MB |",
            "| style:ink | noise-based | 1 | failed | failed | failed | - | - | - | - |",
            "| style:ink | resistant | 1 | 90 / 90 | 100 / 100 | 50 / 50 | failed | 10 s | - | 2 MB |",
            "| attack | base model | control | closed form | excess | noise-based | excess | resistant |",
            "| noised | 100 / 90 | 25 / 0 | 75 (0 to 100) / 50 (36 to 64) | +50 / +50 | - | - | failed |",
            "The judges differ by more than 10 points: noised, closed form (25 points).",
            "- style:ink, noise-based, seed 0, removal: out of memory",
            "- style:ink, resistant, seed 0, noised: out of patience");
  }

  /** The evaluator's own gradient pleases the evaluator. */
  @Test
  void anAttackIsEvidenceIfItWorksByBothJudges() {
    ByModel works = new ByModel(0.8, 0, 0.0);
    ByModel fails = new ByModel(0.79, 0, 0.0);
    assertThat(new Shares(works, works, 24, 1, "file").isEvidence()).isTrue();
    assertThat(new Shares(works, fails, 24, 1, "file").isEvidence()).isFalse();
    assertThat(new Shares(fails, works, 24, 1, "file").isEvidence()).isFalse();
    assertThat(new Shares(works, new ByModel(null, 0, null), 24, 1, "file").isEvidence()).isFalse();
  }

  @Test
  void anIntervalOverSeedsIsNoNarrowerThanThatOfTheImages() {
    // By hand: the quantile 4.303 times the standard error 0.1 / sqrt(3).
    Interval seeds = Interval.of(new double[] {0.4, 0.5, 0.6}, 0);
    assertThat(seeds.mean()).isCloseTo(0.5, within(1e-9));
    assertThat(seeds.low()).isCloseTo(0.5 - 4.303 * 0.1 / Math.sqrt(3), within(1e-9));
    assertThat(seeds.high()).isCloseTo(0.5 + 4.303 * 0.1 / Math.sqrt(3), within(1e-9));
    // Wilson's of 0 of 72: z^2 / (72 + z^2).
    Interval none = Interval.of(new double[] {0, 0, 0}, 72);
    assertThat(none.low()).isZero();
    assertThat(none.high()).isCloseTo(3.8416 / (72 + 3.8416), within(1e-9));
    assertThat(Interval.of(new double[] {1}, 0)).hasToString("100");
    assertThat(none).hasToString("0 (0 to 5)");
  }

  @Test
  void aRunIsReadAsItWasSaved() throws IOException {
    AttackRun run = run("closed form", 1, 0.5, 1).failed("eta 1.5", "no memory");
    Path file = folder.resolve("run.json");
    run.save(file);
    assertThat(AttackRun.read(file)).isEqualTo(run);
    assertThat(run.failed("noised", "x").attacks()).isEmpty();
    assertThat(run.with("eta 1.5", run.attacks().get("noised")).failures()).isEmpty();
  }

  @Test
  void changesAreThoseOfTheResistantMethods() throws IOException {
    AttackStudy study = new AttackStudy();
    new CommandLine(study)
        .parseArgs("--methods", "closed form,resistant", "--changes", "steps=7,pairs=3");
    assertThat(study.ways().stream().map(Method::name))
        .containsExactly("closed form", "resistant, pairs=3, steps=7");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ResistantVariant.of(Method.named("resistant"), Map.of("x", "1")))
        .withMessageContaining("change must be one of steps");
    try (StableDiffusion model = EmbeddedModel.open(CPU);
        EmbeddedEvaluator judge = EmbeddedEvaluator.open(CPU)) {
      StudyTarget target = StudyTarget.of("instance:cat face", AnswerSet.load());
      Method measured =
          ResistantVariant.of(Method.named("measured resistant"), Map.of("steps", "7"));
      assertThat(measured.planner().plan(target, model, judge).settings().toString())
          .contains(
              "training.steps=7", "finished from 0.7 of the noise", "word learned in 150 steps");
    }
  }

  @Test
  void theMemorisedImageIsRemovedInClosedForm() throws IOException {
    StudyTarget planted = StudyTarget.planted();
    List<String> asked = Collections.nCopies(4, planted.name());
    try (StableDiffusion model = EmbeddedModel.open(CPU);
        EmbeddedEvaluator judge = EmbeddedEvaluator.open(CPU);
        AblationResult result =
            Method.named("closed form").planner().plan(planted, model, judge).run()) {
      LatentSampler sampler =
          LatentSampler.of(model).settings(EmbeddedModel.recommendedSampling().steps(8));
      ConceptDetector copies = planted.detector(judge);
      assertThat(copies.shows(sampler.draw(asked, 1))).containsOnly(1);
      assertThat(copies.shows(result.delta().applied(model, () -> sampler.draw(asked, 1))))
          .containsOnly(0);
    }
  }

  @Test
  void methodsAreFoundByTheirNames() {
    assertThat(Method.all())
        .allSatisfy(
            method -> assertThat(Method.named(method.name()).name()).isEqualTo(method.name()));
  }
}
