package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import org.jspecify.annotations.Nullable;

/** The prediction for the prompt as it is. */
@CheckReturnValue
record NoGuidance() implements Guidance {
  static final NoGuidance INSTANCE = new NoGuidance();

  @Override
  public String name() {
    return "none";
  }

  @Override
  public double scale() {
    return 1;
  }

  @Override
  public boolean usesNegativePrompt() {
    return false;
  }

  @Override
  public Conditioning condition(Conditioning positive, @Nullable Conditioning negative) {
    return positive;
  }

  @Override
  public NDArray combine(NDArray prediction) {
    return prediction;
  }
}
