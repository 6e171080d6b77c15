package dev.ablation.djl;

import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import java.io.IOException;

/** Opens the models of the golden directory. */
public final class GoldenModels {
  private GoldenModels() {}

  /**
   * Opens a model on the device that the tests are told to use. They are tiny, so one thread is as
   * fast as many; and on a busy machine threads that wait for each other are much slower.
   *
   * @param pipeline the model folder
   * @return the model, closed by the caller
   * @throws IOException if it cannot be read
   */
  public static StableDiffusion load(Pipeline pipeline) throws IOException {
    return StableDiffusion.load(
        pipeline.folder(), LoadOptions.defaults().device(Golden.device()).threads(1));
  }
}
