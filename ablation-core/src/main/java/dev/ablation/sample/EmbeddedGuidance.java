package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import org.jspecify.annotations.Nullable;

/** The network receives the scale as a condition. */
@CheckReturnValue
record EmbeddedGuidance(double scale) implements Guidance {

  EmbeddedGuidance {
    Preconditions.checkArgument(
        scale >= 0 && Double.isFinite(scale),
        "scale must be finite and not negative, was %s",
        scale);
  }

  @Override
  public String name() {
    return "embedded";
  }

  @Override
  public boolean usesNegativePrompt() {
    return false;
  }

  @Override
  public Conditioning condition(Conditioning positive, @Nullable Conditioning negative) {
    NDManager owner = positive.arrays().values().iterator().next().getManager();
    Shape shape = new Shape(positive.batchSize());
    return positive.with(Conditioning.GUIDANCE, owner.full(shape, (float) scale, DataType.FLOAT32));
  }

  @Override
  public NDArray combine(NDArray prediction) {
    return prediction;
  }
}
