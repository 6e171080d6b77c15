package dev.ablation.spring;

import dev.ablation.serve.ModelPool;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** Tells the application's health endpoint how the pool is, if the application has one. */
@AutoConfiguration(after = AblationAutoConfiguration.class)
@ConditionalOnClass(HealthIndicator.class)
public class AblationHealthAutoConfiguration {
  /** For Spring. */
  public AblationHealthAutoConfiguration() {}

  @Bean
  @ConditionalOnBean(ModelPool.class)
  @ConditionalOnMissingBean(name = "ablationHealthIndicator")
  HealthIndicator ablationHealthIndicator(ModelPool pool) {
    return new ModelPoolHealth(pool);
  }
}
