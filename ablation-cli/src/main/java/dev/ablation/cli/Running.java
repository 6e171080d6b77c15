package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.AblationResult;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.job.JobResult;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import dev.ablation.job.Verdict;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Model.CommandSpec;

/** Runs a job in its folder, and shows and prints what happens. */
final class Running {
  private static final int PATIENCE_SECONDS = 30;

  private final CommandSpec spec;
  private final Output output;

  Running(CommandSpec spec, Output output) {
    this.spec = spec;
    this.output = output;
  }

  /** Runs to the end; ctrl-C saves what was done and says how to continue. */
  int run(JobRun run, ProgressBars bars) throws IOException {
    AtomicBoolean cancelled = new AtomicBoolean();
    CountDownLatch ended = new CountDownLatch(1);
    PrintWriter err = spec.commandLine().getErr();
    Thread hook = new Thread(() -> interrupted(run, cancelled, ended, err), "interrupted");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      RunFiles files = new RunFiles(run);
      JobResult result =
          run.run(
              event -> {
                bars.on(event);
                files.on(event);
              },
              cancelled::get,
              new JobRun.MoreFiles() {
                @Override
                public void planned(Evaluation evaluation, JobSession session) {
                  AttackOptions.tell(evaluation, session, err);
                }

                @Override
                public void write(AblationResult found, JobSession session) throws IOException {
                  files.write(found, session);
                }
              });
      bars.close();
      String separator = System.lineSeparator();
      output.print(spec, json(result), separator + files.summary() + ledger(result) + files.list());
      return result.accepted() ? ExitCode.OK : ExitCode.NOT_ACCEPTED;
    } finally {
      ended.countDown();
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The JVM is on its way out.
      }
    }
  }

  private static void interrupted(
      JobRun run, AtomicBoolean cancelled, CountDownLatch ended, PrintWriter err) {
    cancelled.set(true);
    try {
      // A run stops after its step and saves it.
      if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        err.println("ablate: the run does not stop; what it saved last is kept");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!JobRun.isFinished(run.folder())) {
      err.println("ablate: interrupted; to continue: ablate resume " + run.folder());
      err.flush();
    }
  }

  /** What became of the entry in the ledger. */
  private static String ledger(JobResult result) {
    Path ledger = result.job().outputs().ledger();
    if (ledger == null) {
      return "";
    }
    StringBuilder text = new StringBuilder();
    if (!result.together().isEmpty()) {
      text.append("With the earlier removals of the ledger:%n%n".formatted());
      result.together().forEach(each -> text.append(EvaluateCommand.text(each)));
      text.append(System.lineSeparator());
    }
    text.append(
        result.entered()
            ? "Entered in the ledger %s.%n%n".formatted(ledger)
            : ("Not entered in the ledger %s: not every limit is met. To enter it all the same:"
                    + " ablate apply %s --ledger %s%n%n")
                .formatted(ledger, result.folder(), ledger));
    return text.toString();
  }

  static JsonObject json(JobResult result) {
    JsonObject json = new JsonObject();
    result.job().request().ifPresent(id -> json.addProperty("request", id));
    json.addProperty("folder", result.folder().toString());
    json.addProperty("accepted", result.accepted());
    JsonArray verdicts = new JsonArray();
    for (Verdict verdict : result.verdicts()) {
      JsonObject each = new JsonObject();
      each.addProperty("limit", verdict.limit().toString());
      JsonElement measured =
          verdict.measured().isPresent()
              ? new JsonPrimitive(verdict.measured().getAsDouble())
              : JsonNull.INSTANCE;
      each.add("measured", measured);
      each.addProperty("met", verdict.met());
      verdicts.add(each);
    }
    json.add("verdicts", verdicts);
    if (result.job().outputs().ledger() != null) {
      json.addProperty("entered", result.entered());
      JsonArray together = new JsonArray();
      result.together().forEach(each -> together.add(JsonParser.parseString(each.toJson())));
      json.add("together", together);
    }
    return json;
  }
}
