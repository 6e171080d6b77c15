package dev.ablation.cli;

import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs a job file. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a job file: checks it, trains, evaluates, compares the result with the job's limits and"
          + " writes a folder of evidence.",
      "",
      "A run that was stopped or killed continues with 'ablate resume DIR', or by the same command.",
    })
final class RunCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private JobFileArgument file = new JobFileArgument();

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Folder to write to, in place of the job's; must not exist or be empty. Default: the job's,"
              + " or the next number in target/ablation.")
  private @Nullable Path folder;

  @Mixin private AttackOptions attacks = new AttackOptions();
  @Mixin private Output output = new Output();
  @Mixin private ProgressOption progress = new ProgressOption();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  RunCommand() {}

  @Override
  public Integer call() throws IOException {
    AblationJob job = file.read();
    AblationJob evaluated = job.evaluation(attacks.of(job.evaluation()));
    return run(spec, evaluated, folder, output, progress);
  }

  static int run(
      CommandSpec spec,
      AblationJob job,
      @Nullable Path named,
      Output output,
      ProgressOption progress)
      throws IOException {
    Path folder = named != null ? named : job.outputs().folder();
    if (folder != null) {
      return run(spec, JobRun.of(job, folder), output, progress);
    }
    Path numbered = RunFolder.next();
    try {
      return run(spec, JobRun.of(job, numbered), output, progress);
    } finally {
      RunFolder.discardIfEmpty(numbered);
    }
  }

  static int run(CommandSpec spec, JobRun run, Output output, ProgressOption progress)
      throws IOException {
    try (ProgressBars bars = progress.bars()) {
      return new Running(spec, output).run(run, bars);
    }
  }
}
