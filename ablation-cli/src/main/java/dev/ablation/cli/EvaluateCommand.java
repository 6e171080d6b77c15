package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.delta.WeightDelta;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.job.Acceptance;
import dev.ablation.job.AcceptanceLimit;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import dev.ablation.job.Verdict;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
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
          + " one bring back an earlier target?",
    })
final class EvaluateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @ArgGroup(multiplicity = "1")
  private What what;

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
    List<Path> bundles = new ArrayList<>();
    List<Path> deltas = new ArrayList<>();
    if (what.folder != null) {
      bundles.add(what.folder);
      deltas.add(what.folder.resolve(JobRun.DELTA));
    } else if (what.ledger != null) {
      for (LedgerEntry entry : Ledger.read(what.ledger)) {
        if (entry.active()) {
          bundles.add(Ledger.bundle(what.ledger, entry));
          deltas.add(Deltas.deltaOf(what.ledger, entry));
        }
      }
    }
    JsonArray json = new JsonArray();
    StringBuilder text = new StringBuilder();
    boolean accepted = true;
    try (ProgressBars bars = progress.bars()) {
      for (Path each : bundles) {
        accepted &= evaluate(EvidenceBundle.open(each), deltas, bars, json, text);
      }
    }
    output.print(spec, json, text.toString());
    return accepted ? ExitCode.OK : ExitCode.NOT_ACCEPTED;
  }

  private static boolean evaluate(
      EvidenceBundle bundle,
      List<Path> deltas,
      ProgressBars bars,
      JsonArray json,
      StringBuilder text)
      throws IOException {
    try (JobSession session = JobSession.open(bundle.job())) {
      Evaluation evaluation =
          session
              .evaluationAlone()
              .orElseThrow(() ->
                  new IOException(bundle.folder() + ": the job has no evaluation"));
      try (WeightDelta delta = Deltas.sum(deltas, session.model()).orElseThrow()) {
        EvaluationResult found =
            evaluation.run(
                session.model(),
                delta,
                step -> bars.show("evaluation", step.done(), step.total(), step.task()),
                () -> false);
        List<Verdict> verdicts = Acceptance.verdicts(bundle.job().acceptance(), Optional.of(found));
        add(bundle, found, verdicts, json, text);
        return verdicts.stream().allMatch(Verdict::met);
      }
    }
  }

  private static void add(
      EvidenceBundle bundle,
      EvaluationResult found,
      List<Verdict> verdicts,
      JsonArray json,
      StringBuilder text)
      throws IOException {
    JsonObject each = new JsonObject();
    String id = bundle.requestOr(bundle.folder());
    each.addProperty("request", id);
    text.append("%s: %s%n".formatted(id, String.join(", ", bundle.targets())));
    EvaluationResult alone = bundle.evaluation();
    for (String measure :
        List.of(
            AcceptanceLimit.UNLEARNING,
            AcceptanceLimit.IN_DOMAIN,
            AcceptanceLimit.CROSS_DOMAIN,
            AcceptanceLimit.RECOVERED)) {
      OptionalDouble now = Acceptance.measure(measure, found);
      OptionalDouble then = Acceptance.measure(measure, alone);
      if (now.isPresent()) {
        each.addProperty(measure, now.getAsDouble());
        text.append(
            String.format(
                Locale.ROOT,
                "  %-10s %.1f %%%s%n",
                measure,
                now.getAsDouble(),
                then.isPresent()
                    ? String.format(Locale.ROOT, ", in its evidence %.1f %%", then.getAsDouble())
                    : ""));
        if (measure.equals(AcceptanceLimit.UNLEARNING)
            && then.isPresent()
            && now.getAsDouble() < then.getAsDouble()) {
          each.addProperty("comesBack", true);
          text.append("  The target comes back in some images.%n".formatted());
        }
      }
    }
    verdicts.forEach(verdict -> text.append("  ").append(verdict).append("%n".formatted()));
    each.addProperty("accepted", verdicts.stream().allMatch(Verdict::met));
    json.add(each);
  }
}
