package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * Anchor images, each with its prompt. Training samples from them at each step: either fixed
 * latents, or images that are augmented and encoded again each time. The set owns its source.
 */
@CheckReturnValue
public final class AnchorSet implements AutoCloseable {
  private final AnchorSource source;
  private final List<String> prompts;

  /**
   * Creates a set of fixed latents.
   *
   * @param latents shape (n, C, H, W), float32, as input to the denoising network; closed with the
   *     set
   * @param prompts n prompts, at least one
   * @throws IllegalArgumentException if the numbers of latents and prompts differ
   */
  public AnchorSet(NDArray latents, List<String> prompts) {
    this(new CachedLatents(latents), prompts);
    Preconditions.checkArgument(
        latents.getShape().dimension() == 4 && latents.getShape().get(0) == prompts.size(),
        "latents: expected (%s, C, H, W), was %s",
        prompts.size(),
        latents.getShape());
  }

  /**
   * Creates a set from another source.
   *
   * @param source a source with as many images as there are prompts; closed with the set
   * @param prompts the prompt of each image, at least one
   */
  public AnchorSet(AnchorSource source, List<String> prompts) {
    this.source = Objects.requireNonNull(source, "source");
    this.prompts = List.copyOf(prompts);
    Preconditions.checkArgument(!prompts.isEmpty(), "anchor set must not be empty");
  }

  /** {@return the prompt of each image} */
  public List<String> prompts() {
    return prompts;
  }

  /** {@return the number of images} */
  public int size() {
    return prompts.size();
  }

  /**
   * Returns the latents of a set with fixed latents.
   *
   * @return shape (n, C, H, W); owned by the set
   * @throws IllegalStateException if the set encodes its images again each time
   */
  public NDArray latents() {
    if (source instanceof CachedLatents kept) {
      return kept.latents();
    }
    throw new IllegalStateException(
        "the set encodes its images again each time; it has no fixed latents");
  }

  /** {@return whether the set has fixed latents} */
  public boolean keepsLatents() {
    return source instanceof CachedLatents;
  }

  /**
   * Returns images for training on target and anchor prompts.
   *
   * @param rows indices of the images, at least one; repetitions are allowed
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order of {@code rows}
   */
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return source.draw(rows, random, scope);
  }

  /**
   * Returns images for prior preservation.
   *
   * @param rows indices of the images, at least one; repetitions are allowed
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order of {@code rows}
   */
  public AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return source.drawPrior(rows, random, scope);
  }

  /**
   * Returns an image before any augmentation.
   *
   * @param row index of the image
   * @param codec the model's codec
   * @return the image
   */
  public BufferedImage image(int row, LatentCodec codec) {
    return source.image(row, codec);
  }

  /**
   * Selects some of the images.
   *
   * @param rows their indices, at least one
   * @return the selection; it takes over this set, so close only the selection
   */
  public AnchorSet select(int[] rows) {
    return new AnchorSet(
        new SelectedSource(source, rows.clone()),
        Arrays.stream(rows).mapToObj(prompts::get).toList());
  }

  /**
   * Joins this set and another.
   *
   * @param other a set of the same model
   * @return the joined set; it takes over both sets, so close only the joined one
   */
  public AnchorSet join(AnchorSet other) {
    List<String> all = new ArrayList<>(prompts);
    all.addAll(other.prompts);
    return new AnchorSet(new JoinedSource(source, size(), other.source), all);
  }

  AnchorSource source() {
    return source;
  }

  /** Closes the source. */
  @Override
  public void close() {
    source.close();
  }
}
