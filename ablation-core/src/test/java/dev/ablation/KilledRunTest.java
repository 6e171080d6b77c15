package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that are killed without warning, at random moments, and started again. */
@Tag("slow")
class KilledRunTest {
  private static final int KILLS = 20;

  /** A run has about 170 events, 130 of them while it draws. */
  private static final int EVENTS_WHILE_DRAWING = 150;

  private static final int EVENTS_WHILE_TRAINING = 25;

  /** Long enough to fall into the writing of a checkpoint, or past it. */
  private static final int MOST_MICROSECONDS_AFTER = 20_000;

  @TempDir Path folder;

  private final Random random = new Random(20);
  private int kills;

  private Process start(Path run) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1", // a process that lives for a second compiles little
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.num_threads=1",
                "-Dablation.device=" + System.getProperty("ablation.device", "cpu"),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                System.getProperty("java.class.path"),
                KillableRun.class.getName(),
                run.toString()));
    return new ProcessBuilder(command).redirectError(folder.resolve("errors.txt").toFile()).start();
  }

  private void runToTheEnd(Path run) throws IOException, InterruptedException {
    Process process = start(run);
    process.getOutputStream().close();
    process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).as(errors()).isZero();
  }

  private String errors() throws IOException {
    return Files.readString(folder.resolve("errors.txt"));
  }

  /**
   * Kills a process that has gone on for a while after some events. It waits at the last of them,
   * so that how far it gets does not depend on who else uses the machine.
   *
   * @return whether the process was killed before it had ended
   */
  private boolean killAfter(int events, int microseconds, Path run)
      throws IOException, InterruptedException {
    Process process = start(run);
    try (BufferedReader output = process.inputReader()) {
      OutputStream input = process.getOutputStream();
      input.write(new byte[events]);
      input.flush();
      String line = output.readLine();
      for (int seen = 0; line != null && seen < events; line = output.readLine()) {
        seen += line.equals(KillableRun.EVENT) ? 1 : 0;
      }
      input.close(); // it waits no more
      if (line == null) {
        process.waitFor(); // it had fewer events
      }
      boolean ended = process.waitFor(microseconds, TimeUnit.MICROSECONDS);
      process.destroyForcibly();
      int status = process.waitFor();
      assertThat(ended && status != 0).as(errors()).isFalse();
      return !ended;
    }
  }

  private static boolean training(Path run) throws IOException {
    if (!Files.exists(run)) {
      return false;
    }
    try (Stream<Path> files = Files.list(run)) {
      return files.anyMatch(file -> file.getFileName().toString().startsWith("checkpoint-"));
    }
  }

  @Test
  void endsWithTheBytesOfARunThatWasNeverInterrupted() throws Exception {
    Path whole = folder.resolve("whole");
    runToTheEnd(whole);
    byte[] expected = Files.readAllBytes(KillableRun.deltaOf(whole));
    assertThat(expected).hasSizeGreaterThan(1000);

    for (int i = 0; kills < KILLS; i++) {
      Path run = folder.resolve("run-" + i);
      boolean killed = true;
      while (killed && kills < KILLS) {
        int events = random.nextInt(training(run) ? EVENTS_WHILE_TRAINING : EVENTS_WHILE_DRAWING);
        killed = killAfter(events, random.nextInt(MOST_MICROSECONDS_AFTER), run);
        kills += killed ? 1 : 0;
      }
      if (killed) {
        runToTheEnd(run);
      }
      assertThat(Files.readAllBytes(KillableRun.deltaOf(run)))
          .as("delta of run %s after %s kills", i, kills)
          .isEqualTo(expected);
    }
  }
}
