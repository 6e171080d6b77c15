package dev.ablation.cli;

import com.google.gson.JsonObject;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.EvidenceBundle.Check;
import dev.ablation.job.ledger.Ledger;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Enters a result in a ledger. */
@Command(
    name = "apply",
    mixinStandardHelpOptions = true,
    description = {
      "Enters a folder of evidence in the ledger of a model: from then on its removal applies,"
          + " together with those before. 'ablate undo' takes it out again, 'ablate export --ledger'"
          + " writes the model with all of them, 'ablate evaluate --ledger' evaluates them together.",
      "",
      "Refused: evidence that was changed, a delta or a target that another request removed already,"
          + " another base model.",
      "",
      "A job with 'outputs.ledger' enters its result itself, if it meets all limits.",
    })
final class ApplyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Mixin private BundleArgument evidence = new BundleArgument();
  @Mixin private LedgerOption ledger = new LedgerOption();

  @Option(
      names = "--request",
      paramLabel = "ID",
      description = "Identifier of the request. Default: that of the job, or the folder's name.")
  private @Nullable String request;

  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  ApplyCommand() {}

  @Override
  public Integer call() throws IOException {
    EvidenceBundle bundle = evidence.open();
    Path folder = evidence.folder();
    List<Check> failed = bundle.verify(null).stream().filter(Check::failed).toList();
    if (!failed.isEmpty()) {
      throw new IOException(folder + ": not entered: " + failed.get(0));
    }
    String id = request != null ? request : bundle.request();
    try (Ledger opened = Ledger.open(ledger.file(), bundle.baseSha256())) {
      opened.add(id, folder, bundle.deltaSha256(), bundle.targets());
    }
    JsonObject json = new JsonObject();
    json.addProperty("request", id);
    json.addProperty("ledger", ledger.file().toString());
    output.print(spec, json, "entered request '%s' in %s%n".formatted(id, ledger.file()));
    return ExitCode.OK;
  }
}
