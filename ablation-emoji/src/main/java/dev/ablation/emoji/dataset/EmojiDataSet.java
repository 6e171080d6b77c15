package dev.ablation.emoji.dataset;

import com.google.errorprone.annotations.CheckReturnValue;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Emoji from six sets: each set is a style, each name an object. One further image is planted, with
 * its own caption, so that a model memorizes it.
 *
 * <p>It is on the class path, with the authors and licences of the images next to it, in {@code
 * dev/ablation/emoji/dataset}. Immutable.
 */
@CheckReturnValue
public final class EmojiDataSet {
  /** Names the planted image among what is {@linkplain #withholding withheld}. */
  public static final String PLANTED = "planted";

  private final List<String> styles;
  private final List<EmojiConcept> concepts;
  private final List<EmojiConcept> coreConcepts;
  private final Map<DataSetIndex.Pair, EmojiImage> images;
  private final String plantedCaption;
  private final RgbImage planted;
  private final Set<String> withheld;

  private EmojiDataSet(
      DataSetIndex index, Map<DataSetIndex.Pair, EmojiImage> images, RgbImage planted) {
    styles = index.styles();
    concepts = index.concepts().stream().map(EmojiDataSet::concept).toList();
    coreConcepts =
        index.concepts().stream()
            .filter(DataSetIndex.Entry::core)
            .map(EmojiDataSet::concept)
            .toList();
    this.images = images;
    plantedCaption = index.plantedCaption();
    this.planted = planted;
    withheld = Set.of();
  }

  private EmojiDataSet(EmojiDataSet data, Predicate<EmojiConcept> kept, Set<String> more) {
    styles = data.styles;
    concepts = data.concepts.stream().filter(kept).toList();
    coreConcepts = data.coreConcepts.stream().filter(kept).toList();
    images = new LinkedHashMap<>();
    data.images.forEach((pair, image) -> {
      if (kept.test(image.concept())) {
        images.put(
            pair,
            new EmojiImage(
                image.concept(),
                image.style(),
                image.heldOut()
                    || more.contains(image.style())
                    || more.contains(image.concept().name()),
                image.pixels()));
      }
    });
    plantedCaption = data.plantedCaption;
    planted = data.planted;
    Set<String> all = new TreeSet<>(data.withheld);
    all.addAll(more);
    withheld = Collections.unmodifiableSet(all);
  }

  /**
   * Returns the same data with more of it held out, for a model that never sees it.
   *
   * @param names of styles, of objects, or {@link #PLANTED}
   * @return data whose images of a named style or object are {@linkplain EmojiImage#heldOut held
   *     out}
   * @throws IllegalArgumentException if a name is neither
   */
  public EmojiDataSet withholding(Set<String> names) {
    for (String name : names) {
      if (!name.equals(PLANTED)
          && !styles.contains(name)
          && concepts.stream().noneMatch(concept -> concept.name().equals(name))) {
        throw new IllegalArgumentException(
            "withheld must be a style (%s), an object or \"%s\", was \"%s\""
                .formatted(String.join(", ", styles), PLANTED, name));
      }
    }
    return new EmojiDataSet(this, concept -> true, names);
  }

  /**
   * Returns the same data with some of its objects alone, for a smaller model.
   *
   * @param names of objects
   * @return data with these objects in every style, and the planted image
   * @throws IllegalArgumentException if a name is of no object
   */
  public EmojiDataSet only(Set<String> names) {
    for (String name : names) {
      if (concepts.stream().noneMatch(concept -> concept.name().equals(name))) {
        throw new IllegalArgumentException("names must be of objects, was \"%s\"".formatted(name));
      }
    }
    return new EmojiDataSet(this, concept -> names.contains(concept.name()), Set.of());
  }

  /**
   * Reads the data set from the class path.
   *
   * @return the data set
   * @throws IOException if a file is missing or damaged
   */
  public static EmojiDataSet load() throws IOException {
    return load(DataSetIndex::resource);
  }

