package dev.ablation.train;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Differentiable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What a trainer requires in addition to the prompts of targets, anchors and preserved concepts
 * ({@link TrainingTask#pairs}), which every trainer receives. Immutable: every setter returns a
 * copy.
 *
 * {@snippet class="dev.ablation.Snippets" region="trainer"}
 */
@CheckReturnValue
public final class TrainerRequirements {
  private static final TrainerRequirements PROMPTS =
      new TrainerRequirements(Map.of(), false, false, false);

  private final Map<Class<?>, String> capabilities;
  private final boolean anchorImages;
  private final boolean objective;
  private final boolean preparesAnchorImages;

  private TrainerRequirements(
      Map<Class<?>, String> capabilities,
      boolean anchorImages,
      boolean objective,
      boolean preparesAnchorImages) {
    this.capabilities = Collections.unmodifiableMap(new LinkedHashMap<>(capabilities));
    this.anchorImages = anchorImages;
    this.objective = objective;
    this.preparesAnchorImages = preparesAnchorImages;
  }

  /**
   * {@return only prompts: any model is suitable, no anchor image is drawn, and there is no
   * objective}
   */
  public static TrainerRequirements prompts() {
    return PROMPTS;
  }

  /** {@return a differentiable model, anchor images and an objective} */
  public static TrainerRequirements gradients() {
    return PROMPTS.capability(Differentiable.class, "training").anchorImages(true).objective(true);
  }

  /**
   * Requires a capability of the model.
   *
   * @param type such as {@code Differentiable.class}, see {@link
   *     dev.ablation.model.DiffusionModel#capability}
   * @param purpose what it is needed for, such as {@code "training"}; part of the message if it is
   *     missing
   * @return a copy with the given values
   */
  public TrainerRequirements capability(Class<?> type, String purpose) {
    Map<Class<?>, String> more = new LinkedHashMap<>(capabilities);
    more.put(Objects.requireNonNull(type, "type"), Objects.requireNonNull(purpose, "purpose"));
    return new TrainerRequirements(more, anchorImages, objective, preparesAnchorImages);
  }

  /**
   * Changes whether training requires anchor images.
   *
   * @param needed whether the trainer uses {@link TrainingTask#batches()}
   * @return a copy with this setting
   */
  public TrainerRequirements anchorImages(boolean needed) {
    return new TrainerRequirements(capabilities, needed, objective, preparesAnchorImages);
  }

  /**
   * Changes whether training minimises the plan's objective.
   *
   * @param needed whether the trainer uses {@link TrainingTask#objective()}
   * @return a copy with this setting
   */
  public TrainerRequirements objective(boolean needed) {
    return new TrainerRequirements(capabilities, anchorImages, needed, preparesAnchorImages);
  }

  /**
   * Changes who has the anchor images drawn.
   *
   * @param itself whether the trainer calls {@link BatchSource#prepare}, with the weights of before
   *     the run, so that a training that ends before its first step draws none; otherwise the run
   *     does, before training
   * @return a copy with this setting
   */
  public TrainerRequirements preparesAnchorImages(boolean itself) {
    return new TrainerRequirements(capabilities, anchorImages, objective, itself);
  }

  /** {@return the required capabilities of the model, each with its purpose; unmodifiable} */
  public Map<Class<?>, String> capabilities() {
    return capabilities;
  }

  /** {@return whether training requires anchor images} */
  public boolean anchorImages() {
    return anchorImages;
  }

  /** {@return whether the trainer itself has the anchor images drawn, before its first batch} */
  public boolean preparesAnchorImages() {
    return preparesAnchorImages;
  }

  /** {@return whether training minimises the plan's objective} */
  public boolean objective() {
    return objective;
  }

  @Override
  public String toString() {
    return "requirements[capabilities=%s, anchorImages=%s, objective=%s]"
        .formatted(
            capabilities.keySet().stream().map(Class::getSimpleName).toList(),
            anchorImages,
            objective);
  }
}
