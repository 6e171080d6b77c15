package dev.ablation.service;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;

/** Starts the service. */
@SpringBootApplication(proxyBeanMethods = false)
@EnableConfigurationProperties(ServiceProperties.class)
public class AblationService {
  /** For Spring. */
  public AblationService() {}

  /**
   * Starts the service.
   *
   * @param arguments properties as {@code --name=value}
   */
  public static void main(String[] arguments) {
    SpringApplication.run(AblationService.class, arguments);
  }
}
