package dev.ablation.evaluation;

import com.google.common.base.Preconditions;

/**
 * Some of the work of an evaluation: images of a subject, or an attack. {@link Evaluation#slices}
 * cuts an evaluation into slices, which several processes can measure.
 *
 * @param attack whether it is an attack
 * @param index of the subject among {@link Evaluation#subjects()}, or of the attack among {@link
 *     Evaluation#attacks()}
 * @param first index of the first image of the subject; 0 for an attack
 * @param end index behind the last image; 0 for an attack
 */
public record EvaluationSlice(boolean attack, int index, int first, int end) {

  /** Checks the ranges. */
  public EvaluationSlice {
    Preconditions.checkArgument(index >= 0, "index must not be negative, was %s", index);
    Preconditions.checkArgument(first >= 0, "first must not be negative, was %s", first);
    Preconditions.checkArgument(
        attack ? end == 0 && first == 0 : end > first,
        "a slice must have images or be an attack, was of images %s to %s",
        first,
        end);
  }

  static EvaluationSlice ofImages(int subject, int first, int end) {
    return new EvaluationSlice(false, subject, first, end);
  }

  static EvaluationSlice ofAttack(int index) {
    return new EvaluationSlice(true, index, 0, 0);
  }

  /** {@return the number of images of each model; 0 for an attack} */
  public int images() {
    return end - first;
  }
}
