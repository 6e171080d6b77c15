package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobRun;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Lists runs, or the entries of a ledger. */
@Command(
    name = "list",
    mixinStandardHelpOptions = true,
    description = "Lists the entries of a ledger, or the runs in a folder and how far they are.")
final class ListCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--ledger", paramLabel = "FILE", description = "The ledger.")
  private @Nullable Path ledger;

  @Option(
      names = "--runs",
      paramLabel = "DIR",
      defaultValue = "target/ablation",
      description = "Folder of runs. Default: ${DEFAULT-VALUE}.")
  private Path runs;

  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills in what has a default
  ListCommand() {}

  @Override
  public Integer call() throws IOException {
    JsonArray json = new JsonArray();
    StringBuilder text = new StringBuilder();
    if (ledger != null) {
      for (LedgerEntry entry : Ledger.read(ledger)) {
        json.add(json(entry));
        text.append(
            "%-20s %-10s %s  %s%n"
                .formatted(
                    entry.request(),
                    entry.active() ? "applies" : "taken out",
                    entry.added(),
                    String.join(", ", entry.targets())));
      }
    } else if (Files.isDirectory(runs)) {
      for (Path folder : folders()) {
        json.add(json(folder));
        text.append("%-40s %s%n".formatted(folder, state(folder)));
      }
    }
    output.print(spec, json, text.toString());
    return ExitCode.OK;
  }

  private List<Path> folders() throws IOException {
    try (Stream<Path> all = Files.list(runs)) {
      return all.filter(folder -> Files.exists(folder.resolve(JobRun.JOB))).sorted().toList();
    }
  }

  private static String state(Path folder) throws IOException {
    if (!JobRun.isFinished(folder)) {
      return "unfinished";
    }
    return EvidenceBundle.open(folder).accepted() ? "finished" : "finished, limits not met";
  }

  private static JsonElement json(Path folder) throws IOException {
    JsonObject json = new JsonObject();
    json.addProperty("folder", folder.toString());
    json.addProperty("state", state(folder));
    return json;
  }

  static JsonObject json(LedgerEntry entry) {
    JsonObject json = new JsonObject();
    json.addProperty("request", entry.request());
    json.addProperty("active", entry.active());
    json.addProperty("added", entry.added());
    if (entry.undone() != null) {
      json.addProperty("undone", entry.undone());
    }
    JsonArray targets = new JsonArray();
    entry.targets().forEach(targets::add);
    json.add("targets", targets);
    json.addProperty("bundle", entry.bundle().toString());
    json.addProperty("deltaSha256", entry.deltaSha256());
    return json;
  }
}
