package dev.ablation.run;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import java.util.Locale;
import org.slf4j.Logger;

/** Logs what a run does: its beginning and end, and every tenth of its longer parts. */
final class LoggedRun implements AblationListener {
  private static final int PARTS = 10;

  private final Logger log;
  private String part = "";
  private long tenth = -1;

  LoggedRun(Logger log) {
    this.log = log;
  }

  @Override
  public void on(AblationEvent event) {
    if (event instanceof AblationEvent.Started started) {
      log.info(
          "removes {}, draws {} instead: {} anchor images, {} training steps",
          started.targets(),
          started.anchors(),
          started.anchorImages(),
          started.steps());
    } else if (event instanceof AblationEvent.AnchorsProgressed anchors) {
      if (isNextTenth("anchors", anchors.done(), anchors.total())) {
        log.info("anchor images: {} %", percent(anchors.done(), anchors.total()));
      }
    } else if (event instanceof AblationEvent.StepCompleted step) {
      if (isNextTenth("steps", step.step(), step.steps())) {
        log.info(
            "training step {} of {}, loss {}",
            step.step(),
            step.steps(),
            String.format(Locale.ROOT, "%.4g", step.loss()));
      }
    } else if (event instanceof AblationEvent.EvaluationProgressed evaluation) {
      if (isNextTenth("evaluation", evaluation.done(), evaluation.total())) {
        log.info(
            "evaluation: {} % ({})",
            percent(evaluation.done(), evaluation.total()), evaluation.task());
      }
    } else if (event instanceof AblationEvent.Resumed resumed) {
      log.info("continues after step {} from {}", resumed.step(), resumed.checkpoint());
    } else if (event instanceof AblationEvent.EarlyStopped stopped) {
      log.info(
          "stopped after step {}, the result is of step {}: {}",
          stopped.step(),
          stopped.resultStep(),
          stopped.reason());
    } else if (event instanceof AblationEvent.Completed completed) {
      log.info("done after {} steps in {} s", completed.steps(), completed.elapsed().toSeconds());
    }
  }

  private boolean isNextTenth(String name, long done, long total) {
    if (!part.equals(name)) {
      part = name;
      tenth = -1;
    }
    long now = total == 0 ? PARTS : PARTS * done / total;
    boolean next = now > tenth;
    tenth = now;
    return next;
  }

  private static long percent(long done, long total) {
    return total == 0 ? 100 : 100 * done / total;
  }
}
