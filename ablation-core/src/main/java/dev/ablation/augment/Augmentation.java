package dev.ablation.augment;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.image.Resampling;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Crops, flips and scales images, as in the two published implementations. With scaling, two thirds
 * of the images are made smaller and pasted at a random place on a gray canvas; the others are made
 * larger and cropped. A mask marks the latent pixels that count, and the target prompt begins with
 * words such as {@code "very small "} or {@code "zoomed in "}.
 *
 * {@snippet class="dev.ablation.Snippets" region="augmentation"}
 *
 * <p>On a canvas that is not square, which the published code does not support, scaled images keep
 * the canvas's aspect ratio. On small canvases a place may leave no latent pixel that counts; such
 * a place is sampled again, where the published code would divide by zero.
 *
 * @param name name for provenance
 * @param fit how an image gets the canvas's aspect ratio
 * @param resampling resampling filter for scaling
 * @param flipProbability probability of a horizontal flip, 0 to 1
 * @param scaling how sizes are sampled
 * @param border whether the latent pixels at the edge of an image that fills the canvas are masked
 *     out; those at the edge of a smaller pasted image always are
 * @param priorAugmented whether images for prior preservation are augmented the same way; otherwise
 *     they are flipped and cropped at a random place with their aspect ratio kept, without a mask
 */
