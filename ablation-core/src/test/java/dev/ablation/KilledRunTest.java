package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.KillableRun.Stage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that are killed without warning and started again: by default once in each stage, with
 * {@code -Dablation.kills} as often as that, at random moments of random stages.
 */
@Tag("slow")
@Tag("force")
class KilledRunTest {
  private static final Map<Stage, Integer> EVENTS =
      new EnumMap<>(
          Map.of(
              Stage.ANCHORS, 20,
              Stage.TRAINING, 25,
              Stage.EVALUATION, 12,
              Stage.SAVING, 1,
              Stage.EXPORT, 1,
              Stage.REPORT, 1));

  /** Long enough to fall into the writing of a file, or past it. */
  private static final int MOST_MICROSECONDS_AFTER = 15_000;

  @TempDir Path folder;

  private final int wanted = Integer.getInteger("ablation.kills", 0);
  private final Random random = new Random(Long.getLong("ablation.kills.seed", 20));
  private final Map<Stage, Integer> kills = new EnumMap<>(Stage.class);

  private Process start(Path run) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1", // a process that lives for a second compiles little
                "-XX:+UseSerialGC",
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.num_threads=1",
                "-Dablation.device=" + System.getProperty("ablation.device", "cpu"),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
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
   * Kills a process that has gone on for a while after some events of a stage. It waits at every
   * event, so that how far it gets does not depend on who else uses the machine.
   *
   * @return whether the process was killed before it had ended
   */
  private boolean killIn(Stage stage, int events, int microseconds, Path run)
      throws IOException, InterruptedException {
    Process process = start(run);
    try (BufferedReader output = process.inputReader()) {
      OutputStream input = process.getOutputStream();
      String event = "event " + stage.name().toLowerCase(Locale.ROOT);
      int left = events;
      String line = output.readLine();
      while (line != null) {
        left -= line.equals(event) ? 1 : 0;
        if (left <= 0) {
          break;
        }
        if (line.startsWith("event ")) {
          input.write(0);
          input.flush();
        }
        line = output.readLine();
      }
      input.close(); // it waits no more
      boolean ended =
          line == null
              ? process.waitFor(1, TimeUnit.MINUTES) // it had fewer events
              : process.waitFor(microseconds, TimeUnit.MICROSECONDS);
      process.destroyForcibly();
      int status = process.waitFor();
      assertThat(ended && status != 0).as(errors()).isFalse();
      if (!ended) {
        kills.merge(stage, 1, Integer::sum);
      }
      return !ended;
    }
  }

  private int killed() {
    return kills.values().stream().mapToInt(Integer::intValue).sum();
  }

  @Test
  void endsWithTheBytesOfARunThatWasNeverInterrupted() throws Exception {
    Path whole = folder.resolve("whole");
    runToTheEnd(whole);
    for (int i = 0; wanted == 0 ? i == 0 : killed() < wanted; i++) {
      Path run = folder.resolve("run-" + i);
      if (wanted == 0) {
        for (Stage stage : Stage.values()) {
          boolean unused = killIn(stage, 1 + EVENTS.get(stage) / 2, 3_000, run);
        }
      } else {
        killAtRandom(run);
      }
      runToTheEnd(run);
      KillableRun.check(run, whole);
      deleteTree(run);
    }
    System.out.println("kills: " + kills);
    assertThat(kills).containsKeys(Stage.ANCHORS, Stage.TRAINING, Stage.EVALUATION);
  }

  private void killAtRandom(Path run) throws IOException, InterruptedException {
    for (Stage stage : Stage.values()) { // what is over does not come again
      for (int left = random.nextInt(3); left > 0 && killed() < wanted; left--) {
        int events = 1 + random.nextInt(EVENTS.get(stage));
        boolean unused = killIn(stage, events, random.nextInt(MOST_MICROSECONDS_AFTER), run);
      }
    }
  }

  private static void deleteTree(Path root) throws IOException {
    List<Path> paths;
    try (Stream<Path> files = Files.walk(root)) {
      paths = new ArrayList<>(files.toList());
    }
    for (int i = paths.size() - 1; i >= 0; i--) {
      Files.delete(paths.get(i));
    }
  }
}
