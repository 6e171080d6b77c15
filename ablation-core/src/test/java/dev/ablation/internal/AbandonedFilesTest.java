package dev.ablation.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What killed writers leave, and what living ones hold. */
class AbandonedFilesTest {
  @TempDir Path folder;

  /** Begins to write a file or a folder and waits. */
  public static final class Writer {
    private Writer() {}

    /**
     * Runs in a process of its own.
     *
     * @param args kind and target
     */
    public static void main(String[] args) throws IOException {
      Path target = Path.of(args[1]);
      if (args[0].equals("file")) {
        AtomicFiles.writeFile(
            target,
            Existing.REPLACE,
            channel -> {
              channel.write(ByteBuffer.wrap(new byte[100]));
              await();
            });
      } else {
        AtomicFiles.writeFolder(
            target,
            inner -> {
              Files.write(inner.resolve("part"), new byte[100]);
              AtomicFiles.writeString(inner.resolve("whole"), Existing.REFUSE, "text");
              await();
            });
      }
    }

    private static void await() throws IOException {
      System.out.println("writing");
      if (System.in.read() < 0) {
        throw new IOException("nobody waits");
      }
    }
  }

  private Process start(String kind, String name) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Writer.class.getName(),
                kind,
                folder.resolve(name).toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(process.inputReader().readLine()).isEqualTo("writing");
    return process;
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"file", "folder"})
  void whatAKilledWriterLeavesGoesWithTheNextWrite(String kind) throws Exception {
    Process killed = start(kind, "target");
    killed.destroyForcibly().waitFor();
    assertThat(names()).hasSize(2).allMatch(name -> name.startsWith(".target."));
    Unfinished.removeAbandoned(folder);
    assertThat(names()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"file", "folder"})
  void whatAnotherProcessWritesStays(String kind) throws Exception {
    Process living = start(kind, "target");
    AtomicFiles.writeString(folder.resolve("other"), Existing.REFUSE, "text");
    assertThat(names()).hasSize(3).contains("other");
    living.outputWriter().append('\n').flush();
    assertThat(living.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(living.exitValue()).isZero();
    assertThat(names()).containsExactly("other", "target");
  }

  @Test
  void whatThisProcessWritesAndWhatOthersOwnStays() throws IOException {
    Path foreign = Files.createFile(folder.resolve(".mine.tmp"));
    AtomicFiles.writeFile(
        folder.resolve("target"),
        Existing.REFUSE,
        channel -> {
          List<String> during = names();
          Unfinished.removeAbandoned(folder);
          AtomicFiles.writeString(folder.resolve("other"), Existing.REFUSE, "text");
          assertThat(names()).containsAll(during);
        });
    assertThat(names()).containsExactly(foreign.getFileName().toString(), "other", "target");
  }
}
