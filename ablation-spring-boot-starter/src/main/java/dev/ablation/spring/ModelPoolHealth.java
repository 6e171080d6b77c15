package dev.ablation.spring;

import dev.ablation.djl.load.DeviceNames;
import dev.ablation.serve.ModelPool;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;

/** Up while the pool takes requests; out of service while its queue is full. */
final class ModelPoolHealth implements HealthIndicator {
  private final ModelPool pool;

  ModelPoolHealth(ModelPool pool) {
    this.pool = pool;
  }

  @Override
  public Health health() {
    Health.Builder health;
    if (pool.isClosed() || pool.model().isClosed()) {
      health = Health.down();
    } else if (pool.running() >= pool.settings().workers()
        && pool.waiting() >= pool.settings().queue()) {
      health = Health.outOfService().withDetail("reason", "the queue is full");
    } else {
      health = Health.up();
    }
    return health
        .withDetail("model", pool.model().descriptor().name())
        .withDetail("device", DeviceNames.of(pool.model().descriptor().device()))
        .withDetail("running", pool.running())
        .withDetail("waiting", pool.waiting())
        .withDetail("variants", pool.variants().keySet())
        .build();
  }
}
