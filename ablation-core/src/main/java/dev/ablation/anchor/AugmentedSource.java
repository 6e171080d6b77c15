package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.augment.Augmentation;
import dev.ablation.augment.AugmentedImage;
import dev.ablation.augment.Canvas;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.random.RandomStreams;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Augments and encodes the images of another source each time, sampling the posterior as the
 * published code does. Images are encoded one by one, since the encoder needs much memory and this
 * way an image does not depend on the rest of its batch.
 */
final class AugmentedSource implements AnchorSource {
  private final AnchorSource images;
  private final ImageLruCache shelf;
  private final Augmentation augmentation;
  private final LatentCodec codec;
  private final Canvas canvas;
  private final int channels;

  private AugmentedSource(
      AnchorSource images,
      Augmentation augmentation,
      LatentCodec codec,
      Canvas canvas,
      int channels) {
    this.images = images;
    this.augmentation = augmentation;
    this.codec = codec;
    this.canvas = canvas;
    this.channels = channels;
    shelf = new ImageLruCache(images, codec);
  }

  static AugmentedSource of(AnchorSource images, Augmentation augmentation, DiffusionModel model) {
    LatentCodec codec = codec(model);
    ModelDescriptor shape = model.descriptor();
    return new AugmentedSource(
        images, augmentation, codec, canvas(model, codec), shape.latentChannels());
  }

  /** Augments the images of a set; the result takes over the set. */
  static AnchorSet augmented(AnchorSet set, Augmentation augmentation, DiffusionModel model) {
    LatentCodec codec = codec(model);
    AnchorSource source = set.source();
    // A new augmentation replaces an earlier one.
    AnchorSource plain = source instanceof AugmentedSource augmented ? augmented.images : source;
    if (augmentation.keepsPixels() && plain == source) {
      float[] mask = augmentation.maskOfWhole(canvas(model, codec));
      return mask == null
          ? set
          : new AnchorSet(
              new MaskedSource(source, mask, augmentation.priorAugmented()), set.prompts());
    }
    return new AnchorSet(of(plain, augmentation, model), set.prompts());
  }

  static LatentCodec codec(DiffusionModel model) {
    return Capabilities.require(model, LatentCodec.class, "encoding anchor images");
  }

  static Canvas canvas(DiffusionModel model, LatentCodec codec) {
    ModelDescriptor shape = model.descriptor();
    return new Canvas(shape.latentHeight(), shape.latentWidth(), codec.downscaling());
  }

  private interface Change {
    AugmentedImage of(BufferedImage image, Canvas canvas, RandomGenerator random);
  }

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return encoded(rows, random, scope, augmentation::apply);
  }

  @Override
  public AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return encoded(rows, random, scope, augmentation::applyToPrior);
  }

  private AnchorBatch encoded(int[] rows, RandomGenerator random, NDManager scope, Change change) {
    List<AugmentedImage> changed = new ArrayList<>();
    NDList parts = new NDList();
    try (NDManager each = scope.newSubManager()) {
      for (int row : rows) {
        AugmentedImage image = change.of(shelf.image(row), canvas, random);
        changed.add(image);
        NDArray latents = encode(image.pixels(), random, each);
        parts.add(latents);
      }
      NDArray latents = parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
      latents.attach(scope);
      return new AnchorBatch(
          latents, mask(changed, scope), changed.stream().map(AugmentedImage::prefix).toList());
    }
  }

  private NDArray encode(float[] pixels, RandomGenerator random, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDArray image = scope.create(pixels, new Shape(1, 3, canvas.height(), canvas.width()));
      NDArray noise =
          RandomStreams.gaussian(
              scope, new Shape(1, channels, canvas.latentHeight(), canvas.latentWidth()), random);
      NDArray latents = codec.encode(image, noise);
      latents.attach(owner);
      return latents;
    }
  }

  private @Nullable NDArray mask(List<AugmentedImage> images, NDManager scope) {
    if (images.stream().allMatch(image -> image.mask() == null)) {
      return null;
    }
    int plane = canvas.latentHeight() * canvas.latentWidth();
    float[] all = new float[plane * images.size()];
    for (int i = 0; i < images.size(); i++) {
      float[] mask = images.get(i).mask();
      if (mask == null) {
        Arrays.fill(all, i * plane, (i + 1) * plane, 1);
      } else {
        System.arraycopy(mask, 0, all, i * plane, plane);
      }
    }
    Shape shape = new Shape(images.size(), 1, canvas.latentHeight(), canvas.latentWidth());
    return MaskedSource.inEngine(all, shape, scope);
  }

  @Override
  public BufferedImage image(int row, LatentCodec of) {
    return images.image(row, of);
  }

  @Override
  public void close() {
    images.close();
  }
}
