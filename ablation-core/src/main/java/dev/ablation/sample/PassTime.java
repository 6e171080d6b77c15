package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.random.RandomStreams;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;

/** Measures how long a forward pass takes, for estimates. */
public final class PassTime {
  private static final int WARM_UP = 1;
  private static final int MEASURED = 2;

  private PassTime() {}

  /**
   * Makes a few predictions of random latents with the empty prompt.
   *
   * @param model whose weights stay unchanged
   * @param batchSize latents in a prediction, positive
   * @return the time of one latent
   */
  public static Duration measure(DiffusionModel model, int batchSize) {
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    ModelDescriptor shape = model.descriptor();
    double[] times = new double[batchSize];
    Arrays.fill(times, model.schedule().timeAt(0.5));
    long start = 0;
    for (int i = 0; i < WARM_UP + MEASURED; i++) {
      if (i == WARM_UP) {
        start = System.nanoTime();
      }
      try (NDManager once = model.newScope()) {
        NDArray latents =
            RandomStreams.gaussian(
                once,
                new Shape(
                    batchSize, shape.latentChannels(), shape.latentHeight(), shape.latentWidth()),
                RandomStreams.stream(0, "estimate", i));
        Conditioning prompts = model.encode(Collections.nCopies(batchSize, ""), once);
        // Reading a number waits for the device.
        model.predict(latents, model.schedule().toArray(times, once), prompts).sum().getFloat();
      }
    }
    return Duration.ofNanos((System.nanoTime() - start) / MEASURED / batchSize);
  }
}
