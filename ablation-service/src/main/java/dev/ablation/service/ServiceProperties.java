package dev.ablation.service;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Properties under {@code ablation.service}.
 *
 * @param folder where runs are kept, and below which a job may read and write files
 * @param token that every request must carry, as {@code Authorization: Bearer TOKEN} or by opening
 *     the page once as {@code /?token=TOKEN}; required if the service listens on more than this
 *     machine's own address
 * @param jobSize limit of a job file
 */
@ConfigurationProperties("ablation.service")
public record ServiceProperties(
    @DefaultValue("ablation-service-data") Path folder,
    @Nullable String token,
    @DefaultValue("256KB") DataSize jobSize) {

  private static final int SHORTEST_TOKEN = 16;

  /** Checks the token. */
  public ServiceProperties {
    if (token != null && token.length() < SHORTEST_TOKEN) {
      throw new IllegalArgumentException(
          "ablation.service.token must have at least %d characters, had %d"
              .formatted(SHORTEST_TOKEN, token.length()));
    }
  }
}
