package dev.ablation.spring;

import dev.ablation.serve.ModelPool;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;

/** Counts requests and measures the pool, if the application has a registry of meters. */
@AutoConfiguration(
    after = AblationAutoConfiguration.class,
    afterName = {
      "org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration",
      "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
    })
@ConditionalOnClass(MeterRegistry.class)
public class AblationMetricsAutoConfiguration {
  /** For Spring. */
  public AblationMetricsAutoConfiguration() {}

  @Bean
  @ConditionalOnBean(MeterRegistry.class)
  PoolMetrics ablationPoolMetrics(MeterRegistry registry) {
    return new PoolMetrics(registry);
  }

  @Bean
  @ConditionalOnBean({MeterRegistry.class, ModelPool.class})
  PoolGauges ablationPoolGauges(ModelPool pool, MeterRegistry registry) {
    return new PoolGauges(pool, registry);
  }
}
