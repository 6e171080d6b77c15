package dev.ablation.spring;

import dev.ablation.sample.SamplingProgress;
import dev.ablation.serve.PoolListener;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Observes a pool's requests: {@code ablation.pool.request}, from its start on a worker to its end,
 * by {@code variant} and {@code outcome}, with an event {@code step} for each sampling step. With a
 * tracer it is a span, and what the worker logs meanwhile belongs to it. A request that never
 * started, such as one that a full queue rejected, is an observation without duration.
 */
public final class PoolObservations implements PoolListener {
  private static final String NAME = "ablation.pool.request";

  private final ObservationRegistry registry;

  /** A request begins and ends on its worker. */
  private final Map<Thread, Observation.Scope> running = new ConcurrentHashMap<>();

  /**
   * Observes into a registry.
   *
   * @param registry of the application
   */
  public PoolObservations(ObservationRegistry registry) {
    this.registry = registry;
  }

  private Observation begun(String variant) {
    return Observation.createNotStarted(NAME, registry)
        .contextualName("draw " + variant)
        .lowCardinalityKeyValue("variant", variant)
        .start();
  }

  @Override
  public void started(String variant, Duration waited) {
    running.put(
        Thread.currentThread(),
        begun(variant)
            .highCardinalityKeyValue("waited", Long.toString(waited.toMillis()) + " ms")
            .openScope());
  }

  @Override
  public void step(String variant, SamplingProgress progress) {
    Observation.Scope scope = running.get(Thread.currentThread());
    if (scope != null) {
      scope.getCurrentObservation().event(Observation.Event.of("step"));
    }
  }

  @Override
  public void ended(String variant, Outcome outcome, Duration ran) {
    Observation.Scope scope =
        outcome == Outcome.REJECTED ? null : running.remove(Thread.currentThread());
    Observation observation = scope == null ? begun(variant) : scope.getCurrentObservation();
    observation.lowCardinalityKeyValue("outcome", outcome.name().toLowerCase(Locale.ROOT));
    if (scope != null) {
      scope.close();
    }
    observation.stop();
  }
}
