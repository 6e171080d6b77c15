package dev.ablation.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.delta.DeltaMismatchException;
import dev.ablation.delta.WeightDelta;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelViews;
import dev.ablation.provenance.Provenance;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ModelPoolTest {
  private static final String KEY = "network.key";
  private static final String VALUE = "network.value";
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final SamplingSettings QUICK = new SamplingSettings(Sampler.ddim(), 4, 2, "", 2);
  private static final DrawRequest CAT = DrawRequest.of(List.of("a cat"), 3).settings(QUICK);

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final WeightDelta first = delta(KEY, 0.7f);
  private final WeightDelta second = delta(VALUE, -0.4f);

  @AfterEach
  void close() {
    first.close();
    second.close();
    model.close();
  }

  private WeightDelta delta(String name, float factor) {
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray trained = model.weights().get(name).mul(1 + factor);
      trained.attach(scope);
      Map<String, String> hashes = Map.of(name, model.weights().sha256(name));
      return WeightDelta.between(
          model.weights(),
          Map.of(name, trained),
          model.manager(),
          new Provenance(
              "1.0",
              model.descriptor().name(),
              model.weights().sha256(),
              hashes,
              Map.of("changed", name),
              Map.of()));
    }
  }

  private static List<Integer> pixels(List<BufferedImage> images) {
    List<Integer> all = new ArrayList<>();
    for (BufferedImage image : images) {
      for (int pixel :
          image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth())) {
        all.add(pixel);
      }
    }
    return all;
  }

  private List<Integer> alone(DrawRequest request) {
    return pixels(LatentSampler.of(model).settings(QUICK).draw(request.prompts(), request.seed()));
  }

  private List<Integer> with(WeightDelta delta, Supplier<List<Integer>> body) {
    return delta.applied(model, body);
  }

  @Test
  void drawsEachRequestUnderItsVariant() throws Exception {
    List<Integer> base = alone(CAT);
    List<Integer> one = with(first, () -> alone(CAT));
    List<Integer> both = with(first, () -> with(second, () -> alone(CAT)));
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults().workers(3))) {
      pool.put("one", List.of(first));
      pool.put("both", List.of(first, second));
      assertThat(pool.variants()).containsOnlyKeys(ModelPool.BASE, "one", "both");
      assertThat(pool.variants().get("both"))
          .containsExactly(first.provenance(), second.provenance());
      List<CompletableFuture<List<BufferedImage>>> drawn = new ArrayList<>();
      List<List<Integer>> expected = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        drawn.add(pool.draw(CAT));
        expected.add(base);
        drawn.add(pool.draw(CAT.variant("one")));
        expected.add(one);
        drawn.add(pool.draw(CAT.variant("both")));
        expected.add(both);
      }
      for (int i = 0; i < drawn.size(); i++) {
        assertThat(pixels(drawn.get(i).get())).as("request %d", i).isEqualTo(expected.get(i));
      }
    }
    assertThat(base).isNotEqualTo(one);
    assertThat(one).isNotEqualTo(both);
    assertThat(alone(CAT)).isEqualTo(base);
  }

  /** Every image belongs to the state of the moment at which it was requested. */
  @Test
  void switchesVariantsUnderLoad() throws Exception {
    List<List<Integer>> states = new ArrayList<>();
    List<List<WeightDelta>> deltas = List.of(List.of(first), List.of(second), List.of());
    states.add(with(first, () -> alone(CAT)));
    states.add(with(second, () -> alone(CAT)));
    states.add(alone(CAT));
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults().workers(3).queue(1000))) {
      List<CompletableFuture<List<BufferedImage>>> drawn = new ArrayList<>();
      List<Integer> expected = new ArrayList<>();
      Random random = new Random(4);
      for (int i = 0; i < 60; i++) {
        int state = random.nextInt(states.size());
        pool.put("tenant", deltas.get(state));
        for (int k = 0; k < 3; k++) {
          drawn.add(pool.draw(CAT.variant("tenant")));
          expected.add(state);
        }
      }
      assertThat(pool.remove("tenant")).isTrue();
      for (int i = 0; i < drawn.size(); i++) {
        assertThat(pixels(drawn.get(i).get()))
            .as("request %d", i)
            .isEqualTo(states.get(expected.get(i)));
      }
      assertThat(pool.remove("tenant")).isFalse();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pool.draw(CAT.variant("tenant")))
          .withMessageContaining("tenant")
          .withMessageContaining("base");
    }
  }

  @Test
  void drawsOtherSizes() throws Exception {
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults())) {
      int downscaling = model.capability(LatentCodec.class).orElseThrow().downscaling();
      BufferedImage image = pool.draw(CAT.size(new LatentSize(2, 5))).get().get(0);
      assertThat(image.getHeight()).isEqualTo(2 * downscaling);
      assertThat(image.getWidth()).isEqualTo(5 * downscaling);
    }
  }

  @Test
  void freesReplacedVariants() throws Exception {
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults())) {
      pool.put("tenant", List.of(first));
      long bytes = pool.variantBytes();
      assertThat(bytes).isEqualTo(4 * model.weights().get(KEY).size());
      int arrays = model.manager().getManagedArrays().size();
      for (int i = 0; i < 5; i++) {
        pool.put("tenant", List.of(first));
        pool.draw(CAT.variant("tenant")).get();
      }
      pool.submit(ModelPool.BASE, LONG, (view, cancelled) -> 0).get();
      assertThat(pool.variantBytes()).isEqualTo(bytes);
      assertThat(model.manager().getManagedArrays()).hasSize(arrays);
      pool.remove("tenant");
      assertThat(pool.variantBytes()).isZero();
    }
  }

  @Test
  void boundsTheMemoryOfVariants() {
    long bytes = 4 * model.weights().get(KEY).size();
    try (ModelPool pool =
        ModelPool.open(model, PoolSettings.defaults().variantBytes(2 * bytes - 1))) {
      pool.put("one", List.of(first));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pool.put("two", List.of(first)))
          .withMessageContaining("two")
          .withMessageContaining(Long.toString(2 * bytes - 1));
      pool.remove("one");
      pool.put("two", List.of(first));
    }
  }

  /** Holds the only worker until it is let go. */
  private static final class Busy {
    final CountDownLatch started = new CountDownLatch(1);
    final CountDownLatch go = new CountDownLatch(1);
    final CompletableFuture<Integer> result;

    Busy(ModelPool pool) throws InterruptedException {
      result =
          pool.submit(
              ModelPool.BASE,
              LONG,
              (view, cancelled) -> {
                started.countDown();
                go.await();
                return 7;
              });
      started.await();
    }
  }

  @Test
  void rejectsWhatDoesNotFitIntoTheQueue() throws Exception {
    Queue<PoolListener.Outcome> outcomes = new ConcurrentLinkedQueue<>();
    PoolSettings settings = PoolSettings.defaults().queue(2).listener(new Outcomes(outcomes));
    try (ModelPool pool = ModelPool.open(model, settings)) {
      Busy busy = new Busy(pool);
      List<CompletableFuture<List<BufferedImage>>> waiting =
          List.of(pool.draw(CAT), pool.draw(CAT));
      assertThat(pool.waiting()).isEqualTo(2);
      assertThat(pool.running()).isEqualTo(1);
      assertThatExceptionOfType(RejectedExecutionException.class)
          .isThrownBy(() -> pool.draw(CAT))
          .withMessageContaining(model.descriptor().name())
          .withMessageContaining("2");
      assertThat(outcomes).containsExactly(PoolListener.Outcome.REJECTED);
      waiting.get(0).cancel(false);
      assertThat(pool.waiting()).isEqualTo(1);
      CompletableFuture<List<BufferedImage>> fits = pool.draw(CAT);
      busy.go.countDown();
      assertThat(busy.result.get()).isEqualTo(7);
      assertThat(pixels(fits.get())).isEqualTo(pixels(waiting.get(1).get()));
    }
    assertThat(outcomes)
        .containsExactly(
            PoolListener.Outcome.REJECTED,
            PoolListener.Outcome.CANCELLED,
            PoolListener.Outcome.COMPLETED,
            PoolListener.Outcome.COMPLETED,
            PoolListener.Outcome.COMPLETED);
  }

  private record Outcomes(Queue<Outcome> seen) implements PoolListener {
    @Override
    public void ended(String variant, Outcome outcome, Duration ran) {
      seen.add(outcome);
    }
  }

  @Test
  void hasNoQueueIfNoneIsWanted() throws Exception {
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults().queue(0))) {
      Busy busy = new Busy(pool);
      assertThatExceptionOfType(RejectedExecutionException.class).isThrownBy(() -> pool.draw(CAT));
      busy.go.countDown();
      assertThat(busy.result.get()).isEqualTo(7);
    }
  }

  @Test
  void endsRequestsAtTheirDeadline() throws Exception {
    Queue<PoolListener.Outcome> outcomes = new ConcurrentLinkedQueue<>();
    PoolSettings settings = PoolSettings.defaults().listener(new Outcomes(outcomes));
    AtomicBoolean told = new AtomicBoolean();
    try (ModelPool pool = ModelPool.open(model, settings)) {
      CompletableFuture<Integer> running =
          pool.submit(
              ModelPool.BASE,
              Duration.ofMillis(50),
              (view, cancelled) -> {
                while (!cancelled.getAsBoolean()) {
                  TimeUnit.MILLISECONDS.sleep(1);
                }
                told.set(true);
                return 1;
              });
      CompletableFuture<List<BufferedImage>> waiting =
          pool.draw(CAT.deadline(Duration.ofMillis(1)));
      assertThatThrownBy(running::get).hasCauseInstanceOf(TimeoutException.class);
      assertThatThrownBy(waiting::get).hasCauseInstanceOf(TimeoutException.class);
      assertThat(pixels(pool.draw(CAT).get())).isEqualTo(alone(CAT));
    }
    assertThat(told).isTrue();
    assertThat(outcomes)
        .containsExactly(
            PoolListener.Outcome.EXPIRED,
            PoolListener.Outcome.EXPIRED,
            PoolListener.Outcome.COMPLETED);
  }

  @Test
  void stopsACancelledDrawingBeforeItsNextStep() throws Exception {
    CountDownLatch second = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    List<Integer> steps = new ArrayList<>();
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults())) {
      CompletableFuture<NDArray> drawing =
          pool.submit(
              ModelPool.BASE,
              LONG,
              (view, cancelled) ->
                  LatentSampler.of(view)
                      .settings(QUICK)
                      .cancellation(cancelled)
                      .listener(progress -> {
                        steps.add(progress.step());
                        second.countDown();
                        await(go);
                      })
                      .sample(List.of("a cat"), 1, view.manager()));
      second.await();
      assertThat(drawing.cancel(false)).isTrue();
      go.countDown();
      pool.submit(ModelPool.BASE, LONG, (view, cancelled) -> 0).get();
    }
    assertThat(steps).containsExactly(1);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void givesTheFaultOfATaskToItsCaller() throws Exception {
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults())) {
      pool.put("one", List.of(first));
      CompletableFuture<Object> failed =
          pool.submit(
              "one",
              LONG,
              (view, cancelled) -> {
                throw new java.io.IOException("the task's");
              });
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(failed::get)
          .withCauseInstanceOf(java.io.IOException.class)
          .withMessageContaining("the task's");
      assertThat(pixels(pool.draw(CAT).get())).isEqualTo(alone(CAT));
    }
  }

  @Test
  void survivesTheFaultOfAListener() throws Exception {
    PoolListener faulty =
        new PoolListener() {
          @Override
          public void started(String variant, Duration waited) {
            throw new IllegalStateException("the listener's");
          }
        };
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults().listener(faulty))) {
      assertThat(pixels(pool.draw(CAT).get())).isEqualTo(alone(CAT));
    }
  }

  @Test
  void finishesWhatRunsAndCancelsWhatWaitsAtTheEnd() throws Exception {
    ModelPool pool = ModelPool.open(model, PoolSettings.defaults());
    pool.put("one", List.of(first));
    Busy busy = new Busy(pool);
    CompletableFuture<List<BufferedImage>> waiting = pool.draw(CAT.variant("one"));
    Thread closing = new Thread(pool::close);
    closing.start();
    assertThatExceptionOfType(CancellationException.class).isThrownBy(waiting::get);
    assertThat(closing.isAlive()).isTrue();
    busy.go.countDown();
    closing.join();
    assertThat(busy.result.get()).isEqualTo(7);
    assertThat(pool.isClosed()).isTrue();
    assertThat(pool.variantBytes()).isZero();
    assertThatIllegalStateException().isThrownBy(() -> pool.draw(CAT));
    assertThatIllegalStateException().isThrownBy(() -> pool.put("two", List.of(first)));
    pool.close();
  }

  @Test
  void refusesWhatCannotWork() {
    try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults())) {
      assertThatIllegalArgumentException().isThrownBy(() -> pool.put(ModelPool.BASE, List.of()));
      assertThatIllegalArgumentException().isThrownBy(() -> pool.remove(ModelPool.BASE));
      try (TinyDiffusion other = TinyDiffusion.open(2);
          ModelPool others = ModelPool.open(other, PoolSettings.defaults())) {
        assertThatExceptionOfType(DeltaMismatchException.class)
            .isThrownBy(() -> others.put("one", List.of(first)));
        assertThat(others.variantBytes()).isZero();
        assertThat(others.variants()).containsOnlyKeys(ModelPool.BASE);
      }
    }
    Map<String, Runnable> wrong = new LinkedHashMap<>();
    wrong.put("workers", () -> PoolSettings.defaults().workers(0).workers());
    wrong.put("queue", () -> PoolSettings.defaults().queue(-1).queue());
    wrong.put("deadline", () -> PoolSettings.defaults().deadline(Duration.ZERO).deadline());
    wrong.put("variantBytes", () -> PoolSettings.defaults().variantBytes(0).variantBytes());
    wrong.put("prompts", () -> DrawRequest.of(List.of(), 1).seed());
    wrong.forEach((name, call) ->
        assertThatIllegalArgumentException().isThrownBy(call::run).withMessageContaining(name));
    assertThatExceptionOfType(UnsupportedCapabilityException.class)
        .isThrownBy(() -> ModelPool.open(model.without(ModelViews.class), PoolSettings.defaults()));
  }
}
