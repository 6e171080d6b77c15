package dev.ablation.spring;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Properties under {@code ablation}.
 *
 * @param model a checkpoint, or {@code embedded} for the model of {@code ablation-emoji}; without
 *     it nothing is configured
 * @param device {@code cpu}, {@code gpu} or {@code gpu1} and so on; the best one without it
 * @param threads of one operation on the CPU, for the whole process; 0 leaves PyTorch's default
 * @param pool limits
 * @param variants delta files of each variant, by its name, applied in their order
 */
@ConfigurationProperties("ablation")
public record AblationProperties(
    @Nullable String model,
    @Nullable String device,
    @DefaultValue("0") int threads,
    @DefaultValue Pool pool,
    @DefaultValue Map<String, List<Path>> variants) {

  /** Checks and copies. */
  public AblationProperties {
    if (threads < 0) {
      throw new IllegalArgumentException("ablation.threads must not be negative, was " + threads);
    }
    variants = Map.copyOf(variants);
  }

  /**
   * Limits of the pool, see {@link dev.ablation.serve.PoolSettings}.
   *
   * @param workers requests that run at once
   * @param queue requests that may wait
   * @param deadline of a request that names none
   * @param variantMemory limit for the changed weights of all variants
   */
  public record Pool(
      @DefaultValue("1") int workers,
      @DefaultValue("32") int queue,
      @DefaultValue("5m") Duration deadline,
      @DefaultValue("4GB") DataSize variantMemory) {}
}
