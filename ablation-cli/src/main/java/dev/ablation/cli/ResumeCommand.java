package dev.ablation.cli;

import com.google.gson.JsonObject;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.job.JobResult;
import dev.ablation.job.JobRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Continues a run. */
@Command(
    name = "resume",
    mixinStandardHelpOptions = true,
    description =
        "Continues a run that was stopped, interrupted or killed, from what it saved last; the"
            + " result is the same. A finished run stays as it is; what it found is printed again.")
final class ResumeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "Folder of the run.")
  private Path folder;

  @Mixin private Output output = new Output();
  @Mixin private ProgressOption progress = new ProgressOption();

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  ResumeCommand() {}

  @Override
  public Integer call() throws IOException {
    JobRun run = JobRun.resume(folder);
    if (JobRun.isFinished(folder)) {
      JobResult result = run.run();
      JsonObject json = Running.json(result);
      json.addProperty("finished", true);
      StringBuilder text = new StringBuilder("%s: the run is finished%n".formatted(folder));
      result.verdicts().forEach(verdict -> text.append("  %s%n".formatted(verdict)));
      output.print(spec, json, text.toString());
      return result.accepted() ? ExitCode.OK : ExitCode.NOT_ACCEPTED;
    }
    return RunCommand.run(spec, run, output, progress);
  }
}
