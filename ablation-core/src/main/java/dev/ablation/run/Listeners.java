package dev.ablation.run;

import com.google.common.collect.ImmutableList;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.listener.ModelListener;
import dev.ablation.train.TrainingProgress;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls listeners; one that throws is logged once and not called again. */
final class Listeners implements AblationListener {
  /** The logger has the name of the public class. */
  static final Logger LOG = LoggerFactory.getLogger("dev.ablation.Ablation");

  private final List<AblationListener> listeners;

  Listeners(List<AblationListener> listeners) {
    this.listeners = new ArrayList<>(listeners);
  }

  /** Events are logged before other listeners receive them. */
  static Listeners logging(List<AblationListener> others) {
    return new Listeners(
        ImmutableList.<AblationListener>builder().add(new RunLog(LOG)).addAll(others).build());
  }

  @Override
  public void on(AblationEvent event) {
    listeners.removeIf(listener -> !tell(listener, event));
  }

  boolean observesAfter(int step, int steps) {
    return listeners.stream()
        .anyMatch(each -> each instanceof ModelListener model && model.observesAfter(step, steps));
  }

  /** Calls listeners that use the model, and sends the events that they emit to all listeners. */
  void onStep(TrainingProgress progress) {
    List<AblationEvent> made = new ArrayList<>();
    listeners.removeIf(each -> each instanceof ModelListener model && !look(model, progress, made));
    made.forEach(this::on);
  }

  private static boolean look(
      ModelListener listener, TrainingProgress progress, List<AblationEvent> made) {
    try {
      if (listener.observesAfter(progress.step(), progress.steps())) {
        listener.onStep(progress, made::add);
      }
      return true;
    } catch (CancellationException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      LOG.warn("listener {} failed and is not called again", listener, e);
      return false;
    }
  }

  private static boolean tell(AblationListener listener, AblationEvent event) {
    try {
      listener.on(event);
      return true;
    } catch (RuntimeException e) {
      LOG.warn("listener {} failed and is not called again", listener, e);
      return false;
    }
  }
}
