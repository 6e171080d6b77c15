package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.Measurement;
import dev.ablation.train.ModelMetric;
import dev.ablation.train.MonitorDecision;
import dev.ablation.train.TrainingMonitor;
import dev.ablation.train.TrainingProgress;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Stops training when the target appears as rarely as in images of the anchor prompts, or when
 * neighbours begin to suffer. At a fixed interval it generates a few images, always from the same
 * seeds, and detectors count what they show.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="measured-stopping"}
 *
 * <p>The measurement before the first step is that of the base model: the share of the anchor's
 * images that show the target (the level to reach) and the number of correct neighbours. A later
 * measurement is <em>sound</em> if at least {@code minRetention} of these neighbours are still
 * correct. The result is the sound measurement with the lowest share of the target; if several are
 * equal, the latest. If no sound measurement is below the base model's share, the result is the
 * base model itself, a delta of zeros. Training stops
 *
 * <ul>
 *   <li>after {@code patience} consecutive sound measurements at or below the anchor's level,
 *   <li>after {@code patience} consecutive measurements that are not sound, since more steps would
 *       only do more damage,
 *   <li>otherwise after all steps.
 * </ul>
 *
 * <p>The loss cannot replace this: if the teacher is the model under training, the loss may fall to
 * zero while every image turns white.
 *
 * @param target the target, with prompts that generate it
 * @param anchorPrompts prompts of the anchor, whose images set the level
 * @param neighbours the concepts to retain, each with its own prompts and a detector of what its
 *     images must show
 * @param sampling settings for generating the images; a few steps are enough
 * @param seed seed of the first image of each list
 * @param everySteps interval in training steps
 * @param tolerance added to the anchor's level, 0..1, since a share of few images is inexact
 * @param minRetention the share of the neighbours that must still be correct, 0..1
 * @param patience number of consecutive measurements that decide
 * @param attempts further ways to the target that are watched; the highest share of all is that of
 *     the target
 */
