package dev.ablation;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners; one that throws is logged once and silenced. */
final class Listeners implements AblationListener {
  private static final Logger LOG = LoggerFactory.getLogger(Ablation.class);

  private final List<AblationListener> listeners;

  Listeners(List<AblationListener> listeners) {
    this.listeners = new ArrayList<>(listeners);
  }

  @Override
  public void on(AblationEvent event) {
    if (event instanceof AblationEvent.Warning warning) {
      LOG.warn("{}", warning.message());
    }
    listeners.removeIf(listener -> !tell(listener, event));
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
