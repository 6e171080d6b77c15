package dev.ablation.evaluation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The models that an attack is made on: base, ablated, and the control, which never knew the
 * target.
 *
 * @param base the base model, without a delta
 * @param delta makes it the ablated model
 * @param control a model of the same kind that was trained without the target; {@code null} for
 *     none
 * @param attacksBase whether the base model is attacked too; if not, its share is unknown in the
 *     result
 * @param progress receives what an attack does, in a few words, such as {@code "base model,
 *     training step 3 of 300"}, on the calling thread
 * @param drawn receives the images that are judged, of each model as soon as they are drawn, with
 *     its role: {@code "base"}, {@code "ablated"} or {@code "control"}; on the calling thread
 */
@CheckReturnValue
public record AttackModels(
    DiffusionModel base,
    WeightDelta delta,
    @Nullable DiffusionModel control,
    boolean attacksBase,
    Consumer<? super String> progress,
    BiConsumer<? super String, ? super List<BufferedImage>> drawn) {

  /** Checks that the control draws images of the base model's size and is another model. */
  public AttackModels {
    Objects.requireNonNull(base, "base");
    Objects.requireNonNull(delta, "delta");
    Objects.requireNonNull(progress, "progress");
    Objects.requireNonNull(drawn, "drawn");
    if (control != null) {
      checkControl(base, control);
    }
  }

  /**
   * Chooses the models.
   *
   * @param base the base model, without a delta
   * @param delta makes it the ablated model
   * @param control a model of the same kind that was trained without the target; {@code null} for
   *     none
   */
  public AttackModels(DiffusionModel base, WeightDelta delta, @Nullable DiffusionModel control) {
    this(base, delta, control, true, what -> {}, (role, images) -> {});
  }

  /**
   * Tells what an attack does.
   *
   * @param listener as {@link #progress()}
   * @return the same models with the listener
   */
  public AttackModels progress(Consumer<? super String> listener) {
    return new AttackModels(base, delta, control, attacksBase, listener, drawn);
  }

  /**
   * Shows what is judged, to look at it: judges err.
   *
   * @param listener as {@link #drawn()}
   * @return the same models with the listener
   */
  public AttackModels drawn(BiConsumer<? super String, ? super List<BufferedImage>> listener) {
    return new AttackModels(base, delta, control, attacksBase, progress, listener);
  }

  /** {@return how many models are attacked: the ablated one, and what it is compared with} */
  public int count() {
    return 1 + (attacksBase ? 1 : 0) + (control == null ? 0 : 1);
  }

  /**
   * Chooses the models without a control.
   *
   * @param base the base model, without a delta
   * @param delta makes it the ablated model
   * @return the models
   */
  public static AttackModels of(DiffusionModel base, WeightDelta delta) {
    return new AttackModels(base, delta, null);
  }

  /**
   * Attacks the ablated model alone: the base model's and the control's shares are those of an
   * earlier attack, on another ablated model of the same base. What an attack computes with the
   * base model beforehand is computed all the same.
   *
   * @param base the base model, without a delta
   * @param delta makes it the ablated model
   * @return the models
   */
  public static AttackModels ofAblated(DiffusionModel base, WeightDelta delta) {
    return new AttackModels(base, delta, null, false, what -> {}, (role, images) -> {});
  }

  static void checkControl(DiffusionModel base, DiffusionModel control) {
    if (control == base) {
      throw new IllegalArgumentException(
          "control must be another model than the base model, was '%s' itself"
              .formatted(base.descriptor().name()));
    }
    if (!control.descriptor().latentShape().equals(base.descriptor().latentShape())) {
      throw new IllegalArgumentException(
          "control must have the base model's latents, %s, but '%s' has %s"
              .formatted(
                  base.descriptor().latentShape(),
                  control.descriptor().name(),
                  control.descriptor().latentShape()));
    }
  }

  /** {@return the control, if there is one} */
  public Optional<DiffusionModel> controlModel() {
    return Optional.ofNullable(control);
  }
}
