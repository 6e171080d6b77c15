package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.EvidenceBundle.Check;
import dev.ablation.job.JobModel;
import dev.ablation.job.JobSession;
import dev.ablation.job.evidence.Keys;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.security.PublicKey;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Verifies evidence. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description =
        "Verifies a folder of evidence: its hashes and, with --key, its signature; with --model also"
            + " that the delta fits the model and draws what the images show.")
final class VerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Mixin private BundleArgument evidence = new BundleArgument();

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      description =
          "Checkpoint folder or file of the base model, or 'embedded'. Default: no image is drawn.")
  private @Nullable String model;

  @Option(
      names = "--key",
      paramLabel = "FILE",
      description = "Public Ed25519 key in PEM that must have signed the evidence.")
  private @Nullable Path key;

  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  VerifyCommand() {}

  @Override
  public Integer call() throws IOException {
    EvidenceBundle bundle = evidence.open();
    PublicKey signer = key == null ? null : Keys.verifying(key);
    List<Check> checks;
    if (model == null) {
      checks = bundle.verify(signer);
    } else {
      JobModel source = bundle.job().model().movedTo(model);
      try (DiffusionModel opened = JobSession.openModel(source)) {
        checks = bundle.verify(signer, opened);
      }
    }
    boolean verified = checks.stream().noneMatch(Check::failed);
    JsonObject json = new JsonObject();
    json.addProperty("verified", verified);
    JsonArray list = new JsonArray();
    StringBuilder text = new StringBuilder();
    for (Check check : checks) {
      JsonObject each = new JsonObject();
      each.addProperty("name", check.name());
      each.addProperty("outcome", check.outcome().name().toLowerCase(Locale.ROOT));
      each.addProperty("detail", check.detail());
      list.add(each);
      text.append(check).append(System.lineSeparator());
    }
    json.add("checks", list);
    text.append(verified ? "verified" : "not verified").append(System.lineSeparator());
    output.print(spec, json, text.toString());
    return verified ? ExitCode.OK : ExitCode.NOT_VERIFIED;
  }
}
