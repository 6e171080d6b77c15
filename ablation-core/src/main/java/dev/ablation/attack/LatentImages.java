package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.Images;
import java.awt.image.BufferedImage;
import java.util.List;

/** Images of an attack as latents. */
final class LatentImages {
  private LatentImages() {}

  /** Checks that the images have the size of the model's. */
  static void check(DiffusionModel model, List<BufferedImage> images) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "an attack");
    int width = model.descriptor().latentWidth() * codec.downscaling();
    int height = model.descriptor().latentHeight() * codec.downscaling();
    for (BufferedImage image : images) {
      Preconditions.checkArgument(
          image.getWidth() == width && image.getHeight() == height,
          "originals must be %s x %s as the model's images, one was %s x %s",
          width,
          height,
          image.getWidth(),
          image.getHeight());
    }
  }

  /** The latents of images, shape (n, C, H, W), by the posterior's mean. */
  static NDArray of(
      DiffusionModel model, List<BufferedImage> images, int batchSize, NDManager scope) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "an attack");
    NDList parts = new NDList();
    for (int from = 0; from < images.size(); from += batchSize) {
      try (NDManager batch = scope.newSubManager()) {
        List<BufferedImage> some = images.subList(from, Math.min(images.size(), from + batchSize));
        NDArray part = codec.encode(Images.toSigned(Images.array(some, batch)), null);
        part.attach(scope);
        parts.add(part);
      }
    }
    return parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
  }
}
