package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.AcceptanceLimit;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import dev.ablation.job.Removals;
import dev.ablation.job.TogetherResult;
import dev.ablation.job.TogetherResult.Share;
import dev.ablation.model.DiffusionModel;
import dev.ablation.report.Report;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Evaluates a result again, or all results of a ledger together. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description = {
      "Evaluates the delta of a folder of evidence again, as its job says; or, with --ledger, every"
          + " removal that applies, each by its own job with all deltas applied together: does a later"
          + " one bring back an earlier target? Writes the same report as a run.",
    })
final class EvaluateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @ArgGroup(multiplicity = "1")
  private What what;

  @Mixin private AttackOptions attacks = new AttackOptions();

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Folder for report.html, report.json and evaluation.json, which is what --json prints; of"
              + " several removals of a ledger each has a folder in it. Must not exist or be empty."
              + " Default: the next number in target/ablation.")
  private @Nullable Path reports;

  @Mixin private Output output = new Output();
  @Mixin private ProgressOption progress = new ProgressOption();

  /** One bundle or a ledger. */
  static final class What {
    @Parameters(paramLabel = "BUNDLE", description = "Folder of evidence.")
    private @Nullable Path folder;

    @Option(names = "--ledger", paramLabel = "FILE", description = "The ledger.")
    private @Nullable Path ledger;
  }

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  EvaluateCommand() {}

  @Override
  public Integer call() throws IOException {
    Removals removals =
        what.ledger != null
            ? Removals.of(what.ledger)
            : Removals.of(EvidenceBundle.open(Objects.requireNonNull(what.folder)));
    if (reports != null) {
      check(reports, removals);
    }
    List<Evaluated> results = removals.bundles().isEmpty() ? List.of() : evaluate(removals);
    JsonArray json = new JsonArray();
    StringBuilder text = new StringBuilder();
    for (Evaluated evaluated : results) {
      TogetherResult result = evaluated.result();
      JsonObject each = JsonParser.parseString(result.toJson()).getAsJsonObject();
      text.append(text(result));
      if (attacks.wanted() && result.together().isPresent()) {
        EvaluationResult found = result.together().get();
        each.add("evaluation", JsonParser.parseString(found.toJson()));
        Summary.attacks(text, found);
      }
      if (evaluated.report() != null) {
        each.addProperty("report", evaluated.report().toString());
        text.append("  %s%n".formatted(evaluated.report()));
      }
      json.add(each);
    }
    output.print(spec, json, text.toString());
    if (!results.isEmpty() && results.stream().allMatch(each -> each.report() == null)) {
      throw new IOException("nothing was measured: no job has an evaluation");
    }
    if (reports != null && !results.isEmpty()) {
      AtomicFiles.writeString(
          reports.resolve("evaluation.json"), Existing.REPLACE, Output.text(json));
    }
    return results.stream().allMatch(each -> each.result().accepted())
        ? ExitCode.OK
        : ExitCode.NOT_ACCEPTED;
  }

  /**
   * A removal that was evaluated.
   *
   * @param result what was found
   * @param report the page; {@code null} if nothing was measured
   */
  private record Evaluated(TogetherResult result, @Nullable Path report) {}

  /** Before the long work; evidence lists its files, and must not get others. */
  private static void check(Path folder, Removals removals) throws IOException {
    Path absolute = folder.toAbsolutePath().normalize();
    for (EvidenceBundle bundle : removals.bundles()) {
      if (absolute.startsWith(bundle.folder().toAbsolutePath().normalize())) {
        throw new FileAlreadyExistsException(
            folder.toString(), null, "is evidence; choose an output folder outside of it");
      }
    }
    if (Files.exists(folder) && (!Files.isDirectory(folder) || !RunFolder.isEmpty(folder))) {
      throw new FileAlreadyExistsException(
          folder.toString(), null, "is not empty; choose an output folder that does not exist");
    }
  }

  /** Writes a page of each evaluation; that of one removal also shows how it was trained. */
  private List<Evaluated> reported(
      List<TogetherResult> results, Removals removals, DiffusionModel model) throws IOException {
    List<Evaluated> all = new ArrayList<>();
    boolean one = results.size() == 1;
    try (WeightDelta sum = removals.sum(model).orElseThrow()) {
      Report.DeltaFile file = Report.DeltaFile.of(sum);
      for (int i = 0; i < results.size(); i++) {
        Optional<EvaluationResult> found = results.get(i).together();
        Path page = null;
        if (found.isPresent()) {
          Path parent = reports == null ? RunFolder.next() : Files.createDirectories(reports);
          reports = parent;
          Path folder = one ? parent : RunFolder.createNumbered(parent);
          page = folder.resolve(JobRun.REPORT);
          Report.Training training = one ? removals.bundles().get(0).training().orElse(null) : null;
          new Report(sum.provenance(), file, found.get(), training).write(page);
        }
        all.add(new Evaluated(results.get(i), page));
      }
    }
    return all;
  }

  /** All removals of a ledger are of the same base model. */
  private List<Evaluated> evaluate(Removals removals) throws IOException {
    try (ProgressBars bars = progress.bars();
        DiffusionModel model = JobSession.openModel(removals.bundles().get(0).job().model())) {
      Removals evaluated =
          removals
              .evaluated(attacks::of)
              .planned((evaluation, session) ->
                  AttackOptions.tell(evaluation, session, spec.commandLine().getErr()));
      List<TogetherResult> results =
          evaluated.evaluate(
              model,
              step -> bars.show("evaluation", step.done(), step.total(), step.task()),
              () -> false);
      return reported(results, removals, model);
    }
  }

  private static void line(StringBuilder text, String measure, Share share) {
    text.append(String.format(Locale.ROOT, "  %-10s %.1f %%", measure, share.together()));
    share
        .alone()
        .ifPresent(
            alone -> text.append(String.format(Locale.ROOT, ", in its evidence %.1f %%", alone)));
    text.append(System.lineSeparator());
  }

  /** A finding as lines. */
  static String text(TogetherResult result) {
    StringBuilder text = new StringBuilder();
    text.append("%s: %s%n".formatted(result.request(), String.join(", ", result.targets())));
    if (result.shares().isEmpty()) {
      text.append("  not measured: its job has no evaluation%n".formatted());
    }
    result.shares().forEach((measure, share) -> line(text, measure, share));
    Share recovered = result.shares().get(AcceptanceLimit.RECOVERED);
    if (recovered == null || recovered.alone().isEmpty()) {
      result
          .recoveredByTheSame()
          .ifPresent(share -> line(text, "recovered by the attacks that both have", share));
    }
    if (result.comesBack()) {
      text.append("  The target comes back in some images.%n".formatted());
    }
    result
        .verdicts()
        .forEach(verdict -> text.append("  ").append(verdict).append(System.lineSeparator()));
    return text.toString();
  }
}
