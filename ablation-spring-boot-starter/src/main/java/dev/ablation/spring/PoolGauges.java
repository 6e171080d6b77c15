package dev.ablation.spring;

import dev.ablation.serve.ModelPool;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.BaseUnits;

/**
 * The gauges of a pool: {@code ablation.pool.workers}, {@code ablation.pool.running}, {@code
 * ablation.pool.waiting}, {@code ablation.variants}, {@code ablation.variants.memory} (bytes of
 * changed weights) and {@code ablation.variants.deltas}, all by {@code model}.
 */
public final class PoolGauges {
  /**
   * Registers the gauges.
   *
   * @param pool that they measure
   * @param registry of the application
   */
  public PoolGauges(ModelPool pool, MeterRegistry registry) {
    Tags tags = Tags.of("model", pool.model().descriptor().name());
    Gauge.builder("ablation.pool.workers", pool, p -> p.settings().workers())
        .tags(tags)
        .register(registry);
    Gauge.builder("ablation.pool.running", pool, ModelPool::running).tags(tags).register(registry);
    Gauge.builder("ablation.pool.waiting", pool, ModelPool::waiting).tags(tags).register(registry);
    Gauge.builder("ablation.variants", pool, p -> p.variants().size())
        .tags(tags)
        .register(registry);
    Gauge.builder(
            "ablation.variants.deltas",
            pool,
            p -> p.variants().values().stream().mapToInt(deltas -> deltas.size()).sum())
        .tags(tags)
        .register(registry);
    Gauge.builder("ablation.variants.memory", pool, ModelPool::variantBytes)
        .baseUnit(BaseUnits.BYTES)
        .tags(tags)
        .register(registry);
  }
}
