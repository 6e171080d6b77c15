package dev.ablation.spring;

import dev.ablation.sample.SamplingProgress;
import dev.ablation.serve.PoolListener;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Locale;

/**
 * The meters of a pool's requests:
 *
 * <ul>
 *   <li>{@code ablation.requests.wait}: timer of the time in the queue, by {@code variant};
 *   <li>{@code ablation.requests}: timer of the time on a worker, by {@code variant} and {@code
 *       outcome};
 *   <li>{@code ablation.steps}: counter of sampling steps times images, by {@code variant}.
 * </ul>
 */
public final class PoolMetrics implements PoolListener {
  private static final String VARIANT = "variant";

  private final MeterRegistry registry;

  /**
   * Counts in a registry.
   *
   * @param registry of the application
   */
  public PoolMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public void started(String variant, Duration waited) {
    registry.timer("ablation.requests.wait", VARIANT, variant).record(waited);
  }

  @Override
  public void step(String variant, SamplingProgress progress) {
    registry.counter("ablation.steps", VARIANT, variant).increment(progress.batchImages());
  }

  @Override
  public void ended(String variant, Outcome outcome, Duration ran) {
    Timer timer =
        registry.timer(
            "ablation.requests",
            VARIANT,
            variant,
            "outcome",
            outcome.name().toLowerCase(Locale.ROOT));
    timer.record(ran);
  }
}
