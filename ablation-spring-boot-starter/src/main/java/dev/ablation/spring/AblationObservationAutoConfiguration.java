package dev.ablation.spring;

import io.micrometer.observation.ObservationRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;

/** Observes the pool's requests, if the application has a registry of observations. */
@AutoConfiguration(
    after = AblationAutoConfiguration.class,
    afterName =
        "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration")
@ConditionalOnClass(ObservationRegistry.class)
public class AblationObservationAutoConfiguration {
  /** For Spring. */
  public AblationObservationAutoConfiguration() {}

  @Bean
  @ConditionalOnBean(ObservationRegistry.class)
  PoolObservations ablationPoolObservations(ObservationRegistry registry) {
    return new PoolObservations(registry);
  }
}