@CheckReturnValue
public record ErasureEarlyStopping(
    Watched target,
    List<String> anchorPrompts,
    List<Watched> neighbours,
    SamplingSettings sampling,
    long seed,
    int everySteps,
    double tolerance,
    double minRetention,
    int patience,
    List<Attempt> attempts)
    implements TrainingMonitor {

  /** Share of the target's images that show the target; with attempts the highest of all shares. */
  public static final String TARGET = "target drawn";

  /** Share of the anchor's images that show the target, with the base model. */
  public static final String LEVEL = "anchor level";

  /** Of the neighbours that are correct with the base model, the share that is still correct. */
  public static final String KEPT = "neighbours kept";

  private static final String RIGHT = "neighbours right";

  /** Copies the lists and checks the ranges. */
  public ErasureEarlyStopping {
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(sampling, "sampling");
    anchorPrompts = List.copyOf(anchorPrompts);
    neighbours = List.copyOf(neighbours);
    attempts = List.copyOf(attempts);
    Preconditions.checkArgument(!anchorPrompts.isEmpty(), "anchorPrompts must not be empty");
    Preconditions.checkArgument(
        !neighbours.isEmpty(),
        "neighbours must not be empty: without them, damage to the model goes unnoticed");
    Preconditions.checkArgument(everySteps > 0, "everySteps must be positive, was %s", everySteps);
    checkShare("tolerance", tolerance);
    checkShare("minRetention", minRetention);
    Preconditions.checkArgument(patience > 0, "patience must be positive, was %s", patience);
  }

  private static void checkShare(String name, double value) {
    Preconditions.checkArgument(
        value >= 0 && value <= 1, "%s must be in [0, 1], was %s", name, value);
  }

  /**
   * A way to the target without its name, such as an attack.
   *
   * @param name with everything that decides the share; measurements and provenance have it
   * @param share measures the share of images that show the target, from 0 to 1
   */
  public record Attempt(String name, ModelMetric share) {

    /** Checks the name. */
    public Attempt {
      Objects.requireNonNull(share, "share");
      Preconditions.checkArgument(!name.isBlank(), "name of an attempt must not be blank");
    }
  }

  /**
   * A concept and the prompts whose images are checked for it.
   *
   * @param prompts the prompts, at least one; each measurement generates one image for each
   * @param detector decides which images show the concept
   */
  public record Watched(List<String> prompts, ConceptDetector detector) {

    /** Copies the prompts. */
    public Watched {
      prompts = List.copyOf(prompts);
      Objects.requireNonNull(detector, "detector");
      Preconditions.checkArgument(
          !prompts.isEmpty(), "prompts of '%s' must not be empty", detector.name());
    }
  }

  /**
   * Creates a monitor with defaults for a small number of images: an interval of 40 steps, no
   * tolerance, a retention of nine tenths of the neighbours, two consecutive measurements.
   *
   * @param target the target, with prompts that generate it
   * @param anchorPrompts prompts of the anchor
   * @param neighbours the concepts to retain
   * @param sampling settings for generating the images
   * @return the monitor
   */
  public static ErasureEarlyStopping of(
      Watched target,
      List<String> anchorPrompts,
      List<Watched> neighbours,
      SamplingSettings sampling) {
    return new ErasureEarlyStopping(
        target, anchorPrompts, neighbours, sampling, 0, 40, 0, 0.9, 2, List.of());
  }

  /**
   * Changes how often the monitor measures.
   *
   * @param steps interval in training steps, positive
   * @return a copy with the given interval
   */
  public ErasureEarlyStopping every(int steps) {
    return new ErasureEarlyStopping(
        target,
        anchorPrompts,
        neighbours,
        sampling,
        seed,
        steps,
        tolerance,
        minRetention,
        patience,
        attempts);
  }

  /**
   * Changes the limits.
   *
   * @param tolerance added to the anchor's level, 0..1
   * @param minRetention the share of the neighbours that must still be correct, 0..1
   * @param patience number of consecutive measurements that decide, positive
   * @return a copy with the given limits
   */
  public ErasureEarlyStopping limits(double tolerance, double minRetention, int patience) {
    return new ErasureEarlyStopping(
        target,
        anchorPrompts,
        neighbours,
        sampling,
        seed,
        everySteps,
        tolerance,
        minRetention,
        patience,
        attempts);
  }

  /**
   * Watches further ways to the target, such as {@code dev.ablation.attack.CompletionShare}: the
   * target is gone only when none of them leads to it more often than the anchor's prompts do.
   *
   * @param attempts measured at every look, on the weights under training
   * @return a copy that watches them
   */
  public ErasureEarlyStopping attempts(List<Attempt> attempts) {
    return new ErasureEarlyStopping(
        target,
        anchorPrompts,
        neighbours,
        sampling,
        seed,
        everySteps,
        tolerance,
        minRetention,
        patience,
        attempts);
  }

  @Override
  public String name() {
    return "early stopping by measured erasure: %s of %d images at every %d steps until at most the anchor's level + %s, of %s at least %s, %d looks in a row, seed %d, %s %d steps, guidance %s"
            .formatted(
                target.detector().name(),
                target.prompts().size(),
                everySteps,
                tolerance,
                neighbours.stream().map(each -> each.detector().name()).toList(),
                minRetention,
                patience,
                seed,
                sampling.sampler().name(),
                sampling.steps(),
                sampling.guidanceText())
        + (attempts.isEmpty() ? "" : ", also " + attempts.stream().map(Attempt::name).toList());
  }

  @Override
  public boolean measuresBaseline() {
    return true;
  }

  @Override
  public MonitorDecision onStep(TrainingProgress progress) {
    MonitorDecision verdict = MonitorDecision.goOn();
    double drawn = share(progress, target.prompts(), target.detector());
    for (Attempt attempt : attempts) {
      double found = attempt.share().measure(progress.model());
      Preconditions.checkState(
          found >= 0 && found <= 1,
          "the share of attempt '%s' must be in [0, 1], was %s",
          attempt.name(),
          found);
      verdict = verdict.measured(attempt.name(), found);
      drawn = Math.max(drawn, found);
    }
    double right = 0;
    for (Watched neighbour : neighbours) {
      right += sum(progress, neighbour.prompts(), neighbour.detector());
    }
    verdict = verdict.measured(TARGET, drawn);
    if (progress.measured(RIGHT).isEmpty()) {
      Preconditions.checkState(
          right > 0, "the base model generates no neighbour correctly: there is nothing to retain");
      return verdict
          .measured(LEVEL, share(progress, anchorPrompts, target.detector()))
          .measured(RIGHT, right)
          .measured(KEPT, 1)
          .asBest();
    }
    double kept = right / progress.measured(RIGHT).get(0).value();
    return judge(progress, drawn, kept, verdict.measured(KEPT, kept));
  }

  private MonitorDecision judge(
      TrainingProgress progress, double drawn, double kept, MonitorDecision measured) {
    List<Measurement> targets = progress.measured(TARGET);
    List<Measurement> keptBefore = progress.measured(KEPT);
    double level = progress.measured(LEVEL).get(0).value() + tolerance;
    boolean sound = kept >= minRetention;
    double least = drawn;
    for (int i = 0; i < targets.size(); i++) {
      if (keptBefore.get(i).value() >= minRetention) {
        least = Math.min(least, targets.get(i).value());
      }
    }
    boolean lessThanBase = drawn < targets.get(0).value();
    MonitorDecision verdict =
        sound && lessThanBase && drawn <= least ? measured.asBest() : measured;
    int reached = sound && drawn <= level ? 1 : 0;
    int spoiled = sound ? 0 : 1;
    for (int i = targets.size() - 1; i > 0 && reached + spoiled > 0; i--) {
      boolean wasSound = keptBefore.get(i).value() >= minRetention;
      if (reached > 0 && wasSound && targets.get(i).value() <= level) {
        reached++;
      } else if (spoiled > 0 && !wasSound) {
        spoiled++;
      } else {
        break;
      }
    }
    boolean begins = progress.step() == 0; // a second look at the same weights tells the same
    if (reached >= (begins ? 1 : patience)) {
      return verdict.stopping(
          "the target is drawn as rarely as by the anchor: %.3f, level %.3f"
              .formatted(drawn, level));
    }
    if (!begins && spoiled >= patience) {
      return verdict.stopping(
          "neighbours fell below the bound: %.3f are right, bound %.3f"
              .formatted(kept, minRetention));
    }
    return verdict;
  }

  private double share(TrainingProgress progress, List<String> prompts, ConceptDetector detector) {
    return sum(progress, prompts, detector) / prompts.size();
  }

  private double sum(TrainingProgress progress, List<String> prompts, ConceptDetector detector) {
    List<BufferedImage> images = draw(progress.model(), prompts, progress.cancelled());
    return Arrays.stream(DetectedShare.checked(detector, detector.extractor().extract(images)))
        .sum();
  }

  private List<BufferedImage> draw(
      DiffusionModel model, List<String> prompts, BooleanSupplier cancelled) {
    return LatentSampler.of(model).settings(sampling).cancellation(cancelled).draw(prompts, seed);
  }

  @Override
  public String toString() {
    return name();
  }
}
