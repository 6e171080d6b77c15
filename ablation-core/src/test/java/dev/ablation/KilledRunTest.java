package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that are killed without warning, at random moments, and started again. */
class KilledRunTest {
  private static final int KILLS = 20;
  private static final int MOST_STARTS = 120;

  /** Lives as parts of a whole run: short ones end while pictures are drawn, long ones later. */
  private static final double[] LONGEST_LIVES = {0.2, 0.8};

  @TempDir Path folder;

  private int kills;
  private int killsWhileDrawing;
  private int killsWhileTraining;
  private int starts;

  private Process start(Path... folders) throws IOException {
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
                KillableRun.class.getName()));
    Stream.of(folders).forEach(each -> command.add(each.toString()));
    starts++;
    return new ProcessBuilder(command).redirectError(folder.resolve("errors.txt").toFile()).start();
  }

  private void waitFor(BufferedReader output, String line) throws IOException {
    for (String read = output.readLine(); read != null; read = output.readLine()) {
      if (read.startsWith(line)) {
        return;
      }
    }
    throw new AssertionError(
        "the process ended before '"
            + line
            + "': "
            + Files.readString(folder.resolve("errors.txt")));
  }

  /** Returns how long a run takes in a process that has just begun, in nanoseconds. */
  private long runToTheEnd(Path run) throws IOException, InterruptedException {
    Process process = start(run);
    try (BufferedReader output = process.inputReader()) {
      waitFor(output, KillableRun.BEGINS);
      long begin = System.nanoTime();
      waitFor(output, KillableRun.ENDED);
      long duration = System.nanoTime() - begin;
      assertThat(process.waitFor()).isZero();
      return duration;
    }
  }

  /** Returns whether the process was killed before it had ended. */
  private boolean killAfter(long nanos, Path run) throws IOException, InterruptedException {
    Process process = start(run);
    try (BufferedReader output = process.inputReader()) {
      waitFor(output, KillableRun.BEGINS);
      boolean ended = process.waitFor(nanos, TimeUnit.NANOSECONDS);
      process.destroyForcibly();
      int status = process.waitFor();
      assertThat(ended && status != 0).as("failed by itself").isFalse();
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
    long duration = runToTheEnd(whole);
    byte[] expected = Files.readAllBytes(KillableRun.deltaOf(whole));
    assertThat(expected).hasSizeGreaterThan(1000);

    Random random = new Random(20);
    for (int i = 0; moreKillsWanted(); i++) {
      Path run = folder.resolve("run-" + i);
      boolean killed = true;
      while (killed && starts < MOST_STARTS) {
        boolean wasTraining = training(run);
        double longest = LONGEST_LIVES[random.nextInt(LONGEST_LIVES.length)];
        killed = killAfter((long) (longest * duration * random.nextDouble()), run);
        if (killed) {
          kills++;
          killsWhileTraining += training(run) && wasTraining ? 1 : 0;
          killsWhileDrawing += training(run) ? 0 : 1;
          killed = moreKillsWanted();
        }
      }
      if (!Files.exists(KillableRun.deltaOf(run))) {
        runToTheEnd(run);
      }
      assertThat(Files.readAllBytes(KillableRun.deltaOf(run)))
          .as("delta of run %s after %s kills", i, kills)
          .isEqualTo(expected);
    }
    assertThat(kills).isGreaterThanOrEqualTo(KILLS);
  }

  private boolean moreKillsWanted() {
    return starts < MOST_STARTS
        && (kills < KILLS || killsWhileDrawing < 2 || killsWhileTraining < 2);
  }
}
