package dev.ablation.train;

/** A schedule's formula and its name. */
record NamedSchedule(String name, Formula formula) implements LearningRateSchedule {
  static final NamedSchedule CONSTANT = new NamedSchedule("constant", (step, steps) -> 1);

  @Override
  public double factor(int step, int steps) {
    return formula.at(step, steps);
  }

  @Override
  public String toString() {
    return name;
  }

  /** The factor as a function of the step. */
  @FunctionalInterface
  interface Formula {
    double at(int step, int steps);
  }
}
