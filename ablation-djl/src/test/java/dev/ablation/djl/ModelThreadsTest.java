package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.LatentSize;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ModelThreadsTest {
  private final ExecutorService other = Executors.newSingleThreadExecutor(r -> new Thread(r, "b"));
  private StableDiffusion model;
  private WeightDelta delta;

  @BeforeEach
  void open() throws IOException {
    model =
        StableDiffusion.load(
            Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"),
            LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device"))));
    WeightInfo weight =
        model.weights().list().stream()
            .filter(info -> info.name().contains("text_model.encoder.layers.0.mlp.fc1.weight"))
            .findFirst()
            .orElseThrow();
    try (NDManager scope = model.manager().newSubManager()) {
      delta =
          WeightDelta.of(
              model.weights(),
              Map.of(weight.name(), WeightChange.adding(scope.ones(weight.shape()))),
              scope,
              new Provenance("1", "tiny", "unknown", Map.of(), Map.of(), Map.of()));
    }
  }

  @AfterEach
  void close() {
    other.shutdownNow();
    delta.close();
    model.close();
  }

  private float[] embeddings() {
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray text = model.encode(List.of("a cat"), new LatentSize(8, 8), scope).textEmbeddings();
      return text.toFloatArray();
    }
  }

  /** What another thread gets: a result or the message of the refusal. */
  private Object elsewhere(Supplier<Object> body) throws Exception {
    return other
        .submit(() -> {
          try {
            return body.get();
          } catch (IllegalStateException e) {
            return String.valueOf(e.getMessage());
          }
        })
        .get();
  }

  @Test
  void anAppliedDeltaReservesTheModelForItsThread() throws Exception {
    float[] base = embeddings();
    assertThat((float[]) elsewhere(this::embeddings)).isEqualTo(base);
    WeightDelta.Applied applied = delta.applyTo(model);
    float[] changed = embeddings();
    assertThat(changed).isNotEqualTo(base);
    assertThat((String) elsewhere(this::embeddings))
        .startsWith("thread 'b' cannot call model 'tiny-sd1', because thread '")
        .contains(Thread.currentThread().getName());
    assertThat((String) elsewhere(() -> delta.applyTo(model)))
        .startsWith("thread 'b' cannot read the weights of model 'tiny-sd1'");
    assertThat(
            (String)
                elsewhere(() -> {
                  model.close();
                  return "closed";
                }))
        .startsWith("thread 'b' cannot close model 'tiny-sd1'");
    assertThat(embeddings()).isEqualTo(changed);
    applied.close();
    assertThat((float[]) elsewhere(this::embeddings)).isEqualTo(base);
  }

  @Test
  void twoThreadsGetRightResultsOrRefusals() throws Exception {
    float[] base = embeddings();
    float[] changed = delta.applied(model, this::embeddings);
    AtomicInteger right = new AtomicInteger();
    Future<?> work = other.submit(() -> work(base, changed, right));
    work(base, changed, right);
    work.get();
    assertThat(right.get()).isPositive();
    assertThat(embeddings()).isEqualTo(base);
    model.close();
    assertThatIllegalStateException().isThrownBy(this::embeddings).withMessageContaining("closed");
  }

  private void work(float[] base, float[] changed, AtomicInteger right) {
    for (int i = 0; i < 100; i++) {
      try {
        assertThat(embeddings()).isEqualTo(base);
        assertThat(delta.applied(model, this::embeddings)).isEqualTo(changed);
        right.incrementAndGet();
      } catch (IllegalStateException e) {
        assertThat(e).hasMessageContaining("cannot");
      }
    }
  }
}
