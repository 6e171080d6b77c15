package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.augment.Augmentation;
import dev.ablation.augment.Canvas;
import dev.ablation.concept.Concept;
import dev.ablation.image.ImageFile;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.random.RandomGenerator;

/**
 * Anchor images from the user's files, see {@link AnchorStrategy#images(String,
 * java.nio.file.Path)}. Without an augmentation, each image is cropped to the model's aspect ratio,
 * scaled and encoded once, sampling the posterior. With one, it is augmented and encoded each time
 * training uses it.
 *
 * @param name the anchor's name
 * @param captioned the files and their captions, at least one
 * @param sha256 hash of the files' contents and the captions, for provenance
 */
@CheckReturnValue
public record ImageAnchors(String name, List<CaptionedImage> captioned, String sha256)
    implements AnchorStrategy {

  /** Checks that there is at least one image. */
  public ImageAnchors {
    Preconditions.checkArgument(!name.isBlank(), "name of an anchor must not be blank");
    name = name.strip();
    captioned = List.copyOf(captioned);
    Preconditions.checkArgument(!captioned.isEmpty(), "images must not be empty");
  }

  static ImageAnchors of(String name, List<CaptionedImage> images) throws IOException {
    Problems problems = new Problems();
    Hasher all = Hashing.sha256().newHasher();
    for (CaptionedImage image : images) {
      try {
        byte[] bytes = ImageFile.bytes(image.file());
        ImageFile.check(bytes, image.file());
        all.putBytes(Hashing.sha256().hashBytes(bytes).asBytes());
        all.putInt(image.caption().length()).putString(image.caption(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        problems.add(String.valueOf(e.getMessage()));
      }
    }
    problems.check();
    return new ImageAnchors(name, images, all.hash().toString());
  }

  @Override
  public List<String> prompts(Concept target) {
    return captioned.stream().map(CaptionedImage::caption).distinct().toList();
  }

  @Override
  public int images() {
    return captioned.size();
  }

  @Override
  public ImageAnchors sample(Concept target, int images) {
    return images >= captioned.size()
        ? this
        : new ImageAnchors(name, EvenSubset.over(captioned, images), sha256);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>();
    settings.put("anchor.name", name);
    settings.put("anchor.images", Integer.toString(captioned.size()));
    settings.put("anchor.prompts", Integer.toString(prompts(target).size()));
    settings.put("anchor.pictures.sha256", sha256);
    return settings;
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return prepare(model, target, context, Augmentation.none());
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation augmentation)
      throws IOException {
    LatentCodec codec = AugmentedSource.codec(model);
    Canvas canvas = AugmentedSource.canvas(model, codec);
    augmentation.checkCanvas(canvas);
    checkImages(context);
    AugmentedSource source = AugmentedSource.of(new ImageFiles(captioned), augmentation, model);
    if (!augmentation.keepsPixels() || !augmentation.priorAugmented()) {
      return new AnchorSet(source, captions());
    }
    // The pixels are the same each time, so encode them once.
    AnchorSet encoded = new AnchorSet(encoded(source, model, context), captions());
    return AugmentedSource.augmented(encoded, augmentation, model);
  }

  private NDArray encoded(AugmentedSource source, DiffusionModel model, AnchorContext context) {
    NDList latents = new NDList();
    try (NDManager scope = model.newScope()) {
      for (int i = 0; i < captioned.size(); i++) {
        checkCancelled(context);
        RandomGenerator random = RandomStreams.stream(context.seed(), "anchor-posterior", i);
        latents.add(source.draw(new int[] {i}, random, scope).latents());
        context.progress(i + 1L, captioned.size(), false);
      }
      NDArray all = latents.size() == 1 ? latents.get(0) : NDArrays.concat(latents, 0);
      all.attach(model.manager());
      return all;
    }
  }

  private List<String> captions() {
    return captioned.stream().map(CaptionedImage::caption).toList();
  }

  /**
   * Decodes every image before training, since damaged pixel data shows only when an image is
   * decoded.
   */
  private void checkImages(AnchorContext context) throws IOException {
    Problems problems = new Problems();
    for (CaptionedImage image : captioned) {
      checkCancelled(context);
      try {
        ImageFile.read(image.file());
      } catch (IOException e) {
        problems.add(String.valueOf(e.getMessage()));
      }
    }
    problems.check();
  }

  private static void checkCancelled(AnchorContext context) {
    if (context.cancelled()) {
      throw new CancellationException("reading the anchor images was cancelled");
    }
  }
}
