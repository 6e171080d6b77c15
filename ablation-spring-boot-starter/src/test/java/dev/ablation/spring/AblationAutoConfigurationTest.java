package dev.ablation.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.delta.WeightDelta;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.serve.DrawRequest;
import dev.ablation.serve.ModelPool;
import dev.ablation.serve.PoolListener;
import dev.ablation.serve.PoolSettings;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDiffusion;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

@Timeout(120)
class AblationAutoConfigurationTest {
  private static final SamplingSettings QUICK = new SamplingSettings(Sampler.ddim(), 2, 2, "", 1);

  @TempDir private Path folder;

  private final ApplicationContextRunner application =
      new ApplicationContextRunner()
          .withConfiguration(
              AutoConfigurations.of(
                  AblationAutoConfiguration.class,
                  AblationHealthAutoConfiguration.class,
                  AblationMetricsAutoConfiguration.class,
                  AblationObservationAutoConfiguration.class));

  @Configuration(proxyBeanMethods = false)
  static class OwnModel {
    @Bean(destroyMethod = "close")
    DiffusionModel model() {
      return TinyDiffusion.open(1);
    }

    @Bean
    MeterRegistry registry() {
      return new SimpleMeterRegistry();
    }
  }

  @Test
  void configuresNothingWithoutAModel() {
    application.run(context ->
        assertThat(context)
            .hasNotFailed()
            .doesNotHaveBean(DiffusionModel.class)
            .doesNotHaveBean(ModelPool.class));
  }

  @Test
  void opensTheEmbeddedModel() {
    application
        .withPropertyValues(
            "ablation.model=embedded",
            "ablation.device=cpu",
            "ablation.pool.workers=2",
            "ablation.pool.queue=5",
            "ablation.pool.deadline=30s",
            "ablation.pool.variant-memory=64MB")
        .run(context -> {
          ModelPool pool = context.getBean(ModelPool.class);
          assertThat(pool.model()).isSameAs(context.getBean(DiffusionModel.class));
          assertThat(pool.settings().workers()).isEqualTo(2);
          assertThat(pool.settings().queue()).isEqualTo(5);
          assertThat(pool.settings().deadline()).isEqualTo(Duration.ofSeconds(30));
          assertThat(pool.settings().variantBytes()).isEqualTo(64L << 20);
          assertThat(pool.draw(DrawRequest.of(List.of("a cat face"), 1).settings(QUICK)).get())
              .hasSize(1);
          assertThat(context).hasSingleBean(HealthIndicator.class);
        });
  }

  @Test
  void saysWhatAModelNeeds() {
    application
        .withPropertyValues("ablation.model=" + folder.resolve("missing"))
        .run(context ->
            assertThat(context).getFailure().rootCause().hasMessageContaining("missing"));
    application
        .withClassLoader(new FilteredClassLoader(EmbeddedModel.class))
        .withPropertyValues("ablation.model=embedded")
        .run(context ->
            assertThat(context).getFailure().rootCause().hasMessageContaining("ablation-emoji"));
    application
        .withPropertyValues("ablation.model=embedded", "ablation.pool.workers=0")
        .run(context ->
            assertThat(context).getFailure().rootCause().hasMessageContaining("workers"));
    application
        .withPropertyValues("ablation.model=embedded", "ablation.threads=-1")
        .run(context ->
            assertThat(context).getFailure().rootCause().hasMessageContaining("threads"));
  }

  private Path delta() throws Exception {
    Path file = folder.resolve("delta.safetensors");
    try (TinyDiffusion model = TinyDiffusion.open(1);
        WeightDelta delta = TinyDelta.of(model, 0.5)) {
      delta.save(file);
    }
    return file;
  }

  @Test
  void readsVariantsAndCountsWhatTheyDraw() throws Exception {
    application
        .withUserConfiguration(OwnModel.class)
        .withPropertyValues("ablation.variants.tenant-a[0]=" + delta())
        .run(context -> {
          ModelPool pool = context.getBean(ModelPool.class);
          assertThat(pool.variants()).containsOnlyKeys(ModelPool.BASE, "tenant-a");
          DrawRequest request = DrawRequest.of(List.of("a", "b"), 1).settings(QUICK);
          assertThat(pool.draw(request.variant("tenant-a")).get()).hasSize(2);
          pool.submit("tenant-a", Duration.ofMinutes(1), (view, cancelled) -> 1).get();
          pool.close(); // the last request's end has been told
          MeterRegistry registry = context.getBean(MeterRegistry.class);
          assertThat(
                  registry
                      .get("ablation.requests")
                      .tags("variant", "tenant-a", "outcome", "completed")
                      .timer()
                      .count())
              .isEqualTo(2);
          assertThat(registry.get("ablation.requests.wait").timer().count()).isEqualTo(2);
          assertThat(registry.get("ablation.steps").counter().count()).isEqualTo(4);
          assertThat(registry.get("ablation.pool.workers").gauge().value()).isEqualTo(1);
        });
  }

