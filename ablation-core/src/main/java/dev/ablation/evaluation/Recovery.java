package dev.ablation.evaluation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How often an attack draws the target, by one judge.
 *
 * <p>The base model's share tells whether the attack works: an attack that does not draw the target
 * from a model that has it says nothing about a model that has it no more. The control's share
 * tells what an attack brings along by itself, such as an image of the target that it starts from:
 * what counts is the ablated model's excess over it.
 *
 * @param base share of the base model's images that show the target; {@code null} if unknown
 * @param ablated share of the ablated model's images
 * @param control share of the images of a model that never knew the target; {@code null} if there
 *     is none
 */
@CheckReturnValue
public record Recovery(
    @Nullable MetricResult base, MetricResult ablated, @Nullable MetricResult control) {
  /** The least share of the base model's images by which an attack counts as one that works. */
  public static final double EVIDENCE = 0.8;

  /** Checks that all are values of the same metric. */
  public Recovery {
    Objects.requireNonNull(ablated, "ablated");
    checkMetric("base", base, ablated);
    checkMetric("control", control, ablated);
  }

  private static void checkMetric(String name, @Nullable MetricResult other, MetricResult ablated) {
    if (other != null && !other.metric().equals(ablated.metric())) {
      throw new IllegalArgumentException(
          "%s and ablated must be the same metric, were %s and %s"
              .formatted(name, other.metric(), ablated.metric()));
    }
  }

  /**
   * Makes the recovery of an attack that was made without a control.
   *
   * @param comparison base and ablated model
   * @return the recovery
   */
  public static Recovery of(Comparison comparison) {
    return new Recovery(comparison.base(), comparison.ablated(), null);
  }

  /** {@return the metric's name} */
  public String metric() {
    return ablated.metric();
  }

  /**
   * Tells whether the attack works, so that a low share of the ablated model means something.
   *
   * @return whether the base model's share is known and at least {@link #EVIDENCE}
   */
  public boolean isEvidence() {
    return base != null && base.value() >= EVIDENCE;
  }

  /**
   * Returns how much oftener the ablated model draws the target than a model that never knew it.
   *
   * @return the difference of the shares, from -1 to 1, with an interval where both have one;
   *     {@code null} without a control
   */
  public @Nullable Excess excess() {
    return control == null ? null : Excess.of(ablated, control);
  }

  /**
   * The difference of two shares.
   *
   * @param value from -1 to 1
   * @param interval from the intervals of both shares; {@code null} if one has none
   */
  public record Excess(double value, @Nullable ConfidenceInterval interval) {
    /**
     * By the method of variance estimates recovery (Zou and Donner 2008, equation 5), which for
     * Wilson's intervals is Newcombe's (1998, method 10). The images share their seeds, which it
     * leaves aside: the interval is rather too wide.
     */
    static Excess of(MetricResult ablated, MetricResult control) {
      double value = ablated.value() - control.value();
      ConfidenceInterval one = ablated.interval();
      ConfidenceInterval other = control.interval();
      if (one == null || other == null) {
        return new Excess(value, null);
      }
      double below = Math.hypot(ablated.value() - one.low(), other.high() - control.value());
      double above = Math.hypot(one.high() - ablated.value(), control.value() - other.low());
      return new Excess(
          value,
          new ConfidenceInterval(
              Math.max(-1, value - below),
              Math.min(1, value + above),
              Math.min(one.level(), other.level()),
              "from both intervals"));
    }
  }
}
