package dev.ablation.spring;

import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.load.DeviceNames;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.model.DiffusionModel;
import dev.ablation.serve.ModelPool;
import dev.ablation.serve.PoolListener;
import dev.ablation.serve.PoolSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Opens the model that {@code ablation.model} names and a {@link ModelPool} with the configured
 * variants. An application that declares a bean {@link DiffusionModel} or {@link ModelPool} keeps
 * its own. Every bean {@link PoolListener} observes the pool.
 */
@AutoConfiguration
@EnableConfigurationProperties(AblationProperties.class)
public class AblationAutoConfiguration {
  private static final Logger LOG = LoggerFactory.getLogger(AblationAutoConfiguration.class);
  private static final String EMBEDDED = "embedded";

  /** For Spring. */
  public AblationAutoConfiguration() {}

  /** Opens a model that is not a checkpoint of the file system. */
  interface OtherModels {
    DiffusionModel open(LoadOptions options) throws IOException;
  }

  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(EmbeddedModel.class)
  static class Embedded {
    @Bean
    OtherModels embeddedModel() {
      return EmbeddedModel::open;
    }
  }

  @Bean(destroyMethod = "close")
  @ConditionalOnMissingBean
  @ConditionalOnProperty("ablation.model")
  DiffusionModel ablationModel(AblationProperties properties, ObjectProvider<OtherModels> others)
      throws IOException {
    LoadOptions options = LoadOptions.defaults();
    if (properties.device() != null) {
      options = options.device(DeviceNames.parse(properties.device()));
    }
    if (properties.threads() > 0) {
      options = options.threads(properties.threads());
    }
    String name = Objects.requireNonNull(properties.model());
    if (!name.equals(EMBEDDED)) {
      return DiffusionPipeline.load(Path.of(name), options);
    }
    OtherModels embedded = others.getIfAvailable();
    if (embedded == null) {
      throw new IllegalStateException(
          "ablation.model=embedded needs the module ablation-emoji on the class path");
    }
    return embedded.open(options);
  }

  @Bean(destroyMethod = "close")
  @ConditionalOnMissingBean
  @ConditionalOnBean(DiffusionModel.class)
  ModelPool ablationModelPool(
      DiffusionModel model, AblationProperties properties, ObjectProvider<PoolListener> listeners)
      throws IOException {
    AblationProperties.Pool limits = properties.pool();
    ModelPool pool =
        ModelPool.open(
            model,
            new PoolSettings(
                limits.workers(),
                limits.queue(),
                limits.deadline(),
                limits.variantMemory().toBytes(),
                PoolListener.all(listeners.orderedStream().toList())));
    try {
      for (Map.Entry<String, List<Path>> variant : properties.variants().entrySet()) {
        putVariant(pool, variant.getKey(), variant.getValue());
      }
    } catch (IOException | RuntimeException e) {
      pool.close();
      throw e;
    }
    return pool;
  }

  private static void putVariant(ModelPool pool, String name, List<Path> files) throws IOException {
    List<WeightDelta> deltas = new ArrayList<>();
    try {
      for (Path file : files) {
        deltas.add(WeightDelta.load(file, pool.model().manager()));
      }
      pool.put(name, deltas);
      LOG.info("variant '{}' of model '{}': {}", name, pool.model().descriptor().name(), files);
    } finally {
      deltas.forEach(WeightDelta::close);
    }
  }
}
