package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class GeneratedAnchorsTest {
  private static final Concept TARGET = Concept.instance("grumpy cat");

  @TempDir Path folder;

  private final DiffusionModel model = TinyDiffusion.open(1);
  private final GeneratedAnchors anchors =
      AnchorStrategy.generated("cat", List.of("a cat", "two cats", "the cat"))
          .images(5)
          .sampling(SamplingSettings.defaults().steps(3).batchSize(2));

  @AfterEach
  void close() {
    model.close();
  }

  /** A context that keeps what it is told. */
  private static class Recorder implements AnchorContext {
    final List<Long> done = new ArrayList<>();
    final List<String> warnings = new ArrayList<>();
    @Nullable Path folder;
    boolean fromCache;
    long seed = 7;
    int cancelAfter = Integer.MAX_VALUE;

    @Override
    public long seed() {
      return seed;
    }

    @Override
    public void progress(long count, long total, boolean cached) {
      assertThat(total).isPositive();
      done.add(count);
      fromCache = cached;
    }

    @Override
    public Optional<Path> folder() {
      return Optional.ofNullable(folder);
    }

    @Override
    public void warn(String message) {
      warnings.add(message);
    }

    @Override
    public boolean cancelled() {
      return done.size() >= cancelAfter;
    }
  }

  private float[] draw(GeneratedAnchors strategy, DiffusionModel of, Recorder context)
      throws IOException {
    try (AnchorSet set = strategy.prepare(of, TARGET, context)) {
      assertThat(set.latents().getShape()).isEqualTo(new Shape(strategy.images(), 3, 4, 6));
      return set.latents().toFloatArray();
    }
  }

  @Test
  void usesThePromptsInTurn() throws IOException {
    try (AnchorSet set = anchors.prepare(model, TARGET, new Recorder())) {
      assertThat(set.prompts())
          .containsExactly("a cat", "two cats", "the cat", "a cat", "two cats");
    }
  }

  @Test
  void reportsItsProgressToTheEnd() throws IOException {
    Recorder context = new Recorder();
    draw(anchors, model, context);
    assertThat(context.done).isSorted().endsWith(15L);
    assertThat(context.fromCache).isFalse();
  }

  @Test
  void drawsTheSameForASeedAndLeavesNoArrays() throws IOException {
    int before = model.manager().getManagedArrays().size();
    float[] first = draw(anchors, model, new Recorder());
    assertThat(draw(anchors, model, new Recorder())).isEqualTo(first);
    Recorder other = new Recorder();
    other.seed = 8;
    assertThat(draw(anchors, model, other)).isNotEqualTo(first);
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }

  @Test
  void canBeCancelled() {
    int before = model.manager().getManagedArrays().size();
    Recorder context = new Recorder();
    context.cancelAfter = 2;
    assertThatThrownBy(() -> anchors.prepare(model, TARGET, context))
        .isInstanceOf(CancellationException.class);
    assertThat(context.done).hasSize(2);
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  @Test
  void findsWhatWasDrawnBefore() throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder.resolve("made"));
    float[] drawn = draw(cached, model, new Recorder());
    Recorder again = new Recorder();
    assertThat(draw(cached, model, again)).isEqualTo(drawn);
    assertThat(again.fromCache).isTrue();
    assertThat(draw(anchors, model, new Recorder())).as("without a cache").isEqualTo(drawn);
  }

  @TestFactory
  Stream<DynamicTest> drawsAnewWhereAnythingDiffers() throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder);
    draw(cached, model, new Recorder());
    SamplingSettings settings = anchors.sampling();
    return Stream.of(
        miss(
            "seed",
            () -> {
              Recorder context = new Recorder();
              context.seed = 8;
              draw(cached, model, context);
            }),
        miss("prompts", () -> draw(cached.prompts(List.of("a cat")), model, new Recorder())),
        miss(
            "batch size, on which rounding depends",
            () -> draw(cached.sampling(settings.batchSize(3)), model, new Recorder())),
        miss("images", () -> draw(cached.images(4), model, new Recorder())),
        miss("steps", () -> draw(cached.sampling(settings.steps(4)), model, new Recorder())),
        miss(
            "guidance",
            () -> draw(cached.sampling(settings.guidanceScale(2)), model, new Recorder())),
        miss(
            "negative prompt",
            () -> draw(cached.sampling(settings.negativePrompt("x")), model, new Recorder())),
        miss(
            "sampler",
            () -> draw(cached.sampling(settings.sampler(Sampler.ddim())), model, new Recorder())),
        miss(
            "setting of the sampler",
            () ->
                draw(
                    cached.sampling(settings.sampler(Sampler.ddim().eta(1))),
                    model,
                    new Recorder())),
        miss(
            "weights",
            () -> {
              try (DiffusionModel other = TinyDiffusion.open(2)) {
                draw(cached, other, new Recorder());
              }
            }));
  }

  private interface Drawing {
    void run() throws IOException;
  }

  private DynamicTest miss(String what, Drawing drawing) {
    return DynamicTest.dynamicTest(
        what,
        () -> {
          int before = files().size();
          drawing.run();
          assertThat(files()).hasSize(before + 1);
        });
  }

  private List<Path> images(Path in) throws IOException {
    try (Stream<Path> files = Files.walk(in)) {
      return files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
    }
  }

  private interface Damage {
    byte[] to(byte[] bytes);
  }

  @TestFactory
  Stream<DynamicTest> drawsDamagedImagesAgain() {
    Map<String, Damage> damages = new LinkedHashMap<>();
    damages.put("nothing left", bytes -> new byte[0]);
    damages.put("torn", bytes -> Arrays.copyOf(bytes, bytes.length / 2));
    damages.put("last byte lost", bytes -> Arrays.copyOf(bytes, bytes.length - 1));
    damages.put("a bit of the header", bytes -> flipped(bytes, 20));
    damages.put("a bit of an image", bytes -> flipped(bytes, bytes.length - 7));
    damages.put("another name", bytes -> replaced(bytes, "\"latents\"", "\"matents\""));
    damages.put("a format without arrays", bytes -> replaced(bytes, "F32", "U32"));
    damages.put(
        "another shape",
        bytes -> replaced(bytes, "\"shape\":\\[(\\d+),(\\d+)", "\"shape\":[$2,$1"));
    return damages.entrySet().stream()
        .map(each ->
            DynamicTest.dynamicTest(each.getKey(), () -> assertDrawnAgain(each.getValue())));
  }

  private static byte[] replaced(byte[] bytes, String before, String after) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    String changed = text.replaceFirst(before, after);
    assertThat(changed).isNotEqualTo(text);
    return changed.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static byte[] flipped(byte[] bytes, int at) {
    byte[] damaged = bytes.clone();
    damaged[at] ^= 4;
    return damaged;
  }

  private void assertDrawnAgain(Damage damage) throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder);
    float[] drawn = draw(cached, model, new Recorder());
    Path file = images(folder).get(1);
    byte[] sound = Files.readAllBytes(file);
    Files.write(file, damage.to(sound));
    Recorder context = new Recorder();
    assertThat(draw(cached, model, context)).isEqualTo(drawn);
    assertThat(context.warnings)
        .hasSize(1)
        .first()
        .asString()
        .contains(file.getFileName().toString())
        .contains("generated again");
    assertThat(context.done).as("progress").containsExactly(6L, 8L, 10L, 12L, 15L);
    assertThat(Files.readAllBytes(file)).isEqualTo(sound);
  }

  @Test
  void goesOnWhereItWasInterrupted() throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder);
    Recorder interrupted = new Recorder();
    interrupted.cancelAfter = 5;
    assertThatThrownBy(() -> cached.prepare(model, TARGET, interrupted))
        .isInstanceOf(CancellationException.class);
    assertThat(images(folder)).as("whole batches").hasSize(1);
    Recorder again = new Recorder();
    float[] latents = draw(cached, model, again);
    assertThat(again.done)
        .as("the first batch is found")
        .containsExactly(6L, 8L, 10L, 12L, 13L, 14L, 15L);
    assertThat(latents).isEqualTo(draw(anchors, model, new Recorder()));
  }

  @Test
  void keepsWhatItDrawsInTheFolderOfTheRun() throws IOException {
    Recorder context = new Recorder();
    context.folder = folder.resolve("run");
    float[] drawn = draw(anchors, model, context);
    assertThat(images(context.folder)).hasSize(3);
    Recorder again = new Recorder();
    again.folder = context.folder;
    assertThat(draw(anchors, model, again)).isEqualTo(drawn);
    assertThat(again.done).containsExactly(15L);

    draw(anchors.cachedIn(folder.resolve("own")), model, context);
    assertThat(images(folder.resolve("own"))).as("a cache of its own comes first").hasSize(3);
  }

  @Test
  void anInterruptedThreadKeepsItsFlagAndWhatWasDrawn() throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder);
    Recorder context =
        new Recorder() {
          @Override
          public void progress(long count, long total, boolean cached) {
            super.progress(count, total, cached);
            if (count == 6) {
              Thread.currentThread().interrupt(); // while the first batch is written
            }
          }
        };
    assertThatThrownBy(() -> cached.prepare(model, TARGET, context))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(images(folder)).hasSize(1);
  }

  @Test
  void severalRunsShareAFolder() throws Exception {
    GeneratedAnchors cached = anchors.images(20).cachedIn(folder);
    float[] expected = draw(anchors.images(20), model, new Recorder());
    ExecutorService executor = Executors.newFixedThreadPool(3);
    try {
      List<Future<float[]>> runs = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        runs.add(
            executor.submit(() -> {
              try (DiffusionModel own = TinyDiffusion.open(1)) {
                return draw(cached, own, new Recorder());
              }
            }));
      }
      for (Future<float[]> run : runs) {
        assertThat(run.get()).isEqualTo(expected);
      }
    } finally {
      executor.shutdown();
    }
    assertThat(images(folder)).hasSize(10);
    assertThat(files()).hasSize(1);
    Recorder context = new Recorder();
    assertThat(draw(cached, model, context)).isEqualTo(expected);
    assertThat(context.warnings).isEmpty();
    assertThat(context.done).containsExactly(60L);
  }

  @Test
  void removesWhatAKilledProcessLeftUnfinished() throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder);
    draw(cached, model, new Recorder());
    Path inner = files().get(0);
    Path old = Files.createFile(inner.resolve(".pictures-000000-000001.safetensors.1.tmp"));
    Path young = Files.createFile(inner.resolve(".pictures-000002-000003.safetensors.2.tmp"));
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(1))));
    draw(cached, model, new Recorder());
    assertThat(old).doesNotExist();
    assertThat(young).as("another process may write it").exists();
  }

  @Test
  void aBoundWeightIsNoneOfTheModelsOwn() throws IOException {
    GeneratedAnchors cached = anchors.cachedIn(folder);
    float[] plain = draw(cached, model, new Recorder());
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray other = model.weights().get("network.skip").mul(0.5f);
      other.attach(scope);
      model.weights().bind("network.skip", other);
      Recorder context = new Recorder();
      assertThat(draw(cached, model, context)).isNotEqualTo(plain);
      assertThat(context.fromCache).isFalse();
      model.weights().bind("network.skip", null);
    }
  }

  @Test
  void readsPromptsFromAFile() throws IOException {
    Path file = Files.writeString(folder.resolve("prompts.txt"), "a cat\n\n  two cats \n");
    assertThat(AnchorStrategy.generated("cat", file).prompts(TARGET))
        .containsExactly("a cat", "two cats");
    Path empty = Files.writeString(folder.resolve("empty.txt"), "\n \n");
    assertThatIOException()
        .isThrownBy(() -> AnchorStrategy.generated("cat", empty))
        .withMessageContaining("empty.txt")
        .withMessageContaining("at least one prompt");
    Path binary = Files.write(folder.resolve("binary.txt"), new byte[] {(byte) 0xff, (byte) 0xfe});
    assertThatIOException()
        .isThrownBy(() -> AnchorStrategy.generated("cat", binary))
        .withMessageContaining("binary.txt")
        .withMessageContaining("UTF-8");
  }

  @Test
  void builtInPromptsFitTheKind() {
    assertThat(AnchorStrategy.generated("cat").prompts(TARGET))
        .hasSizeGreaterThan(20)
        .doesNotHaveDuplicates()
        .allMatch(prompt -> !TARGET.targetPrompts(prompt, "cat").isEmpty());
    assertThat(AnchorStrategy.generated("painting").prompts(Concept.style("Monet")))
        .hasSizeGreaterThan(20)
        .doesNotHaveDuplicates()
        .allMatch(prompt -> prompt.contains("painting"));
    assertThat(AnchorStrategy.generated("mosaic").prompts(Concept.style("Monet")))
        .hasSizeGreaterThan(20)
        .doesNotHaveDuplicates()
        .allMatch(prompt -> prompt.startsWith("mosaic of "));
    assertThat(AnchorStrategy.generated("horse").prompts(Concept.instance("grey horse")))
        .hasSizeGreaterThan(20)
        .doesNotHaveDuplicates()
        .allMatch(prompt -> prompt.contains("horse"));
  }

  @Test
  void builtInPromptsThatAModelWouldNotReadToTheEndAreLeftOut() {
    PromptTokenizer tokenizer = model.capability(PromptTokenizer.class).orElseThrow();
    GeneratedAnchors all = AnchorStrategy.generated("cat");
    assertThat(all.prompts(TARGET)).anyMatch(prompt -> tokenizer.tokens(prompt).truncated());
    GeneratedAnchors suited = all.compatibleWith(model, TARGET);
    assertThat(suited.name()).isEqualTo("cat");
    assertThat(suited.prompts(TARGET))
        .hasSizeGreaterThanOrEqualTo(30)
        .doesNotHaveDuplicates()
        .noneMatch(prompt -> tokenizer.tokens(prompt).truncated())
        .allMatch(prompt ->
            TARGET.targetPrompts(prompt, "cat").stream()
                .noneMatch(pair -> tokenizer.tokens(pair).truncated()));
    assertThat(suited.compatibleWith(model, TARGET)).isSameAs(suited);
    assertThat(anchors.compatibleWith(model, TARGET)).as("given prompts").isSameAs(anchors);
    Concept longName = Concept.instance("cat with " + "very ".repeat(40) + "long ears");
    assertThat(all.compatibleWith(model, longName)).as("nothing would fit").isSameAs(all);
  }

  @Test
  void refusesWrongValuesAtTheCall() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.images(0))
        .withMessage("images must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.prompts(List.of()))
        .withMessage("prompts must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.prompts(List.of("a cat", " ")))
        .withMessage("prompts must not be blank, but number 2 of 2 is");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AnchorStrategy.generated(" "))
        .withMessageContaining("must not be blank");
  }
}
