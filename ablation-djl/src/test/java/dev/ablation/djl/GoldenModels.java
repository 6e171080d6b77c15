package dev.ablation.djl;

import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.model.DiffusionModel;
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
    return StableDiffusion.load(pipeline.folder(), options());
  }

  /** Opens a model of any class with the same options. */
  public static DiffusionModel open(Pipeline pipeline) throws IOException {
    return pipeline.className().equals("StableDiffusionXLPipeline")
        ? StableDiffusionXL.load(pipeline.folder(), options())
        : load(pipeline);
  }

  /** Returns the UNet of a model. */
  public static UNet2DConditionModel unet(DiffusionModel model) {
    return ((UNetDiffusion) model).unet();
  }

  /** Returns the autoencoder of a model. */
  public static AutoencoderKL vae(DiffusionModel model) {
    return ((UNetDiffusion) model).vae();
  }

  static LoadOptions options() {
    return LoadOptions.defaults().device(Golden.device()).threads(1);
  }
}
