package dev.ablation.sample;

import com.google.common.base.Preconditions;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;

/** A run on whole timesteps of the schedule: DDPM, DDIM, PNDM. */
abstract class TimestepRun extends BaseRun {
  private final VariancePreservingSchedule schedule;
  private final int[] timesteps;

  TimestepRun(
      VariancePreservingSchedule schedule,
      PredictionType type,
      double[] timesteps,
      double clipRange) {
    super(type, timesteps, clipRange);
    this.schedule = schedule;
    this.timesteps = new int[timesteps.length];
    for (int i = 0; i < timesteps.length; i++) {
      int t = (int) timesteps[i];
      this.timesteps[i] = t;
      Preconditions.checkArgument(
          type != PredictionType.EPSILON || schedule.alphaCumprod(t) > 0,
          "type: at timestep %s the schedule leaves only noise, which a model that predicts noise "
              + "cannot start from; expected V_PREDICTION or SAMPLE, was EPSILON",
          t);
    }
  }

  final VariancePreservingSchedule schedule() {
    return schedule;
  }

  final int timestep(int index) {
    return timesteps[index];
  }

  @Override
  double alpha(int index) {
    return Math.sqrt(schedule.alphaCumprod(timesteps[index]));
  }

  @Override
  double sigma(int index) {
    return Math.sqrt(1 - schedule.alphaCumprod(timesteps[index]));
  }
}
