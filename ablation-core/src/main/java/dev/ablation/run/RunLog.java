package dev.ablation.run;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import java.time.Duration;
import org.slf4j.Logger;

/**
 * Tells the log what a run is doing: its beginning and end, and each tenth of its long parts.
 * Warnings are warnings, all else is information.
 */
final class RunLog implements AblationListener {
  private static final int PARTS = 10;

  private final Logger log;
  private String part = "";
  private long told;

  RunLog(Logger log) {
    this.log = log;
  }

  @Override
  public void on(AblationEvent event) {
    if (event instanceof AblationEvent.Warning warning) {
      log.warn("{}", warning.message());
    } else if (event instanceof AblationEvent.Started started) {
      log.info(
          "ablation of {} into {}: {} anchor images, {} training steps",
          started.targets(),
          started.anchors(),
          started.anchorImages(),
          started.steps());
    } else if (event instanceof AblationEvent.Resumed resumed) {
      log.info("continues after step {} from {}", resumed.step(), resumed.checkpoint());
    } else if (event instanceof AblationEvent.AnchorsProgressed anchors) {
      if (isNews(
          anchors.fromCache() ? "cached anchors" : "anchors", anchors.done(), anchors.total())) {
        log.info(
            "anchor images: {} %{}",
            percent(anchors.done(), anchors.total()),
            anchors.fromCache() ? ", from the cache" : "");
      }
    } else if (event instanceof AblationEvent.StepCompleted step) {
      if (isNews("training", step.step(), step.steps())) {
        log.info(
            "training step {} of {}, loss {}, {}",
            step.step(),
            step.steps(),
            step.loss(),
            seconds(step.elapsed()));
      }
    } else if (event instanceof AblationEvent.EarlyStopped stopped) {
      log.info("training stopped after step {}: {}", stopped.step(), stopped.reason());
    } else if (event instanceof AblationEvent.EvaluationProgressed evaluation) {
      if (isNews(evaluation.task(), evaluation.done(), evaluation.total())) {
        log.info(
            "evaluation, {}: {} of {}", evaluation.task(), evaluation.done(), evaluation.total());
      }
    } else if (event instanceof AblationEvent.Completed completed) {
      log.info("done: {} training steps in {}", completed.steps(), seconds(completed.elapsed()));
    } else if (event instanceof AblationEvent.Failed failed) {
      // The caller gets the exception; a line without its trace tells where the log ends.
      log.info("ended: {}", String.valueOf(failed.error()));
    }
  }

  /** Whether a part begins, ends, or has come a tenth further. */
  private boolean isNews(String name, long done, long total) {
    long tenth = total <= 0 ? PARTS : done * PARTS / total;
    if (name.equals(part) && tenth == told) {
      return false;
    }
    part = name;
    told = tenth;
    return true;
  }

  private static long percent(long done, long total) {
    return total <= 0 ? 100 : done * 100 / total;
  }

  private static String seconds(Duration time) {
    return time.toSeconds() + " s";
  }
}
