package dev.ablation.augment;

import com.google.common.base.Preconditions;
import dev.ablation.image.Resampling;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Crops, flips and scales images, as the two published implementations do it. With scaling, two
 * images in three are made smaller and lie somewhere on a grey canvas, the others are made larger
 * and cut; a mask says which latent pixels count, and the target prompt begins with words such as
 * {@code "very small "} or {@code "zoomed in "}.
 *
 * {@snippet class="dev.ablation.Snippets" region="augmentation"}
 *
 * <p>A canvas that is not square, which the published code does not have, is scaled with its own
 * ratio. A place where no latent pixel would count, possible on small canvases, is drawn again; the
 * published code would divide by zero there.
 *
 * @param name for provenance
 * @param fit how an image gets the canvas' ratio
 * @param resampling filter that scales
 * @param flipProbability how often left and right are exchanged, 0 to 1
 * @param scaling which sizes are drawn
 * @param border whether latent pixels at the edge of a pasted image never count, even if it fills
 *     the canvas; small pasted images always have such an edge
 * @param priorAugmented whether images for prior preservation are treated the same way; otherwise
 *     they are flipped and cut from a random place with their ratio kept, and all of them counts
 */
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

  /** Below this share of the canvas an image is called small. */
  private static final double SMALL_SHARE = 0.6;

  /** A place that shows something comes long before. */
  private static final int MOST_DRAWS = 1000;

  private static final int LEVELS = 256;
  private static final float[] SIGNED = new float[LEVELS];

  static {
    for (int level = 0; level < LEVELS; level++) {
      SIGNED[level] = (float) (level / 127.5 - 1);
    }
  }

  /** How an image gets the canvas' ratio of height and width. */
  public enum Fit {
    /** It is stretched. */
    STRETCH,
    /** Its centre is cut out. */
    CENTRE_CROP
  }

  /** Which sizes are drawn. */
  public enum Scaling {
    /** The canvas' own. */
    NONE,
    /**
     * The diffusers variant: with probability 0.66 a share of 1/3 to 1 of the canvas, pasted at a
     * random place; else 1.2 to 1.4, of which a random part is cut out.
     */
    PASTE,
    /**
     * The paper's variant: with probability 2/3 a share of 1/3 to 1, which is pasted if it is below
     * 0.6 and else becomes the canvas' own size; else 1.2 to 1.4, cut.
     */
    PASTE_IF_SMALL
  }

  /** Checks the probability. */
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
   * {@return images as they are; those of another ratio than the canvas' lose their edges; every
   * latent pixel counts}
   */
  public static Augmentation none() {
    return new Augmentation(
        "none", Fit.CENTRE_CROP, Resampling.LANCZOS, 0, Scaling.NONE, false, true);
  }

  /**
   * {@return the variant of the reference implementation for diffusers: stretched by a Lanczos
   * filter, no flip, scaled; the outermost latent pixels never count} Its option {@code --noaug} is
   * {@link #withoutScaling()}, its option {@code --hflip} is {@code flip(0.5)}.
   */
  public static Augmentation diffusers() {
    return new Augmentation(
        "diffusers", Fit.STRETCH, Resampling.LANCZOS, 0, Scaling.PASTE, true, false);
  }

  /**
   * {@return the variant of the paper's own implementation: centre cut out, bicubic filter, every
   * second image flipped, scaled} Its setting {@code aug: False} is {@link #withoutScaling()}.
   */
  public static Augmentation paper() {
    return new Augmentation(
        "paper", Fit.CENTRE_CROP, Resampling.BICUBIC, 0.5, Scaling.PASTE_IF_SMALL, false, true);
  }

  /** {@return a changed copy that draws no sizes} */
  public Augmentation withoutScaling() {
    return new Augmentation(
        name, fit, resampling, flipProbability, Scaling.NONE, border, priorAugmented);
  }

  /**
   * Changes how often left and right are exchanged.
   *
   * @param probability 0 to 1
   * @return a changed copy
   */
  public Augmentation flip(double probability) {
    return new Augmentation(name, fit, resampling, probability, scaling, border, priorAugmented);
  }

  /**
   * {@return whether the pixels of an image that has the canvas' size always stay as they are}
   * Latents of such images need not be made anew.
   */
  public boolean keepsPixels() {
    return flipProbability == 0 && scaling == Scaling.NONE;
  }

  /**
   * Changes an image, drawing size and place.
   *
   * @param image any size
   * @param canvas what the model sees; with scaling or a border at least 3 latent pixels high and
   *     wide
   * @param random the only source of randomness
   * @return the changed image
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
   * Changes an image that stands for what is to be preserved.
   *
   * @param image any size
   * @param canvas what the model sees
   * @param random the only source of randomness
   * @return the changed image
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
   * Checks that something of every image can count.
   *
   * @param canvas what the model sees
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
   * Returns the mask of images whose pixels stay as they are.
   *
   * @param canvas what the model sees
   * @return 1 for each latent pixel that counts, else 0, row by row; {@code null} if all count
   */
  public float @Nullable [] maskOfWhole(Canvas canvas) {
    checkCanvas(canvas);
    return Placement.full(canvas, border).mask(canvas);
  }

  /** {@return everything that shapes the images; names begin with {@code "augmentation"}} */
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

  /** A size at which something of the image can count, wherever it lies. */
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
    return corner; // which drawSize has found to be seen
  }

  private static String prefix(int size, int side, RandomGenerator random) {
    if (size < SMALL_SHARE * side) {
      return SMALL.get(random.nextInt(SMALL.size()));
    }
    return size > side ? LARGE.get(random.nextInt(LARGE.size())) : "";
  }

  /** Scales the image and lays it on a canvas of zeros, which is middle grey. */
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

  /** The smallest size that keeps the ratio and covers the canvas. */
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
