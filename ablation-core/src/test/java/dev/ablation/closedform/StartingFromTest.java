package dev.ablation.closedform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.MonitorDecision;
import dev.ablation.train.TrainingMonitor;
import dev.ablation.train.TrainingProgress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gradient descent that begins with a closed form or a delta. */
class StartingFromTest {
  private static final String KEY = "network.key";
  private static final List<String> OTHERS = List.of("a dog", "a red house");
  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "the cat"))
          .images(4)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(4));
  private static final ClosedForm FORM =
      ClosedForm.sequences(SequenceLeastSquares.defaults().ridge(1e-3)).preserved(OTHERS);
  private static final double NO_LEARNING = 1e-30;

  @TempDir Path folder;

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan(GradientTrainer trainer) {
    return Ablator.of(model)
        .target("zebra")
        .anchor(CATS)
        .weights(WeightGroup.crossAttentionKeyValue())
        .trainer(trainer);
  }

  private static GradientTrainer training() {
    return GradientTrainer.defaults().steps(4).batchSize(2).learningRate(0.02);
  }

  private float[] applied(WeightDelta delta) {
    return delta.applied(model, () -> model.weights().get(KEY).toFloatArray());
  }

  private WeightDelta closedForm() {
    return Ablator.of(model).target("zebra").anchor(CATS).trainer(FORM).run().delta();
  }

  private void assertClose(float[] actual, float[] expected) {
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray difference = scope.create(actual).sub(scope.create(expected));
      assertThat(difference.norm().getFloat())
          .isLessThan(1e-5f * scope.create(expected).norm().getFloat());
    }
  }

  @Test
  void withoutLearningTheResultIsTheBeginning() {
    try (WeightDelta form = closedForm();
        AblationResult fromForm =
            plan(training().learningRate(NO_LEARNING).startingFrom(FORM)).run();
        AblationResult fromDelta =
            plan(training().learningRate(NO_LEARNING).startingFrom(form)).run()) {
      assertClose(applied(fromForm.delta()), applied(form));
      assertClose(applied(fromDelta.delta()), applied(form));
      assertThat(fromForm.delta().provenance().settings())
          .containsEntry("training.start", FORM.toString())
          .containsEntry("training.start.preserved", "2")
          .containsEntry("training.steps", "4");
      assertThat(fromDelta.delta().provenance().settings())
          .containsEntry("training.start", "delta")
          .containsEntry("training.start.sha256", form.sha256())
          .containsEntry("training.start.targets", "instance 'zebra'");
    }
  }

  @Test
  void theFirstLossIsThatOfTheBeginning() {
    try (AblationResult plain = plan(training()).run();
        AblationResult begun = plan(training().startingFrom(FORM)).run()) {
      assertThat(begun.history()).hasSize(4);
      assertThat(begun.history().get(0).loss()).isNotEqualTo(plain.history().get(0).loss());
      assertThat(applied(begun.delta())).isNotEqualTo(applied(plain.delta()));
    }
  }

  /** Measures the key's size at every look, the baseline too, and may stop when it has begun. */
  private record Sizes(List<Float> sizes, boolean stops) implements TrainingMonitor {
    @Override
    public String name() {
      return "sizes";
    }

    @Override
    public boolean measuresBaseline() {
      return true;
    }

    @Override
    public MonitorDecision onStep(TrainingProgress progress) {
      sizes.add(progress.model().weights().get(KEY).norm().getFloat());
      boolean begun = !progress.measured("size").isEmpty();
      MonitorDecision seen =
          MonitorDecision.goOn().measured("size", sizes.get(sizes.size() - 1)).asBest();
      return stops && begun ? seen.stopping("good from the beginning") : seen;
    }
  }

  @Test
  void monitorsMeasureTheBaseModelAndThenTheBeginningWhereTheyMayStop() {
    List<Float> sizes = new ArrayList<>();
    List<AblationEvent> events = new ArrayList<>();
    try (WeightDelta form = closedForm();
        AblationResult result =
            plan(training().startingFrom(FORM).monitor(new Sizes(sizes, true)))
                .listener(events::add)
                .run()) {
      assertThat(events)
          .as("no image is drawn that no step needs")
          .noneMatch(event -> event instanceof AblationEvent.AnchorsProgressed);
      assertThat(result.history()).isEmpty();
      assertThat(result.outcome().early()).isTrue();
      assertThat(result.outcome().steps()).isZero();
      assertThat(sizes).hasSize(2);
      assertThat(sizes.get(0)).isEqualTo(model.weights().get(KEY).norm().getFloat());
      assertThat(sizes.get(1)).isNotEqualTo(sizes.get(0));
      assertClose(applied(result.delta()), applied(form));
    }
  }

  @Test
  void theBaseModelDrawsTheAnchorImages() throws IOException {
    byte[] plain = drawn("plain", training());
    assertThat(drawn("begun", training().startingFrom(FORM))).isEqualTo(plain);
  }

  /** The anchor images of a run, as it caches them. */
  private byte[] drawn(String name, GradientTrainer trainer) throws IOException {
    Path cache = folder.resolve(name);
    Ablator.of(model)
        .target("zebra")
        .anchor(CATS.cachedIn(cache))
        .weights(WeightGroup.crossAttentionKeyValue())
        .trainer(trainer)
        .run()
        .close();
    try (Stream<Path> files = Files.walk(cache)) {
      Path latents =
          files.filter(file -> file.toString().endsWith(".safetensors")).findFirst().orElseThrow();
      return Files.readAllBytes(latents);
    }
  }

  @Test
  void aResumedRunEndsAsAnUninterruptedOne() {
    AtomicBoolean cancel = new AtomicBoolean(true);
    GradientTrainer trainer =
        training()
            .startingFrom(FORM)
            .stopWhen(
                "it is cancelled",
                progress -> {
                  if (cancel.get() && progress.step() == 2) {
                    throw new CancellationException("enough");
                  }
                  return false;
                });
    Ablation saved = plan(trainer).checkpoints(Checkpoints.in(folder.resolve("run")).every(1));
    assertThatThrownBy(saved::run).isInstanceOf(CancellationException.class);
    cancel.set(false);
    try (AblationResult whole = plan(trainer).run();
        AblationResult resumed = saved.run()) {
      assertThat(resumed.history()).isEqualTo(whole.history());
      assertThat(applied(resumed.delta())).isEqualTo(applied(whole.delta()));
    }
  }

  @Test
  void namesWhatDoesNotFit() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training().startingFrom(training()))
        .withMessageStartingWith("startingFrom takes a trainer without steps, was GradientTrainer");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(training().lora(Lora.rank(2)).startingFrom(FORM)).run())
        .withMessageContaining("which lora does not train");
    try (WeightDelta form = closedForm();
        TinyDiffusion other = TinyDiffusion.open(7)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() ->
              Ablator.of(other)
                  .target("zebra")
                  .anchor(CATS)
                  .weights(WeightGroup.crossAttentionKeyValue())
                  .trainer(training().startingFrom(form))
                  .run())
          .withMessageContaining("startingFrom needs a delta of this model");
    }
  }

  static AblationResult example(DiffusionModel model, GeneratedAnchors anchor) {
    // @start region="starting-from"
    AblationResult result =
        Ablator.of(model)
            .target("zebra")
            .anchor(anchor)
            .weights(WeightGroup.crossAttentionKeyValue())
            .trainer(GradientTrainer.defaults().steps(20).startingFrom(ClosedForm.sequences()))
            .run();
    // @end
    return result;
  }

  @Test
  void theExampleRuns() {
    try (AblationResult result = example(model, CATS)) {
      assertThat(result.history()).hasSize(20);
    }
  }
}
