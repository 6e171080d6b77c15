package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * Anchor images, each with its prompt. Training draws some of them for each step, as latents that
 * are kept or as images that are changed and encoded anew each time. Owns what it draws from.
 */
public final class AnchorSet implements AutoCloseable {
  private final AnchorSource source;
  private final List<String> prompts;

  /**
   * Creates a set of images whose latents are kept as they are.
   *
   * @param latents shape (n, C, H, W), float32, as the denoising network works on them; closed with
   *     the set
   * @param prompts n prompts, at least one
   * @throws IllegalArgumentException if there is not one prompt an image
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
   * Creates a set of images that come from elsewhere.
   *
   * @param source of as many images as there are prompts; closed with the set
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

  /** {@return how many images there are} */
  public int size() {
    return prompts.size();
  }

  /**
   * Returns the latents of a set that keeps them.
   *
   * @return shape (n, C, H, W); stay the set's
   * @throws IllegalStateException if the set draws images anew each time
   */
  public NDArray latents() {
    if (source instanceof CachedLatents kept) {
      return kept.latents();
    }
    throw new IllegalStateException("the set draws its images anew each time; it has no latents");
  }

  /** {@return whether {@link #latents()} has an answer} */
  public boolean keepsLatents() {
    return source instanceof CachedLatents;
  }

  /**
   * Draws images for pairs of an anchor prompt and a target prompt.
   *
   * @param rows numbers of images, at least one; one may stand twice
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order asked for
   */
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return source.draw(rows, random, scope);
  }

  /**
   * Draws images for prior preservation.
   *
   * @param rows numbers of images, at least one; one may stand twice
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order asked for
   */
  public AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return source.drawPrior(rows, random, scope);
  }

  /**
   * Returns an image as it is before any augmentation.
   *
   * @param row number of the image
   * @param codec of the model
   * @return the image
   */
  public BufferedImage image(int row, LatentCodec codec) {
    return source.image(row, codec);
  }

  /**
   * Keeps some of the images.
   *
   * @param rows their numbers, at least one
   * @return the set that takes this one's place; closing it is enough
   */
  public AnchorSet select(int[] rows) {
    return new AnchorSet(
        new SelectedSource(source, rows.clone()),
        Arrays.stream(rows).mapToObj(prompts::get).toList());
  }

  /**
   * Adds the images of another set.
   *
   * @param other set of the same model
   * @return the set that takes the place of both; closing it is enough
   */
  public AnchorSet join(AnchorSet other) {
    List<String> all = new ArrayList<>(prompts);
    all.addAll(other.prompts);
    return new AnchorSet(new JoinedSource(source, size(), other.source), all);
  }

  AnchorSource source() {
    return source;
  }

  /** Frees what the set draws from. */
  @Override
  public void close() {
    source.close();
  }
}
