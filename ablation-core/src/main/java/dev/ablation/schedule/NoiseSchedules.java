package dev.ablation.schedule;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/** Array arithmetic that all schedules share. */
final class NoiseSchedules {
  private NoiseSchedules() {}

  static void checkShape(String name, NDArray array, NDArray like) {
    Preconditions.checkArgument(
        array.getShape().equals(like.getShape()),
        "%s: expected %s, was %s",
        name,
        like.getShape(),
        array.getShape());
  }

  static void checkSupport(NoiseSchedule schedule, PredictionType type) {
    Preconditions.checkArgument(
        schedule.supports(type), "type: %s is not defined on the schedule %s", type, schedule);
  }

  static void checkDescent(double start, int count) {
    Preconditions.checkArgument(
        start > 0 && start <= 1, "start must be above 0 and at most 1, was %s", start);
    Preconditions.checkArgument(count > 0, "count must be positive, was %s", count);
  }

  static double[] times(NoiseSchedule schedule, NDArray samples, NDArray timesteps) {
    Shape shape = samples.getShape();
    Preconditions.checkArgument(shape.dimension() > 0, "samples: expected (B, ...), was %s", shape);
    Preconditions.checkArgument(
        timesteps.getShape().equals(new Shape(shape.get(0))),
        "timesteps: expected %s, was %s",
        new Shape(shape.get(0)),
        timesteps.getShape());
    return schedule.toTimes(timesteps);
  }

  static float[] weights(double[] times, DoubleUnaryOperator ofTime) {
    return toFloats(Arrays.stream(times).map(ofTime).toArray());
  }

  static float[] toFloats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  /** {@return xWeights * x + yWeights * y, one weight for each item of the first axis} */
  static NDArray combine(NDArray x, float[] xWeights, NDArray y, float[] yWeights) {
    try (NDArray ofX = perItem(xWeights, x);
        NDArray ofY = perItem(yWeights, x);
        NDArray second = y.mul(ofY)) {
      return x.mul(ofX).addi(second);
    }
  }

  /** {@return the weights as an array that multiplies whole items of {@code like}} */
  private static NDArray perItem(float[] weights, NDArray like) {
    long[] sizes = new long[like.getShape().dimension()];
    Arrays.fill(sizes, 1);
    sizes[0] = weights.length;
    // A copy in the engine's memory: where gradients are recorded, the backward pass reads it after
    // its handle, and with it a Java buffer, is gone.
    try (NDArray array = like.getManager().create(weights, new Shape(sizes))) {
      return array.getDevice().equals(like.getDevice())
          ? array.duplicate()
          : array.toDevice(like.getDevice(), true);
    }
  }
}
