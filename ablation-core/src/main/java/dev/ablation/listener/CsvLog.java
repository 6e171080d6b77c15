package dev.ablation.listener;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Appends each training step to a CSV file with the columns {@code
 * run,step,steps,loss,gradient_norm,learning_rate,seconds}. Each line is flushed at once, so the
 * file can be followed while it grows. A run that resumes from a checkpoint continues its lines:
 * steps that the file already has are not written again. Any other run on the same file gets the
 * next number in the column {@code run}.
 *
 * {@snippet class="dev.ablation.Snippets" region="logs"}
 *
 * <p>Supports one run at a time.
 */
public final class CsvLog implements AblationListener {
  private static final String HEADER = "run,step,steps,loss,gradient_norm,learning_rate,seconds";

  private final Path path;
  private @Nullable LogFile file;
  private int run;
  private int lastStep;

  /** Whether a run has begun that may still turn out to resume from a checkpoint. */
  private boolean undecided;

  private CsvLog(Path path) {
    this.path = path;
  }

  /**
   * Creates a log.
   *
   * @param file the CSV file; created with its folder if it does not exist, else appended to
   * @return the listener
   */
  public static CsvLog to(Path file) {
    return new CsvLog(Objects.requireNonNull(file, "file"));
  }

  @Override
  public void on(AblationEvent event) {
    try {
      if (event instanceof AblationEvent.Started) {
        open();
      } else if (event instanceof AblationEvent.Resumed) {
        undecided = run == 0;
      } else if (event instanceof AblationEvent.StepCompleted step) {
        write(step);
      } else if (event instanceof AblationEvent.Completed
          || event instanceof AblationEvent.Failed) {
        close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void open() throws IOException {
    close();
    LogFile opened = LogFile.open(path);
    file = opened;
    List<String> lines = opened.before();
    if (lines.isEmpty()) {
      opened.append(HEADER);
    } else if (!lines.get(0).equals(HEADER)) {
      throw new IOException(
          path + ": must begin with '" + HEADER + "', was '" + lines.get(0) + "'");
    }
    run = 0;
    lastStep = 0;
    if (lines.size() > 1) {
      String last = lines.get(lines.size() - 1);
      try {
        String[] fields = last.split(",", -1);
        run = Integer.parseInt(fields[0]);
        lastStep = Integer.parseInt(fields[1]);
      } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
        throw new IOException(
            path + ": must be a log of steps, but its last line is '" + last + "'", e);
      }
    }
    undecided = true;
  }

  private void write(AblationEvent.StepCompleted step) throws IOException {
    if (undecided) {
      run++;
      lastStep = 0;
      undecided = false;
    }
    if (step.step() > lastStep) {
      lastStep = step.step();
      Objects.requireNonNull(file)
          .append(
              String.format(
                  Locale.ROOT,
                  "%d,%d,%d,%s,%s,%s,%.3f",
                  run,
                  step.step(),
                  step.steps(),
                  step.loss(),
                  step.gradientNorm(),
                  step.learningRate(),
                  step.elapsed().toNanos() / 1e9));
    }
  }

  private void close() throws IOException {
    LogFile opened = file;
    file = null;
    if (opened != null) {
      opened.close();
    }
  }

  @Override
  public String toString() {
    return "CSV log " + path;
  }
}