@CheckReturnValue
public record Augmentation(
    String name,
    Fit fit,
    Resampling resampling,
    double flipProbability,
    Scaling scaling,
    boolean border,
    boolean priorAugmented) {
  private static final List<String> SMALL = List.of("a far away ", "very small ");
  private static final List<String> LARGE = List.of("zoomed in ", "close up ");

  /** An image below this share of the canvas is called small. */
  private static final double SMALL_SHARE = 0.6;

  /** A valid place is found long before this many attempts. */
  private static final int MOST_DRAWS = 1000;

  private static final int LEVELS = 256;
  private static final float[] SIGNED = new float[LEVELS];

  static {
    for (int level = 0; level < LEVELS; level++) {
      SIGNED[level] = (float) (level / 127.5 - 1);
    }
  }

  /** How an image gets the canvas's aspect ratio. */
  public enum Fit {
    /** Stretches the image. */
    STRETCH,
    /** Crops the center. */
    CENTRE_CROP
  }

  /** How sizes are sampled. */
  public enum Scaling {
    /** Always the canvas's size. */
    NONE,
    /**
     * The diffusers variant: with probability 0.66 a share of 1/3 to 1 of the canvas, pasted at a
     * random place; else a share of 1.2 to 1.4, cropped at a random place.
     */
    PASTE,
    /**
     * The paper's variant: with probability 2/3 a share of 1/3 to 1, which is pasted if it is below
     * 0.6 and else replaced by the canvas's size; else a share of 1.2 to 1.4, cropped.
     */
    PASTE_IF_SMALL
  }

  /** Checks the name and the probability. */
  public Augmentation {
    Preconditions.checkArgument(!name.isBlank(), "name of an augmentation must not be blank");
    Objects.requireNonNull(fit, "fit");
    Objects.requireNonNull(resampling, "resampling");
    Objects.requireNonNull(scaling, "scaling");
    Preconditions.checkArgument(
        flipProbability >= 0 && flipProbability <= 1,
        "flipProbability must be from 0 to 1, was %s",
        flipProbability);
  }

  /**
   * {@return no augmentation: images with another aspect ratio than the canvas are center-cropped;
   * every latent pixel counts}
   */
  public static Augmentation none() {
    return new Augmentation(
        "none", Fit.CENTRE_CROP, Resampling.LANCZOS, 0, Scaling.NONE, false, true);
  }

  /**
   * {@return the variant of the reference implementation for diffusers: stretching with a Lanczos
   * filter, no flip, scaling; the outermost latent pixels never count} Its option {@code --noaug}
   * corresponds to {@link #withoutScaling()}, its option {@code --hflip} to {@code flip(0.5)}.
   */
  public static Augmentation diffusers() {
    return new Augmentation(
        "diffusers", Fit.STRETCH, Resampling.LANCZOS, 0, Scaling.PASTE, true, false);
  }

  /**
   * {@return the variant of the paper's own implementation: center crop, bicubic filter, flips with
   * probability 0.5, scaling} Its setting {@code aug: False} corresponds to {@link
   * #withoutScaling()}.
   */
  public static Augmentation paper() {
    return new Augmentation(
        "paper", Fit.CENTRE_CROP, Resampling.BICUBIC, 0.5, Scaling.PASTE_IF_SMALL, false, true);
  }

  /** {@return a copy that does not change the size of images} */
  public Augmentation withoutScaling() {
    return new Augmentation(
        name, fit, resampling, flipProbability, Scaling.NONE, border, priorAugmented);
  }

  /**
   * Changes the probability of a horizontal flip.
   *
   * @param probability 0 to 1
   * @return a copy with the given probability
   */
  public Augmentation flip(double probability) {
    return new Augmentation(name, fit, resampling, probability, scaling, border, priorAugmented);
  }

  /**
   * {@return whether the pixels of an image of the canvas's size never change} The latents of such
   * images can be reused.
   */
  public boolean keepsPixels() {
    return flipProbability == 0 && scaling == Scaling.NONE;
  }

  /**
   * Augments an image with a random size and place.
   *
   * @param image an image of any size
   * @param canvas the model's input; with scaling or a border at least 3 x 3 latent pixels
   * @param random the only source of randomness
   * @return the augmented image
   * @throws IllegalArgumentException if the canvas is too small
   */
  public AugmentedImage apply(BufferedImage image, Canvas canvas, RandomGenerator random) {
    checkCanvas(canvas);
    BufferedImage fitted = fit == Fit.STRETCH ? image : centre(image, canvas);
    if (isFlipped(random)) {
      fitted = flipped(fitted);
    }
    int side = Math.min(canvas.height(), canvas.width());
    int size = scaling == Scaling.NONE ? side : drawSize(side, canvas, random);
    Placement placement = place(size, canvas, random);
    return new AugmentedImage(
        render(fitted, placement, canvas), placement.mask(canvas), prefix(size, side, random));
  }

  /**
   * Augments an image for prior preservation.
   *
   * @param image an image of any size
   * @param canvas the model's input
   * @param random the only source of randomness
   * @return the augmented image
   */
  public AugmentedImage applyToPrior(BufferedImage image, Canvas canvas, RandomGenerator random) {
    if (priorAugmented) {
      return apply(image, canvas, random);
    }
    BufferedImage fitted = isFlipped(random) ? flipped(image) : image;
    Placement covering = covering(fitted, canvas);
    Placement placement =
        new Placement(
            covering.height(),
            covering.width(),
            random.nextInt(covering.height() - canvas.height() + 1),
            random.nextInt(covering.width() - canvas.width() + 1),
            false);
    return new AugmentedImage(render(fitted, placement, canvas), null, "");
  }

  /**
   * Checks that every image can have latent pixels that count.
   *
   * @param canvas the model's input
   * @throws IllegalArgumentException if it is too small
   */
  public void checkCanvas(Canvas canvas) {
    boolean masks = border || scaling != Scaling.NONE;
    Preconditions.checkArgument(
        !masks || (canvas.latentHeight() > 2 && canvas.latentWidth() > 2),
        "latents must be at least 3 x 3 for augmentation '%s', were %s x %s",
        name,
        canvas.latentHeight(),
        canvas.latentWidth());
  }

  /**
   * Returns the mask of images whose pixels never change.
   *
   * @param canvas the model's input
   * @return 1 for each latent pixel that counts, else 0, row by row; {@code null} if all count
   */
  public float @Nullable [] maskOfWhole(Canvas canvas) {
    checkCanvas(canvas);
    return Placement.full(canvas, border).mask(canvas);
  }

  /**
   * {@return everything that determines the augmented images; names begin with {@code
   * "augmentation"}}
   */
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("augmentation", name);
    settings.put("augmentation.fit", fit.name());
    settings.put("augmentation.resampling", resampling.name());
    settings.put("augmentation.flipProbability", Double.toString(flipProbability));
    settings.put("augmentation.scaling", scaling.name());
    settings.put("augmentation.border", Boolean.toString(border));
    settings.put("augmentation.priorAugmented", Boolean.toString(priorAugmented));
    return settings;
  }

  private boolean isFlipped(RandomGenerator random) {
    return flipProbability > 0 && random.nextDouble() < flipProbability;
  }

  /** A size at which some latent pixels can count, wherever the image is placed. */
  private int drawSize(int side, Canvas canvas, RandomGenerator random) {
    for (int draw = 0; draw < MOST_DRAWS; draw++) {
      int size = drawAnySize(side, random);
      Placement first = scaled(size, canvas);
      if (first.isSeen(canvas)) {
        return size;
      }
    }
    return side;
  }

  private int drawAnySize(int side, RandomGenerator random) {
    boolean smaller = scaling == Scaling.PASTE ? random.nextDouble() < 0.66 : random.nextInt(3) < 2;
    int size =
        smaller
            ? random.nextInt(side / 3, side + 1)
            : random.nextInt(
                (int) (1.2 * side), Math.max((int) (1.2 * side) + 1, (int) (1.4 * side)));
    if (scaling == Scaling.PASTE) {
      return size;
    }
    size += size % 2;
    return size >= SMALL_SHARE * side && size <= side ? side : size;
  }

  private Placement scaled(int size, Canvas canvas) {
    int side = Math.min(canvas.height(), canvas.width());
    int height = (int) ((2L * size * canvas.height() + side) / (2L * side));
    int width = (int) ((2L * size * canvas.width() + side) / (2L * side));
    return new Placement(height, width, 0, 0, border || size < side);
  }

  private Placement place(int size, Canvas canvas, RandomGenerator random) {
    Placement corner = scaled(size, canvas);
    int rows = Math.abs(canvas.height() - corner.height());
    int columns = Math.abs(canvas.width() - corner.width());
    for (int draw = 0; draw < MOST_DRAWS; draw++) {
      Placement placement =
          new Placement(
              corner.height(),
              corner.width(),
              random.nextInt(rows + 1),
              random.nextInt(columns + 1),
              corner.border());
      if (placement.isSeen(canvas)) {
        return placement;
      }
    }
    return corner; // drawSize checked that pixels count here
  }

  private static String prefix(int size, int side, RandomGenerator random) {
    if (size < SMALL_SHARE * side) {
      return SMALL.get(random.nextInt(SMALL.size()));
    }
    return size > side ? LARGE.get(random.nextInt(LARGE.size())) : "";
  }

  /** Scales the image and places it on a canvas of zeros, which is medium gray. */
  float[] render(BufferedImage image, Placement placement, Canvas canvas) {
    int height = placement.height();
    int width = placement.width();
    BufferedImage scaled = resampling.resize(image, width, height);
    int[] pixels = scaled.getRGB(0, 0, width, height, null, 0, width);
    int plane = canvas.height() * canvas.width();
    float[] values = new float[3 * plane];
    boolean cut = placement.isCut(canvas);
    int rows = Math.min(height, canvas.height());
    int columns = Math.min(width, canvas.width());
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        int from =
            cut
                ? (placement.top() + row) * width + placement.left() + column
                : row * width + column;
        int to =
            cut
                ? row * canvas.width() + column
                : (placement.top() + row) * canvas.width() + placement.left() + column;
        values[to] = SIGNED[(pixels[from] >> 16) & 0xff];
        values[plane + to] = SIGNED[(pixels[from] >> 8) & 0xff];
        values[2 * plane + to] = SIGNED[pixels[from] & 0xff];
      }
    }
    return values;
  }

  private static BufferedImage centre(BufferedImage image, Canvas canvas) {
    int height = image.getHeight();
    int width = image.getWidth();
    long wide = (long) width * canvas.height();
    long high = (long) height * canvas.width();
    int newHeight = wide >= high ? height : Math.max(1, (int) (wide / canvas.width()));
    int newWidth = wide >= high ? Math.max(1, (int) (high / canvas.height())) : width;
    return image.getSubimage((width - newWidth) / 2, (height - newHeight) / 2, newWidth, newHeight);
  }

  /** The smallest size that keeps the aspect ratio and covers the canvas. */
  private static Placement covering(BufferedImage image, Canvas canvas) {
    long height = image.getHeight();
    long width = image.getWidth();
    boolean wide = width * canvas.height() >= height * canvas.width();
    return wide
        ? new Placement(canvas.height(), (int) (width * canvas.height() / height), 0, 0, false)
        : new Placement((int) (height * canvas.width() / width), canvas.width(), 0, 0, false);
  }

  private static BufferedImage flipped(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    int[] row = new int[width];
    int[] mirrored = new int[width];
    BufferedImage result = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      image.getRGB(0, y, width, 1, row, 0, width);
      for (int x = 0; x < width; x++) {
        mirrored[x] = row[width - 1 - x];
      }
      result.setRGB(0, y, width, 1, mirrored, 0, width);
    }
    return result;
  }
}
