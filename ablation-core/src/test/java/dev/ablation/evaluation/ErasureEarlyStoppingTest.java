package dev.ablation.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.evaluation.ErasureEarlyStopping.Attempt;
import dev.ablation.evaluation.ErasureEarlyStopping.Watched;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import dev.ablation.train.Measurement;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Early stopping by measured erasure of real runs, whose images a scripted detector counts. */
class ErasureEarlyStoppingTest {
  private static final SamplingSettings QUICK =
      SamplingSettings.defaults().steps(1).guidanceScale(1).batchSize(4);
  private static final int IMAGES = 4;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  @TempDir private Path folder;

  @AfterEach
  void close() {
    model.close();
  }

  /** Answers as it is told, one number of images a look. */
  private static final class Scripted implements ConceptDetector {
    private final String name;
    private final List<Integer> counts;
    private final TinyEncoder encoder = new TinyEncoder();
    private int look;

    Scripted(String name, Integer... counts) {
      this.name = name;
      this.counts = List.of(counts);
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public FeatureExtractor extractor() {
      return encoder;
    }

    @Override
    public double[] shows(FeatureMatrix features) {
      double[] shown = new double[features.rows()];
      int count = counts.get(Math.min(look++, counts.size() - 1));
      for (int i = 0; i < count; i++) {
        shown[i] = 1;
      }
      return shown;
    }
  }

  private static Watched watched(ConceptDetector detector) {
    return new Watched(Collections.nCopies(IMAGES, "a prompt"), detector);
  }

  private static ErasureEarlyStopping stopping(Scripted target, Scripted neighbour) {
    return ErasureEarlyStopping.of(
            watched(target),
            Collections.nCopies(IMAGES, "an anchor"),
            List.of(watched(neighbour)),
            QUICK)
        .every(2)
        .limits(0, 0.75, 2);
  }

  private Ablation plan(ErasureEarlyStopping stopping) {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting")
                .images(2)
                .sampling(QUICK)
                .augmented(Augmentation.none()))
        .training(t -> t.steps(12).batchSize(2).learningRate(1e-3).monitor(stopping));
  }

  private static List<Double> values(AblationResult result, String name) {
    return result.measurements().stream()
        .filter(each -> each.name().equals(name))
        .map(Measurement::value)
        .toList();
  }

  @Test
  void stopsWhenTheTargetIsAsRareAsInTheAnchorsImages() {
    // Before the first step the target's prompts draw it 4 times, the anchor's once.
    Scripted target = new Scripted("target", 4, 1, 3, 1, 1, 0);
    try (AblationResult result = plan(stopping(target, new Scripted("neighbour", 4))).run()) {
      assertThat(values(result, ErasureEarlyStopping.TARGET))
          .containsExactly(1.0, 0.75, 0.25, 0.25);
      assertThat(values(result, ErasureEarlyStopping.LEVEL)).containsExactly(0.25);
      assertThat(result.outcome().early()).isTrue();
      assertThat(result.outcome().reason()).startsWith("the target is drawn as rarely");
      assertThat(result.outcome().steps()).isEqualTo(6);
      assertThat(result.outcome().step()).isEqualTo(6);
      assertThat(result.provenance().settings().get("ending.reason")).contains("anchor");
    }
  }

  /** No word draws it any more, but an attack still does: it is not gone. */
  @Test
  void anAttemptThatStillLeadsToTheTargetKeepsTheRunGoing() {
    Scripted target = new Scripted("target", 4, 1, 0, 0, 0, 0, 0, 0);
    AtomicInteger looks = new AtomicInteger();
    double[] found = {1, 1, 0.5, 0, 0, 0};
    ErasureEarlyStopping stopping =
        stopping(target, new Scripted("neighbour", 4))
            .attempts(List.of(new Attempt("attack", ignored -> found[looks.getAndIncrement()])));
    try (AblationResult result = plan(stopping).run()) {
      assertThat(values(result, "attack")).containsExactly(1.0, 1.0, 0.5, 0.0, 0.0);
      assertThat(values(result, ErasureEarlyStopping.TARGET))
          .containsExactly(1.0, 1.0, 0.5, 0.0, 0.0);
      assertThat(result.outcome().steps()).isEqualTo(8);
      assertThat(stopping.name()).contains("also [attack]");
    }
  }