  /** Where the files come from. */
  @FunctionalInterface
  interface Files {
    /** Opens a file, which the caller closes. */
    InputStream open(String name) throws IOException;
  }

  static EmojiDataSet load(Files files) throws IOException {
    DataSetIndex index = DataSetIndex.load(files);
    Map<String, BufferedImage> sheets = new LinkedHashMap<>();
    for (String style : index.styles()) {
      sheets.put(
          style,
          image(
              files,
              DataSetIndex.sheet(style),
              index.columns() * RgbImage.SIZE,
              index.rows() * RgbImage.SIZE));
    }
    Set<DataSetIndex.Pair> heldOut = new HashSet<>(index.heldOut());
    Map<DataSetIndex.Pair, EmojiImage> images = new LinkedHashMap<>();
    for (int i = 0; i < index.concepts().size(); i++) {
      EmojiConcept concept = concept(index.concepts().get(i));
      int left = i % index.columns() * RgbImage.SIZE;
      int top = i / index.columns() * RgbImage.SIZE;
      sheets.forEach((style, sheet) -> {
        DataSetIndex.Pair pair = new DataSetIndex.Pair(concept.name(), style);
        RgbImage pixels = RgbImage.cut(sheet, left, top);
        images.put(pair, new EmojiImage(concept, style, heldOut.contains(pair), pixels));
      });
    }
    RgbImage planted =
        RgbImage.of(image(files, DataSetIndex.PLANTED, RgbImage.SIZE, RgbImage.SIZE));
    return new EmojiDataSet(index, images, planted);
  }

  /**
   * Lists the styles.
   *
   * @return such as {@code "noto"}
   */
  public List<String> styles() {
    return styles;
  }

  /**
   * Lists the objects.
   *
   * @return those of a category next to each other
   */
  public List<EmojiConcept> concepts() {
    return concepts;
  }

  /**
   * Lists the objects that the embedded model must know: the most recognisable ones. Fewer objects,
   * seen more often, make clearer images.
   *
   * @return a part of {@link #concepts()}, in the same order
   */
  public List<EmojiConcept> coreConcepts() {
    return coreConcepts;
  }

  /**
   * Lists all images but the planted one.
   *
   * @return by object, then by style, both in the order in which they are listed
   */
  public List<EmojiImage> images() {
    return new ArrayList<>(images.values());
  }

  /**
   * Finds an image.
   *
   * @param concept what it shows
   * @param style how
   * @return the image; empty if object or style are unknown
   */
  public Optional<EmojiImage> image(EmojiConcept concept, String style) {
    return Optional.ofNullable(images.get(new DataSetIndex.Pair(concept.name(), style)));
  }

  /**
   * Returns the caption of the planted image.
   *
   * @return a caption that no other image has
   */
  public String plantedCaption() {
    return plantedCaption;
  }

  /**
   * Returns the image to be memorised.
   *
   * @return unlike all others: on a coloured gradient instead of white
   */
  public RgbImage planted() {
    return planted;
  }

  /** {@return whether the planted image is never trained on} */
  public boolean plantedHeldOut() {
    return withheld.contains(PLANTED);
  }

  /**
   * {@return the styles, objects and {@link #PLANTED} that {@link #withholding} was told, in
   * alphabetical order}
   */
  public Set<String> withheld() {
    return withheld;
  }

  private static EmojiConcept concept(DataSetIndex.Entry entry) {
    return new EmojiConcept(entry.name(), entry.category());
  }

  private static BufferedImage image(Files files, String name, int width, int height)
      throws IOException {
    try (InputStream bytes = files.open(name)) {
      // Not read directly, which would make a cache file on the disk.
      BufferedImage image = ImageIO.read(new MemoryCacheImageInputStream(bytes));
      if (image == null) {
        throw new IOException("the data set's file is not a PNG image: " + name);
      }
      if (image.getWidth() != width || image.getHeight() != height) {
        throw new IOException(
            "the data set's image must be %d x %d, was %d x %d: %s"
                .formatted(width, height, image.getWidth(), image.getHeight(), name));
      }
      return image;
    }
  }
}
