package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.augment.Augmentation;
import dev.ablation.augment.AugmentedPicture;
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
 * Changes pictures of another source each time and encodes them, sampling the posterior, as the
 * published code does. Pictures are encoded one by one: the encoder needs much memory, and a
 * picture does not depend on its batch then.
 */
final class AugmentedSource implements AnchorSource {
  private final AnchorSource pictures;
  private final PictureShelf shelf;
  private final Augmentation augmentation;
  private final LatentCodec codec;
  private final Canvas canvas;
  private final int channels;

  private AugmentedSource(
      AnchorSource pictures,
      Augmentation augmentation,
      LatentCodec codec,
      Canvas canvas,
      int channels) {
    this.pictures = pictures;
    this.augmentation = augmentation;
    this.codec = codec;
    this.canvas = canvas;
    this.channels = channels;
    shelf = new PictureShelf(pictures, codec);
  }

  static AugmentedSource of(
      AnchorSource pictures, Augmentation augmentation, DiffusionModel model) {
    LatentCodec codec = codec(model);
    ModelDescriptor shape = model.descriptor();
    return new AugmentedSource(
        pictures, augmentation, codec, canvas(model, codec), shape.latentChannels());
  }

  /** Changes the pictures of a set, which the result takes the place of. */
  static AnchorSet augmented(AnchorSet set, Augmentation augmentation, DiffusionModel model) {
    LatentCodec codec = codec(model);
    AnchorSource source = set.source();
    // An earlier augmentation gives way to the new one.
    AnchorSource plain = source instanceof AugmentedSource augmented ? augmented.pictures : source;
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
    return Capabilities.require(model, LatentCodec.class, "encoding anchor pictures");
  }

  static Canvas canvas(DiffusionModel model, LatentCodec codec) {
    ModelDescriptor shape = model.descriptor();
    return new Canvas(shape.latentHeight(), shape.latentWidth(), codec.downscaling());
  }

  private interface Change {
    AugmentedPicture of(BufferedImage picture, Canvas canvas, RandomGenerator random);
  }

  @Override
  public AnchorRows draw(int[] rows, RandomGenerator random, NDManager scope) {
    return encoded(rows, random, scope, augmentation::apply);
  }

  @Override
  public AnchorRows drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return encoded(rows, random, scope, augmentation::applyToPrior);
  }

  private AnchorRows encoded(int[] rows, RandomGenerator random, NDManager scope, Change change) {
    List<AugmentedPicture> changed = new ArrayList<>();
    NDList parts = new NDList();
    try (NDManager each = scope.newSubManager()) {
      for (int row : rows) {
        AugmentedPicture picture = change.of(shelf.picture(row), canvas, random);
        changed.add(picture);
        NDArray latents = encode(picture.pixels(), random, each);
        parts.add(latents);
      }
      NDArray latents = parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
      latents.attach(scope);
      return new AnchorRows(
          latents, mask(changed, scope), changed.stream().map(AugmentedPicture::prefix).toList());
    }
  }

  private NDArray encode(float[] pixels, RandomGenerator random, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDArray picture = scope.create(pixels, new Shape(1, 3, canvas.height(), canvas.width()));
      NDArray noise =
          RandomStreams.gaussian(
              scope, new Shape(1, channels, canvas.latentHeight(), canvas.latentWidth()), random);
      NDArray latents = codec.encode(picture, noise);
      latents.attach(owner);
      return latents;
    }
  }

  private @Nullable NDArray mask(List<AugmentedPicture> pictures, NDManager scope) {
    if (pictures.stream().allMatch(picture -> picture.mask() == null)) {
      return null;
    }
    int plane = canvas.latentHeight() * canvas.latentWidth();
    float[] all = new float[plane * pictures.size()];
    for (int i = 0; i < pictures.size(); i++) {
      float[] mask = pictures.get(i).mask();
      if (mask == null) {
        Arrays.fill(all, i * plane, (i + 1) * plane, 1);
      } else {
        System.arraycopy(mask, 0, all, i * plane, plane);
      }
    }
    Shape shape = new Shape(pictures.size(), 1, canvas.latentHeight(), canvas.latentWidth());
    return MaskedSource.inEngine(all, shape, scope);
  }

  @Override
  public BufferedImage picture(int row, LatentCodec of) {
    return pictures.picture(row, of);
  }

  @Override
  public void close() {
    pictures.close();
  }
}
