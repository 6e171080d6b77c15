package dev.ablation.emoji.dataset.rebuild;

import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * The command that rebuilds the data set's images from the emoji sets. Exit codes: 0 when done, 1
 * when a source is missing or wrong or when {@code --check} finds a difference, 2 when the command
 * line was wrong.
 */
@Command(
    name = "rebuild-data-set",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description =
        "Rebuilds the images of the emoji data set from the emoji sets that sources.json names."
            + " The same sources and the same Java version give the same bytes (Java 25 draws some pixels"
            + " of 34 icons differently from Java 17, whose bytes are kept).")
public final class RebuildDataSet implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--npm",
      paramLabel = "DIR",
      description =
          "Folder into which npm has installed the sets (node_modules). Default: the Maven artifact"
              + " on the class path.")
  private @Nullable Path npm;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "ablation-emoji/src/main/resources/dev/ablation/emoji/dataset",
      description = "Folder to write to. Default: ${DEFAULT-VALUE}.")
  private Path output;

  @Option(
      names = "--check",
      description = "Writes nothing; lists the files of the folder that would change.")
  private boolean check;

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required or has a default
  RebuildDataSet() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param args the command line; {@code --help} explains it
   */
  public static void main(String[] args) {
    System.setProperty("java.awt.headless", "true");
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new RebuildDataSet())
        .setExecutionExceptionHandler((e, command, parsed) -> {
          if (!(e instanceof IOException)) {
            throw e;
          }
          command.getErr().println("rebuild-data-set: " + e.getMessage());
          command.getErr().flush();
          return CommandLine.ExitCode.SOFTWARE;
        });
  }

  @Override
  public Integer call() throws IOException {
    DataSetIndex index = DataSetIndex.load();
    SourceManifest manifest = SourceManifest.load();
    IconSource icons = npm == null ? IconSource.artifact(manifest) : IconSource.npm(npm);
    int changed = 0;
    PrintWriter out = spec.commandLine().getOut();
    for (Map.Entry<String, byte[]> file :
        new DataSetBuilder(index, manifest, icons).build().entrySet()) {
      Path path = output.resolve(file.getKey());
      boolean same = Files.exists(path) && Arrays.equals(Files.readAllBytes(path), file.getValue());
      if (!same) {
        changed++;
        if (!check) {
          Files.createDirectories(output);
          AtomicFiles.writeBytes(path, Existing.REPLACE, file.getValue());
        }
      }
      out.printf("%s %s, %d bytes%n", same ? "same" : "changed", path, file.getValue().length);
    }
    out.flush();
    return check && changed > 0 ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
  }
}
