package dev.ablation.emoji.command;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.sample.SamplingProgress;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** One bar after the other on the console: for each part of a run that takes long. */
public final class ProgressBars implements AblationListener, AutoCloseable {
  /** Fits every terminal and every log. */
  private static final int WIDTH = 79;

  private static final int INTERVAL_MILLIS = 500;
  private static final int NAME_WIDTH = 16;
  private static final long LINE_NANOS = 10_000_000_000L;

  /** Begins the task of an evaluation that draws a subject. */
  private static final String SUBJECT = "evaluation of ";

  private final PrintStream console;
  private final boolean shown;
  private final boolean terminal;
  private String name = "";
  private long lastLine;
  private @Nullable ProgressBar bar;

  /**
   * Writes to {@code console}; nothing but warnings unless {@code shown}. Without a terminal, which
   * alone can draw over what it drew, there are lines.
   */
  ProgressBars(PrintStream console, boolean shown, boolean terminal) {
    this.console = console;
    this.shown = shown;
    this.terminal = terminal;
  }

  /**
   * Draws on standard error, which stays open; where that is no terminal, writes a line now and
   * then.
   *
   * @param shown whether progress is shown; warnings are printed in any case
   * @return the bars
   */
  public static ProgressBars onStandardError(boolean shown) {
    return new ProgressBars(System.err, shown, isTerminal());
  }

  /** Linux knows it of the stream itself; elsewhere Java knows it of input and output. */
  private static boolean isTerminal() {
    try {
      String stream = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return stream.startsWith("/dev/pts/") || stream.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return isTerminal(System.console());
    }
  }

  /** From JDK 22 on there is always a console, which says whether it is a terminal. */
  private static boolean isTerminal(@Nullable Console console) {
    try {
      return console != null && (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (NoSuchMethodException e) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  @Override
  public void on(AblationEvent event) {
    if (event instanceof AblationEvent.AnchorsProgressed anchors) {
      show("anchor images", anchors.done(), anchors.total(), "");
    } else if (event instanceof AblationEvent.StepCompleted step) {
      show(
          "training",
          step.step(),
          step.steps(),
          String.format(Locale.ROOT, "loss %.4f", step.loss()));
    } else if (event instanceof AblationEvent.EvaluationProgressed evaluation) {
      String task = evaluation.task();
      boolean drawing = task.startsWith(SUBJECT);
      show(
          drawing ? "evaluation" : "attacks",
          evaluation.done(),
          evaluation.total(),
          drawing ? task.substring(SUBJECT.length()) : task);
    } else if (event instanceof AblationEvent.Warning warning) {
      close();
      console.println("warning: " + warning.message());
    }
  }

  /**
   * Returns what shows the progress of drawing images.
   *
   * @param what the name of the bar
   * @return to be given to a sampler
   */
  public Consumer<SamplingProgress> drawing(String what) {
    return progress ->
        show(
            what,
            (long) progress.firstImage() * progress.steps()
                + (long) progress.batchImages() * progress.step(),
            (long) progress.totalImages() * progress.steps(),
            "");
  }

  /**
   * Shows how far something is; the bar of anything else ends.
   *
   * @param what the name of the bar
   * @param done how much is done
   * @param total how much there is; the bar ends when as much is done
   * @param message shown beside the bar; may be empty
   */
  public void show(String what, long done, long total, String message) {
    if (!shown) {
      return;
    }
    if (!terminal) {
      line(what, done, total, message);
      return;
    }
    if (bar == null || !name.equals(what)) {
      close();
      name = what;
      bar = start(what, done, total);
    }
    bar.stepTo(done);
    bar.setExtraMessage(message);
    if (done == total) {
      close();
    }
  }

  private void line(String what, long done, long total, String message) {
    long now = System.nanoTime();
    boolean other = !name.equals(what);
    if (other || done == total || now - lastLine >= LINE_NANOS) {
      name = done == total ? "" : what;
      lastLine = now;
      console.printf(
          "%s: %d of %d%s%n", what, done, total, message.isEmpty() ? "" : ", " + message);
    }
  }

  private ProgressBar start(String what, long done, long total) {
    return new ProgressBarBuilder()
        .setTaskName(what + " ".repeat(Math.max(0, NAME_WIDTH - what.length())))
        .setInitialMax(total)
        // What an interrupted run did before says nothing about the speed of this one.
        .startsFrom(done < total ? done : 0, Duration.ZERO)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(INTERVAL_MILLIS)
        .setConsumer(new ConsoleProgressBarConsumer(console, WIDTH))
        .build();
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
