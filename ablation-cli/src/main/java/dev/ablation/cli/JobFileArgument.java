package dev.ablation.cli;

import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRoot;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The job file that a command takes. */
final class JobFileArgument {
  @Parameters(paramLabel = "JOB", description = "Job file: JSON, comments allowed.")
  private Path file;

  @Option(
      names = "--root",
      paramLabel = "DIR",
      description =
          "Folder below which the job may read and write; a job that names other files is refused."
              + " Default: anywhere.")
  private @Nullable Path root;

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  JobFileArgument() {}

  AblationJob read() throws IOException {
    return AblationJob.read(file, root == null ? JobRoot.anywhere() : JobRoot.within(root));
  }
}
