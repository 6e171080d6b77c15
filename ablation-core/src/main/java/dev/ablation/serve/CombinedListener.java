package dev.ablation.serve;

import dev.ablation.sample.SamplingProgress;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls several listeners. */
record CombinedListener(List<PoolListener> listeners) implements PoolListener {
  private static final Logger LOG = LoggerFactory.getLogger(CombinedListener.class);

  @Override
  public void started(String variant, Duration waited) {
    each(listener -> listener.started(variant, waited));
  }

  @Override
  public void step(String variant, SamplingProgress progress) {
    each(listener -> listener.step(variant, progress));
  }

  @Override
  public void ended(String variant, Outcome outcome, Duration ran) {
    each(listener -> listener.ended(variant, outcome, ran));
  }

  private void each(Consumer<PoolListener> event) {
    for (PoolListener listener : listeners) {
      try {
        event.accept(listener);
      } catch (RuntimeException e) {
        LOG.warn("a listener of a pool failed: {}", listener, e);
      }
    }
  }
}
