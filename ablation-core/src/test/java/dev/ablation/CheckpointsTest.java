package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.checkpoint.CheckpointMismatchException;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.CheckpointSaved;
import dev.ablation.event.AblationEvent.Resumed;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.event.AblationEvent.Warning;
import dev.ablation.model.AdamW;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.MonitorDecision;
import dev.ablation.train.TrainingMonitor;
import dev.ablation.train.TrainingProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Runs that are interrupted within this process; {@link KilledRunTest} kills whole processes. */
class CheckpointsTest {
  private static final int STEPS = 10;

  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "the cat"))
          .images(5)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(2));

  @TempDir Path temporary;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();
  private Path folder;
  private int arrays;

  @BeforeEach
  void name() {
    folder = temporary.resolve("run");
    arrays = model.manager().getManagedArrays().size();
  }

  @AfterEach
  void close() {
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    model.close();
  }

  private Ablation withoutCheckpoints() {
    return withoutCheckpoints(CATS);
  }

  private Ablation withoutCheckpoints(AnchorStrategy anchor) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(anchor)
        .weights(WeightGroup.crossAttentionKeyValue().or(WeightGroup.tokenEmbeddings()))
        .training(t ->
            t.steps(STEPS)
                .batchSize(2)
                .learningRate(0.02)
                .schedule(LearningRateSchedule.cosine(3, 0))
                .measure("mean of the key", 2, CheckpointsTest::meanOfTheKey)
                .monitor(TrainingMonitor.keepingLowest("mean of the key")))
        .seed(3)
        .listener(events::add);
  }

  private static double meanOfTheKey(DiffusionModel of) {
    float[] values = of.weights().get("network.key").toFloatArray();
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).average().orElseThrow();
  }

  private Ablation plan() {
    return withoutCheckpoints().checkpoints(Checkpoints.in(folder).every(3).keep(2));
  }

  /** The bytes of the delta's file, with the history and all measurements. */
  private String run(Ablation plan) throws IOException {
    try (AblationResult result = plan.run()) {
      Path file = temporary.resolve("delta");
      Files.deleteIfExists(file);
      result.delta().save(file);
      return Arrays.toString(Files.readAllBytes(file))
          + result.history()
          + result.measurements()
          + result.outcome();
    }
  }

  /** Stops a run without any notice to it: only an {@link Error} gets through from a listener. */
  private static final class Crash extends Error {
    private static final long serialVersionUID = 1L;
  }

  private void crashAt(Predicate<AblationEvent> when) {
    Ablation crashing =
        plan()
            .listener(event -> {
              if (when.test(event)) {
                throw new Crash();
              }
            });
    assertThatExceptionOfType(Crash.class).isThrownBy(crashing::run);
  }

  private void crashAfter(int step) {
    crashAt(event -> event instanceof StepCompleted made && made.step() == step);
  }

  private <E extends AblationEvent> List<E> events(Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private Path checkpoint(int step) {
    return folder.resolve("checkpoint-%08d.safetensors".formatted(step));
  }

  // Going on

  @TestFactory
  Stream<DynamicTest> endsWithTheSameBytesWhereverItIsInterrupted() throws IOException {
    String expected = run(withoutCheckpoints());
    events.clear();
    run(plan());
    List<AblationEvent> all = List.copyOf(events);
    assertThat(all).hasSizeGreaterThan(25);
    return IntStream.range(0, all.size() - 1)
        .mapToObj(i ->
            dynamicTest(
                i + " " + all.get(i).getClass().getSimpleName(),
                () -> {
                  folder = temporary.resolve("crash-" + i);
                  events.clear();
                  crashAt(event -> events.size() == i + 1);
                  int saved =
                      all.subList(0, i + 1).stream()
                          .mapToInt(e -> e instanceof CheckpointSaved c ? c.step() : -1)
                          .max()
                          .orElseThrow();
                  events.clear();
                  assertThat(run(plan())).isEqualTo(expected);
                  assertThat(events(Resumed.class)).hasSize(saved < 0 ? 0 : 1);
                  assertThat(events(Resumed.class)).allMatch(e -> e.step() == saved);
                  assertThat(events(StepCompleted.class).stream().map(StepCompleted::step))
                      .containsExactlyElementsOf(
                          IntStream.rangeClosed(Math.max(saved, 0) + 1, STEPS).boxed().toList());
                }));
  }

  @Test
  void isInterruptedAgainAndAgain() throws IOException {
    String expected = run(withoutCheckpoints());
    for (int step = 4; step <= STEPS; step += 3) {
      crashAfter(step);
    }
    assertThat(run(plan())).isEqualTo(expected);
  }

  @Test
  void aRunThatHasEndedReturnsItsResultAtOnce() throws IOException {
    String first = run(plan());
    events.clear();
    assertThat(run(plan())).isEqualTo(first);
    assertThat(events(StepCompleted.class)).isEmpty();
    assertThat(events(Resumed.class)).containsExactly(new Resumed(STEPS, checkpoint(STEPS)));
    assertThat(events(CheckpointSaved.class)).isEmpty();
  }

  @Test
  void aRunThatWasStoppedEarlyStaysSo() throws IOException {
    UnaryOperator<GradientTrainer> stop = t -> t.stopWhen("step 5", p -> p.step() == 5);
    String first = run(plan().training(stop));
    assertThat(first).contains("reason=step 5");
    events.clear();
    assertThat(run(plan().training(stop))).isEqualTo(first);
    assertThat(events(StepCompleted.class)).isEmpty();
    assertThat(events(Resumed.class)).extracting(Resumed::step).containsExactly(5);
  }

  @Test
  void keepsTheNewestAndThePlan() throws IOException {
    run(plan());
    assertThat(events(CheckpointSaved.class))
        .extracting(CheckpointSaved::step)
        .containsExactly(0, 3, 6, 9, 10);
    assertThat(files())
        .containsExactly(
            "anchors",
            "checkpoint-00000009.safetensors",
            "checkpoint-00000010.safetensors",
            "plan.json",
            "run.lock");
    assertThat(folder.resolve("plan.json")).content().contains("\"seed\":\"3\"");
  }

  @Test
  void aCheckpointHoldsAllThatTrainingNeeds() throws IOException {
    run(plan());
    try (SafetensorsFile file = SafetensorsFile.open(checkpoint(9))) {
      assertThat(file.tensors().keySet())
          .contains(
              "history.loss",
              "history.gradient-norm",
              "state.weight.network.key",
              "state.first-moment.network.key",
              "state.second-moment.network.key",
              "state.best.network.key");
      assertThat(file.metadata().get("ablation.checkpoint"))
          .contains("\"step\":9")
          .contains("\"optimizer.steps\":\"9\"")
          .contains("\"seed\":\"3\"")
          .contains("derived from (seed, purpose, step)")
          .contains(model.weights().sha256())
          .contains("\"libraryVersion\"");
    }
  }

  @Test
  void anchorImagesAreKeptAsTheyAreDrawn() throws IOException {
    crashAt(event -> event instanceof AnchorsProgressed p && p.done() == 9);
    assertThat(files()).contains("anchors").noneMatch(name -> name.startsWith("checkpoint"));
    events.clear();
    run(plan());
    assertThat(events(AnchorsProgressed.class))
        .first()
        .isEqualTo(new AnchorsProgressed(8, 10, true));
  }

  @Test
  void withoutCheckpointsNothingIsKept() throws IOException {
    run(withoutCheckpoints());
    assertThat(folder).doesNotExist();
    assertThat(events(CheckpointSaved.class)).isEmpty();
  }

  @Test
  void theModelStaysAsItWas() throws IOException {
    Map<String, float[]> before = weights();
    crashAfter(5);
    run(plan());
    weights()
        .forEach((name, values) ->
            assertThat(Arrays.equals(values, before.get(name))).as(name).isTrue());
  }

  private Map<String, float[]> weights() {
    Map<String, float[]> weights = new LinkedHashMap<>();
    for (WeightInfo info : model.weights().list()) {
      weights.put(info.name(), model.weights().get(info.name()).toFloatArray());
    }
    return weights;
  }

  // Cancelling

  private void cancelAt(Predicate<AblationEvent> when) {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try {
      AtomicReference<AblationRun> run = new AtomicReference<>();
      Ablation plan =
          plan()
              .listener(event -> {
                while (run.get() == null) {
                  Thread.onSpinWait();
                }
                if (when.test(event)) {
                  run.get().cancel();
                }
              });
      run.set(plan.start(executor));
      Throwable outcome =
          run.get().result().toCompletableFuture().handle((result, error) -> error).join();
      assertThat(outcome)
          .isInstanceOf(CompletionException.class)
          .hasCauseInstanceOf(CancellationException.class);
    } finally {
      executor.shutdown();
    }
  }

  @Test
  void cancellingLeavesACheckpoint() throws IOException {
    cancelAt(event -> event instanceof StepCompleted made && made.step() == 5);
    assertThat(events(CheckpointSaved.class))
        .last()
        .isEqualTo(new CheckpointSaved(5, checkpoint(5)));
    events.clear();
    assertThat(run(plan())).isEqualTo(run(withoutCheckpoints()));
    assertThat(events(Resumed.class)).extracting(Resumed::step).containsExactly(5);
  }

  @Test
  void cancellingWhileAnchorsAreDrawnKeepsThem() throws IOException {
    cancelAt(event -> event instanceof AnchorsProgressed p && p.done() == 6);
    events.clear();
    assertThat(run(plan())).isEqualTo(run(withoutCheckpoints()));
    assertThat(events(AnchorsProgressed.class))
        .first()
        .isEqualTo(new AnchorsProgressed(4, 10, true));
  }

  @Test
  void anInterruptLeavesACheckpointAndItsFlag() throws IOException {
    Ablation interrupted =
        plan()
            .listener(event -> {
              if (event instanceof StepCompleted made && made.step() == 6) {
                Thread.currentThread().interrupt(); // while checkpoint 6 is written
              }
            });
    assertThatExceptionOfType(CancellationException.class).isThrownBy(interrupted::run);
    assertThat(Thread.interrupted()).isTrue();
    events.clear();
    assertThat(run(plan())).isEqualTo(run(withoutCheckpoints()));
    assertThat(events(Resumed.class)).extracting(Resumed::step).containsExactly(6);
  }

  @Test
  void cancellingWithinAMeasurementRepeatsIt() throws IOException {
    List<Integer> calls = new ArrayList<>();
    UnaryOperator<GradientTrainer> measuring =
        t ->
            t.measure("before", 2, of -> 1)
                .monitor(
                    new TrainingMonitor() {
                      @Override
                      public String name() {
                        return "cancelling";
                      }

                      @Override
                      public MonitorDecision onStep(TrainingProgress progress) {
                        calls.add(progress.step());
                        if (calls.size() == 4) {
                          throw new CancellationException("within");
                        }
                        return MonitorDecision.goOn();
                      }
                    });
    assertThatExceptionOfType(CancellationException.class)
        .isThrownBy(() -> plan().training(measuring).run());
    String resumed = run(plan().training(measuring));
    assertThat(calls).startsWith(1, 2, 3, 4, 4, 5);
    assertThat(resumed).isEqualTo(run(withoutCheckpoints().training(measuring)));
  }

  // Damage

  @TestFactory
  Stream<DynamicTest> skipsADamagedCheckpoint() throws IOException {
    String expected = run(withoutCheckpoints());
    run(plan());
    byte[] sound = Files.readAllBytes(checkpoint(10));
    Map<String, byte[]> damages = new LinkedHashMap<>();
    damages.put("empty", new byte[0]);
    for (int part = 1; part < 8; part++) {
      damages.put("torn at " + part + "/8", Arrays.copyOf(sound, sound.length * part / 8));
    }
    damages.put("last byte lost", Arrays.copyOf(sound, sound.length - 1));
    damages.put("a byte too many", Arrays.copyOf(sound, sound.length + 1));
    for (int i = 0; i < 24; i++) {
      int at = i * (sound.length - 1) / 23;
      byte[] damaged = sound.clone();
      damaged[at] ^= (byte) (1 << (i % 8));
      damages.put("bit %d of byte %d flipped".formatted(i % 8, at), damaged);
    }
    damages.put("text", "no checkpoint".getBytes(StandardCharsets.UTF_8));
    String text = new String(sound, StandardCharsets.ISO_8859_1);
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("another format", text.replace("\"dtype\":\"F32\"", "\"dtype\":\"U32\""));
    headers.put(
        "another shape",
        text.replaceAll("(\"dtype\":\"F32\",\"shape\":)\\[(\\d+),(\\d+)\\]", "$1[$3,$2]"));
    headers.forEach((name, header) -> {
      assertThat(header).as(name).isNotEqualTo(text);
      damages.put(name, header.getBytes(StandardCharsets.ISO_8859_1));
    });
    return damages.entrySet().stream()
        .map(each ->
            dynamicTest(
                each.getKey(),
                () -> {
                  Files.write(checkpoint(10), each.getValue());
                  events.clear();
                  assertThat(run(plan())).isEqualTo(expected);
                  assertThat(events(Warning.class))
                      .hasSize(1)
                      .first()
                      .asString()
                      .contains(checkpoint(10).toString())
                      .contains("the previous one is used");
                  assertThat(events(Resumed.class)).containsExactly(new Resumed(9, checkpoint(9)));
                  assertThat(checkpoint(10)).hasBinaryContent(sound);
                  assertThat(folder.resolve("checkpoint-00000010.safetensors.damaged"))
                      .hasBinaryContent(each.getValue());
                }));
  }

  @Test
  void beginsAnewWhereEveryCheckpointIsDamaged() throws IOException {
    String expected = run(plan());
    for (int step : new int[] {9, 10}) {
      Files.writeString(checkpoint(step), "damaged");
    }
    events.clear();
    assertThat(run(plan())).isEqualTo(expected);
    assertThat(events(Warning.class)).hasSize(2);
    assertThat(events(Resumed.class)).isEmpty();
    assertThat(events(AnchorsProgressed.class))
        .as("anchor images are found")
        .containsExactly(new AnchorsProgressed(10, 10, true));
  }

  @Test
  void aDamagedPlanIsWrittenAnew() throws IOException {
    run(plan());
    Path file = folder.resolve("plan.json");
    byte[] sound = Files.readAllBytes(file);
    Files.writeString(file, "{");
    events.clear();
    run(plan());
    assertThat(events(Warning.class)).hasSize(1).first().asString().contains("plan.json");
    assertThat(file).hasBinaryContent(sound);
  }

  @Test
  void removesWhatAKilledRunLeftUnfinished() throws IOException {
    crashAfter(5);
    Files.createFile(folder.resolve(".checkpoint-00000006.safetensors.x.tmp"));
    Files.createFile(folder.resolve(".plan.json.y.tmp"));
    Files.createFile(folder.resolve(".mine.tmp"));
    run(plan());
    assertThat(files()).filteredOn(name -> name.endsWith(".tmp")).containsExactly(".mine.tmp");
  }

  // Another plan

  @TestFactory
  Stream<DynamicTest> refusesTheCheckpointsOfAnotherPlan() {
    crashAfter(4);
    Map<String, Function<Ablation, Ablation>> changes = new LinkedHashMap<>();
    changes.put("seed: 3 -> 4", p -> p.seed(4));
    changes.put("training.steps: 10 -> 11", p -> p.training(t -> t.steps(11)));
    changes.put("training.batchSize: 2 -> 1", p -> p.training(t -> t.batchSize(1)));
    changes.put("training.accumulation: 1 -> 2", p -> p.training(t -> t.accumulation(2)));
    changes.put("training.learningRate: 0.02 -> 0.03", p -> p.training(t -> t.learningRate(0.03)));
    changes.put(
        "training.schedule: cosine(warm-up 3, floor 0.0) -> constant",
        p -> p.training(t -> t.schedule(LearningRateSchedule.constant())));
    changes.put("training.maxGradientNorm: 1.0 -> 2.0", p -> p.training(t -> t.maxGradientNorm(2)));
    changes.put(
        "training.optimizer: AdamW[",
        p -> p.training(t -> t.optimizer(new AdamW(0.8, 0.999, 1e-8, 0.01))));
    changes.put(
        "training.stopStartToken: true -> false", p -> p.training(t -> t.stopStartToken(false)));
    changes.put(
        "training.decayOtherRows: false -> true", p -> p.training(t -> t.decayOtherRows(true)));
    changes.put(
        "training.monitors: mean of the key every 2; keep lowest mean of the key -> ",
        p -> p.training(t -> t.measure("another", 1, of -> 0)));
    changes.put(
        "objective: model-based -> model-based(frozen)",
        p -> p.objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)));
    changes.put("weights: ", p -> p.weights(WeightGroup.tokenEmbeddings()));
    changes.put(
        "weights.trained: [network.key, network.value, text.table] -> [text.table]",
        p ->
            p.weights(
                new WeightGroup(
                    WeightGroup.crossAttentionKeyValue().or(WeightGroup.tokenEmbeddings()).name(),
                    info -> info.name().startsWith("text.table"))));
    SamplingSettings sampling = CATS.sampling();
    Map<String, GeneratedAnchors> anchors = new LinkedHashMap<>();
    anchors.put("anchor.images: 5 -> 6", CATS.images(6));
    anchors.put("anchor.prompts: 3 -> 1", CATS.prompts(List.of("a cat")));
    anchors.put("anchor.steps: 2 -> 3", CATS.sampling(sampling.steps(3)));
    anchors.put("anchor.batchSize: 2 -> 4", CATS.sampling(sampling.batchSize(4)));
    anchors.put("anchor.guidanceScale: 7.5 -> 1.0", CATS.sampling(sampling.guidanceScale(1)));
    anchors.put("anchor.negativePrompt:  -> x", CATS.sampling(sampling.negativePrompt("x")));
    anchors.put("anchor.sampler: ", CATS.sampling(sampling.sampler(Sampler.ddim())));
    anchors.forEach((text, anchor) -> changes.put(text, p -> otherAnchor(anchor)));
    List<DynamicTest> tests = new ArrayList<>();
    changes.forEach((text, change) ->
        tests.add(
            dynamicTest(
                text,
                () ->
                    assertThatExceptionOfType(CheckpointMismatchException.class)
                        .isThrownBy(() -> change.apply(plan()).run())
                        .withMessageContaining(folder.toString())
                        .withMessageContaining("  " + text)
                        .satisfies(e -> {
                          assertThat(e.folder()).isEqualTo(folder);
                          assertThat(e.differences())
                              .containsKey(text.substring(0, text.indexOf(':')));
                        }))));
    tests.add(
        dynamicTest(
            "and goes on with the old ones",
            () -> assertThat(run(plan())).isEqualTo(run(withoutCheckpoints()))));
    return tests.stream();
  }

  private Ablation otherAnchor(AnchorStrategy anchor) {
    return withoutCheckpoints(anchor).checkpoints(Checkpoints.in(folder));
  }

  @Test
  void refusesTheCheckpointsOfAnotherTarget() {
    crashAfter(4);
    Ablation other =
        Ablator.of(model)
            .target(Concept.instance("happy cat"))
            .anchor(CATS)
            .checkpoints(Checkpoints.in(folder));
    assertThatExceptionOfType(CheckpointMismatchException.class)
        .isThrownBy(other::run)
        .satisfies(e -> assertThat(e.differences()).containsKeys("target", "seed"));
  }

  @Test
  void refusesTheCheckpointsOfAnotherModel() {
    crashAfter(4);
    try (TinyDiffusion other = TinyDiffusion.open(2)) {
      Ablation plan =
          Ablator.of(other).target("grumpy cat").anchor(CATS).checkpoints(Checkpoints.in(folder));
      assertThatExceptionOfType(CheckpointMismatchException.class)
          .isThrownBy(plan::run)
          .satisfies(e ->
              assertThat(e.differences())
                  .containsEntry(
                      "base.sha256", model.weights().sha256() + " -> " + other.weights().sha256()));
    }
  }

  @Test
  void refusesTheCheckpointsOfAModelWithAnotherDeltaApplied() {
    try (AblationResult first = withoutCheckpoints().run()) {
      crashAfter(4);
      WeightDelta.Applied applied = first.delta().applyTo(model);
      try {
        assertThatExceptionOfType(CheckpointMismatchException.class)
            .isThrownBy(() -> plan().run())
            .satisfies(e -> assertThat(e.differences()).containsKey("base.applied.sha256"));
      } finally {
        applied.close();
      }
    }
  }

  @Test
  void refusesTheCheckpointsOfAnotherVersion() throws IOException {
    crashAfter(4);
    Path file = folder.resolve("plan.json");
    String text = Files.readString(file);
    Files.writeString(
        file, text.replaceFirst("\"libraryVersion\":\"[^\"]*\"", "\"libraryVersion\":\"0.0.1\""));
    assertThatExceptionOfType(CheckpointMismatchException.class)
        .isThrownBy(() -> plan().run())
        .withMessageContaining("library.version: 0.0.1 -> ");
  }

  @Test
  void aCheckpointKnowsItsPlanItself() throws IOException {
    crashAfter(4);
    Files.delete(folder.resolve("plan.json"));
    assertThatExceptionOfType(CheckpointMismatchException.class)
        .isThrownBy(() -> plan().seed(4).run())
        .withMessageContaining("seed: 3 -> 4");
  }

  @Test
  void warnsOfAnotherEnvironment() throws IOException {
    crashAfter(4);
    Path file = folder.resolve("plan.json");
    String text = Files.readString(file);
    Files.writeString(file, text.replaceFirst("\"java\":\"[^\"]*\"", "\"java\":\"1.1\""));
    events.clear();
    run(plan());
    assertThat(events(Warning.class))
        .hasSize(1)
        .first()
        .asString()
        .contains("another environment")
        .contains("java=1.1 -> ");
  }

  // One run at a time

  @Test
  void aFolderBelongsToOneRun() throws IOException {
    AtomicReference<Throwable> refused = new AtomicReference<>();
    Consumer<AblationEvent> second =
        event -> {
          if (event instanceof StepCompleted made && made.step() == 2) {
            try (TinyDiffusion copy = TinyDiffusion.open(1)) {
              Ablator.of(copy)
                  .target("grumpy cat")
                  .anchor(CATS)
                  .checkpoints(Checkpoints.in(folder))
                  .run()
                  .close();
            } catch (IllegalStateException e) {
              refused.set(e);
            }
          }
        };
    run(plan().listener(second::accept));
    assertThat(refused.get())
        .hasMessage(folder + " is used by another run; wait for it or choose another folder");
    run(plan());
  }

  // Settings

  @Test
  void refusesWrongNumbersAtTheCall() {
    Checkpoints checkpoints = Checkpoints.in(folder);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> checkpoints.every(0))
        .withMessage("everySteps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> checkpoints.keep(-1))
        .withMessage("keep must be positive, was -1");
    assertThat(checkpoints.every(7).keep(1)).isEqualTo(new Checkpoints(folder, 7, 1));
  }

  @Test
  void nothingOfThemIsInTheDelta() throws IOException {
    String here = run(plan());
    folder = temporary.resolve("elsewhere");
    assertThat(run(withoutCheckpoints().checkpoints(Checkpoints.in(folder).every(1).keep(1))))
        .isEqualTo(here);
    assertThat(run(withoutCheckpoints())).isEqualTo(here);
  }

  @Test
  void aFileInPlaceOfTheFolderIsNamed() throws IOException {
    Files.writeString(folder, "file");
    assertThatThrownBy(() -> plan().run())
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(folder.toString());
  }
}
