package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.KillableRun.Stage;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs that are interrupted, and runs on a disk that is full at a random byte: they end with the
 * documented exception, and started again they come to the bytes of a run that was left alone.
 * {@code -Dablation.forced} sets how many.
 */
@Tag("force")
class ForcedRunTest {
  private static final int USUAL = 6;
  private static final int MOST_BYTES = 24_000;
  private static final int MOST_EVENTS = 80;
  private static final int MOST_MICROSECONDS_AFTER = 3_000;

  @TempDir Path folder;

  private final int count = Math.max(USUAL, Integer.getInteger("ablation.forced", 0));
  private final Random random = new Random(Long.getLong("ablation.kills.seed", 20));
  private TinyDiffusion model;
  private Path whole;

  @BeforeEach
  void runToTheEnd() throws IOException {
    model = TinyDiffusion.open(1);
    whole = folder.resolve("whole");
    KillableRun.run(model, whole, stage -> {});
  }

  @AfterEach
  void close() {
    model.close();
  }

  /** Sets how large a file of this process can get; writing beyond fails as on a full disk. */
  private static void limitFiles(String bytes) throws IOException, InterruptedException {
    Process limit =
        new ProcessBuilder(
                "prlimit",
                "--pid",
                Long.toString(ProcessHandle.current().pid()),
                "--fsize=" + bytes + ":unlimited")
            .inheritIO()
            .start();
    assertThat(limit.waitFor()).as("prlimit").isZero();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFullDiskLosesNothing() throws Exception {
    int full = 0;
    for (int i = 0; i < count; i++) {
      Path run = folder.resolve("run-" + i);
      try {
        limitFiles(Integer.toString(random.nextInt(MOST_BYTES)));
        KillableRun.run(model, run, stage -> {});
      } catch (Exception e) {
        full++;
        assertThat(allMessages(e)).contains(folder.toString()).contains("File too large");
      } finally {
        limitFiles("unlimited");
      }
      KillableRun.run(model, run, stage -> {});
      KillableRun.check(run, whole);
    }
    System.out.printf("full disks: %d of %d runs%n", full, count);
    assertThat(full).isPositive();
  }

  private static String allMessages(Throwable thrown) {
    StringBuilder messages = new StringBuilder();
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      messages.append(cause).append('\n');
    }
    return messages.toString();
  }

  @Test
  void anInterruptedRunGoesOn() throws Exception {
    Map<Stage, Integer> interrupts = new EnumMap<>(Stage.class);
    for (int i = 0; i < count; i++) {
      Path run = folder.resolve("run-" + i);
      Stage stage = interrupted(run);
      interrupts.merge(stage, 1, Integer::sum);
      KillableRun.run(model, run, each -> {});
      KillableRun.check(run, whole);
    }
    System.out.println("interrupts: " + interrupts);
  }

  /** Interrupts a run some time after some event; returns its stage. */
  private Stage interrupted(Path run) throws InterruptedException {
    int events = 1 + random.nextInt(MOST_EVENTS);
    int micros = random.nextInt(MOST_MICROSECONDS_AFTER);
    AtomicInteger seen = new AtomicInteger();
    AtomicReference<Stage> stage = new AtomicReference<>(Stage.ANCHORS);
    AtomicReference<Exception> failure = new AtomicReference<>();
    Thread running =
        new Thread(() -> {
          try {
            KillableRun.run(
                model,
                run,
                each -> {
                  stage.set(each);
                  seen.incrementAndGet();
                });
          } catch (Exception e) {
            failure.set(e);
          }
        });
    running.start();
    while (running.isAlive() && seen.get() < events) {
      Thread.onSpinWait();
    }
    Thread.sleep(micros / 1000, micros % 1000 * 1000);
    running.interrupt();
    running.join();
    Exception thrown = failure.get();
    if (thrown != null) {
      // What is saved after the run says so itself.
      assertThat(thrown)
          .isInstanceOfAny(CancellationException.class, ClosedByInterruptException.class);
    }
    return stage.get();
  }
}
