package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobSession;
import dev.ablation.job.Removals;
import dev.ablation.job.TogetherResult;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
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

  @Mixin private AttackOptions attacks = new AttackOptions();
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
    List<TogetherResult> results = List.of();
    if (!removals.bundles().isEmpty()) {
      results = evaluate(removals);
    }
    JsonArray json = new JsonArray();
    StringBuilder text = new StringBuilder();
    for (TogetherResult result : results) {
      JsonObject each = JsonParser.parseString(result.toJson()).getAsJsonObject();
      text.append(text(result));
      if (attacks.wanted() && result.together().isPresent()) {
        EvaluationResult found = result.together().get();
        each.add("evaluation", JsonParser.parseString(found.toJson()));
        Summary.attacks(text, found);
      }
      json.add(each);
    }
    output.print(spec, json, text.toString());
    if (!results.isEmpty() && results.stream().allMatch(each -> each.together().isEmpty())) {
      throw new IOException("nothing was measured: no job has an evaluation");
    }
    return results.stream().allMatch(TogetherResult::accepted)
        ? ExitCode.OK
        : ExitCode.NOT_ACCEPTED;
  }

  /** All removals of a ledger are of the same base model. */
  private List<TogetherResult> evaluate(Removals removals) throws IOException {
    try (ProgressBars bars = progress.bars();
        DiffusionModel model = JobSession.openModel(removals.bundles().get(0).job().model())) {
      Removals evaluated =
          removals
              .evaluated(attacks::of)
              .planned((evaluation, session) ->
                  AttackOptions.tell(evaluation, session, spec.commandLine().getErr()));
      return evaluated.evaluate(
          model,
          step -> bars.show("evaluation", step.done(), step.total(), step.task()),
          () -> false);
    }
  }

  /** A finding as lines. */
  static String text(TogetherResult result) {
    StringBuilder text = new StringBuilder();
    text.append("%s: %s%n".formatted(result.request(), String.join(", ", result.targets())));
    if (result.together().isEmpty()) {
      text.append("  not measured: its job has no evaluation%n".formatted());
    }
    result
        .shares()
        .forEach((measure, share) -> {
          text.append(String.format(Locale.ROOT, "  %-10s %.1f %%", measure, share.together()));
          share
              .alone()
              .ifPresent(alone ->
                  text.append(String.format(Locale.ROOT, ", in its evidence %.1f %%", alone)));
          text.append(System.lineSeparator());
        });
    if (result.comesBack()) {
      text.append("  The target comes back in some images.%n".formatted());
    }
    result
        .verdicts()
        .forEach(verdict -> text.append("  ").append(verdict).append(System.lineSeparator()));
    return text.toString();
  }
}
