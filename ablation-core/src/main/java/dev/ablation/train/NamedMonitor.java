package dev.ablation.train;

import com.google.common.base.Preconditions;
import java.util.Objects;
import java.util.function.Function;

/** A monitor made of a function. */
record NamedMonitor(
    String name, int everySteps, Function<TrainingProgress, MonitorDecision> verdict)
    implements TrainingMonitor {

  NamedMonitor {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(everySteps > 0, "everySteps must be positive, was %s", everySteps);
    Objects.requireNonNull(verdict, "verdict");
  }

  @Override
  public MonitorDecision onStep(TrainingProgress progress) {
    return verdict.apply(progress);
  }

  @Override
  public String toString() {
    return name;
  }
}