  @Test
  void measuresThePool() throws Exception {
    application
        .withUserConfiguration(OwnModel.class)
        .withPropertyValues("ablation.variants.tenant-a[0]=" + delta())
        .run(context -> {
          MeterRegistry registry = context.getBean(MeterRegistry.class);
          assertThat(registry.get("ablation.variants").gauge().value()).isEqualTo(2);
          assertThat(registry.get("ablation.variants.deltas").gauge().value()).isEqualTo(1);
          assertThat(registry.get("ablation.variants.memory").gauge().value()).isPositive();
          assertThat(registry.get("ablation.pool.waiting").gauge().value()).isZero();
          assertThat(registry.get("ablation.pool.running").gauge().value()).isZero();
        });
  }

  @Test
  void observesRequests() {
    List<Observation.Context> ended = new CopyOnWriteArrayList<>();
    ObservationRegistry observations = ObservationRegistry.create();
    observations
        .observationConfig()
        .observationHandler(
            new ObservationHandler<Observation.Context>() {
              @Override
              public boolean supportsContext(Observation.Context context) {
                return true;
              }

              @Override
              public void onStop(Observation.Context context) {
                ended.add(context);
              }
            });
    application
        .withUserConfiguration(OwnModel.class)
        .withBean(ObservationRegistry.class, () -> observations)
        .run(context -> {
          ModelPool pool = context.getBean(ModelPool.class);
          List<String> within = new ArrayList<>();
          pool.submit(
                  ModelPool.BASE,
                  Duration.ofMinutes(1),
                  (view, cancelled) ->
                      within.add(
                          String.valueOf(
                              observations.getCurrentObservation().getContext().getName())))
              .get();
          assertThat(within).containsExactly("ablation.pool.request");
          var failed =
              pool.submit(
                  ModelPool.BASE,
                  Duration.ofMinutes(1),
                  (view, cancelled) -> {
                    throw new IllegalStateException("no");
                  });
          assertThat(failed.handle((value, e) -> e).get()).isNotNull();
          pool.close();
        });
    assertThat(ended)
        .extracting(each -> each.getLowCardinalityKeyValue("outcome").getValue())
        .containsExactly("completed", "failed");
    assertThat(ended)
        .allSatisfy(each ->
            assertThat(each.getLowCardinalityKeyValue("variant").getValue())
                .isEqualTo(ModelPool.BASE));
  }

  @Test
  void failsToStartWithADeltaOfAnotherModel() throws Exception {
    Path file = delta();
    application
        .withPropertyValues("ablation.model=embedded", "ablation.variants.tenant-a[0]=" + file)
        .run(context ->
            assertThat(context).getFailure().rootCause().hasMessageContaining("network.key"));
  }

  @Test
  void isHealthyWhileItTakesRequests() {
    application
        .withUserConfiguration(OwnModel.class)
        .withPropertyValues("ablation.pool.queue=0")
        .run(context -> {
          ModelPool pool = context.getBean(ModelPool.class);
          HealthIndicator health = context.getBean(HealthIndicator.class);
          assertThat(health.health().getStatus()).isEqualTo(Status.UP);
          assertThat(health.health().getDetails())
              .containsEntry("model", "tiny-1")
              .containsEntry("device", "cpu");
          CountDownLatch started = new CountDownLatch(1);
          CountDownLatch go = new CountDownLatch(1);
          var busy =
              pool.submit(
                  ModelPool.BASE,
                  Duration.ofMinutes(1),
                  (view, cancelled) -> {
                    started.countDown();
                    go.await();
                    return 1;
                  });
          started.await();
          assertThat(health.health().getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
          go.countDown();
          assertThat(busy.get()).isEqualTo(1);
          pool.close();
          assertThat(health.health().getStatus()).isEqualTo(Status.DOWN);
        });
  }

  @Test
  void keepsWhatTheApplicationDeclares() {
    List<String> seen = new ArrayList<>();
    PoolListener listener =
        new PoolListener() {
          @Override
          public void started(String variant, Duration waited) {
            seen.add(variant);
          }
        };
    application
        .withUserConfiguration(OwnModel.class)
        .withBean(PoolListener.class, () -> listener)
        .run(context -> {
          ModelPool pool = context.getBean(ModelPool.class);
          pool.submit(ModelPool.BASE, Duration.ofMinutes(1), (view, cancelled) -> 1).get();
          assertThat(seen).containsExactly(ModelPool.BASE);
        });
    TinyDiffusion own = TinyDiffusion.open(2);
    try (ModelPool pool = ModelPool.open(own, PoolSettings.defaults())) {
      application
          .withUserConfiguration(OwnModel.class)
          .withBean(ModelPool.class, () -> pool)
          .run(context -> assertThat(context.getBean(ModelPool.class)).isSameAs(pool));
    }
    own.close();
  }
}