  @Test
  void theBoundEndsARunThatSpoilsItsNeighboursWithTheLastSoundDelta() {
    Scripted target = new Scripted("target", 4, 0, 3, 0, 0);
    Scripted neighbour = new Scripted("neighbour", 4, 3, 1, 0);
    try (AblationResult result = plan(stopping(target, neighbour)).run()) {
      assertThat(values(result, ErasureEarlyStopping.KEPT)).containsExactly(1.0, 0.75, 0.25, 0.0);
      assertThat(result.outcome().reason()).startsWith("neighbours fell below the bound");
      assertThat(result.outcome().steps()).isEqualTo(6);
      assertThat(result.outcome().step()).isEqualTo(2);
      assertThat(result.delta().norm()).isPositive();
    }
  }

  @Test
  void whereNothingIsSoundTheResultIsTheBaseModel() {
    Scripted target = new Scripted("target", 4, 0, 0);
    Scripted neighbour = new Scripted("neighbour", 4, 2, 2);
    try (AblationResult result = plan(stopping(target, neighbour)).run()) {
      assertThat(result.outcome().step()).isZero();
      assertThat(result.delta().norm()).isZero();
    }
  }

  @Test
  void neighboursAreComparedWithWhatTheBaseModelDraws() {
    Scripted target = new Scripted("target", 4, 0, 0);
    Scripted neighbour = new Scripted("neighbour", 2);
    try (AblationResult result = plan(stopping(target, neighbour)).run()) {
      assertThat(values(result, ErasureEarlyStopping.KEPT)).containsOnly(1.0);
      assertThat(result.outcome().step()).isEqualTo(4);
    }
    assertThatIllegalStateException()
        .isThrownBy(() -> plan(stopping(target, new Scripted("neighbour", 0))).run())
        .withMessageContaining("generates no neighbour correctly");
  }

  @Test
  void aRunThatGoesOnStopsWhereItWouldHaveStopped() {
    Scripted target = new Scripted("target", 4, 0, 2, 1, 3, 0, 0, 0);
    Scripted neighbour = new Scripted("neighbour", 4);
    Checkpoints kept = Checkpoints.in(folder).every(4);
    Ablation whole = plan(stopping(target, neighbour)).checkpoints(kept);
    // The listener's error of step 5 ends no run, so the run is cancelled there by an interrupt.
    Ablation cut =
        whole.listener(event -> {
          if (event instanceof dev.ablation.event.AblationEvent.StepCompleted step
              && step.step() == 5) {
            Thread.currentThread().interrupt();
          }
        });
    try {
      cut.run().close();
    } catch (java.util.concurrent.CancellationException e) {
      assertThat(Thread.interrupted()).isTrue();
    }
    try (AblationResult result = whole.run()) {
      assertThat(values(result, ErasureEarlyStopping.TARGET))
          .containsExactly(1.0, 0.5, 0.25, 0.75, 0.0, 0.0);
      assertThat(result.outcome().steps()).isEqualTo(10);
      assertThat(result.outcome().step()).isEqualTo(10);
    }
  }

  @Test
  void wrongValuesAreNamed() {
    Scripted any = new Scripted("any", 1);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> ErasureEarlyStopping.of(watched(any), List.of("an anchor"), List.of(), QUICK))
        .withMessageContaining("neighbours must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Watched(List.of(), any))
        .withMessageContaining("prompts of 'any' must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> stopping(any, any).limits(0, 1.5, 2))
        .withMessageContaining("minRetention must be in [0, 1], was 1.5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> stopping(any, any).limits(0, 1, 0))
        .withMessageContaining("patience must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> stopping(any, any).every(0))
        .withMessageContaining("everySteps must be positive, was 0");
  }
}
