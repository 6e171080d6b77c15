package dev.ablation.train;

import com.google.common.base.Preconditions;

/**
 * How the learning rate changes over a run: a factor for the trainer's learning rate in each step.
 *
 * <p>The forms are those of diffusers' {@code get_scheduler} under the same names, with one
 * difference: a warm-up starts at {@code 1 / warmUpSteps}, so that the first step is not lost.
 */
public interface LearningRateSchedule {

  /**
   * Returns the factor of a step.
   *
   * @param step 1 for the first
   * @param steps of the whole run
   * @return positive; 1 is the trainer's learning rate
   */
  double factor(int step, int steps);

  /** {@return the name for provenance, with every number of the schedule} */
  String name();

  /** {@return the same learning rate in every step: the reference's} */
  static LearningRateSchedule constant() {
    return NamedSchedule.CONSTANT;
  }

  /**
   * Rises linearly to the full learning rate, then stays there.
   *
   * @param warmUpSteps positive
   * @return the schedule
   */
  static LearningRateSchedule constantWithWarmUp(int warmUpSteps) {
    checkWarmUp(warmUpSteps, 1);
    return new NamedSchedule(
        "constant(warm-up %d)".formatted(warmUpSteps),
        (step, steps) -> Math.min(1, (double) step / warmUpSteps));
  }

  /**
   * Rises over the first steps, then falls along half a cosine towards a floor.
   *
   * @param warmUpSteps not negative
   * @param floor the factor after the last step, from 0 to 1
   * @return the schedule
   */
  static LearningRateSchedule cosine(int warmUpSteps, double floor) {
    checkWarmUp(warmUpSteps, 0);
    Preconditions.checkArgument(
        floor >= 0 && floor <= 1, "floor must be from 0 to 1, was %s", floor);
    return new NamedSchedule(
        "cosine(warm-up %d, floor %s)".formatted(warmUpSteps, floor),
        (step, steps) -> {
          if (step <= warmUpSteps) {
            return (double) step / warmUpSteps;
          }
          // The step after the last one would reach the floor, so that no step is wasted at zero.
          double progress = (step - 1.0 - warmUpSteps) / Math.max(1, steps - warmUpSteps);
          return floor + (1 - floor) * (1 + Math.cos(Math.PI * Math.min(1, progress))) / 2;
        });
  }

  /**
   * Rises over the first steps, then falls several times along half a cosine to zero and starts
   * again at the full learning rate.
   *
   * @param warmUpSteps not negative
   * @param cycles how often it falls, positive
   * @return the schedule
   */
  static LearningRateSchedule cosineWithRestarts(int warmUpSteps, int cycles) {
    checkWarmUp(warmUpSteps, 0);
    Preconditions.checkArgument(cycles > 0, "cycles must be positive, was %s", cycles);
    return new NamedSchedule(
        "cosine_with_restarts(warm-up %d, %d cycles)".formatted(warmUpSteps, cycles),
        (step, steps) -> {
          if (step <= warmUpSteps) {
            return (double) step / warmUpSteps;
          }
          double progress = (step - 1.0 - warmUpSteps) / Math.max(1, steps - warmUpSteps);
          return (1 + Math.cos(Math.PI * (cycles * progress % 1))) / 2;
        });
  }

  private static void checkWarmUp(int warmUpSteps, int least) {
    Preconditions.checkArgument(
        warmUpSteps >= least, "warmUpSteps must be at least %s, was %s", least, warmUpSteps);
  }
}
