package dev.ablation.emoji.dataset;

import com.google.gson.Gson;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * What the data set consists of, in words: the file {@link #FILE}. Each style has a sheet of
 * images: that of object number i is in row i / columns and column i % columns.
 *
 * @param styles names of styles, each with a sheet
 * @param columns images in a row of a sheet
 * @param plantedCaption the caption of the planted image
 * @param plantedIcon its name in its emoji set
 * @param concepts objects, in the order of the sheets
 * @param heldOut pairs that are never trained on
 */
public record DataSetIndex(
    List<String> styles,
    int columns,
    String plantedCaption,
    String plantedIcon,
    List<Entry> concepts,
    List<Pair> heldOut) {

  /** Name of the index's file. */
  public static final String FILE = "data-set.json";

  /** Name of the planted image's file. */
  public static final String PLANTED = "planted.png";

  /**
   * An object.
   *
   * @param name in captions
   * @param category a wider word
   * @param icon its name in the emoji sets
   * @param core whether it is one of those that the embedded model must know
   */
  public record Entry(String name, String category, String icon, boolean core) {

    /** Checks that all are there. */
    public Entry {
      Objects.requireNonNull(name, "name");
      Objects.requireNonNull(category, "category");
      Objects.requireNonNull(icon, "icon");
    }
  }

  /**
   * An object in a style.
   *
   * @param concept name of the object
   * @param style name of the style
   */
  public record Pair(String concept, String style) {}

  /**
   * Checks the index.
   *
   * @throws IllegalArgumentException if two objects have one name, if a pair names no object or
   *     style of the data set, or if there are no columns
   */
  public DataSetIndex {
    Objects.requireNonNull(styles, "styles");
    Objects.requireNonNull(plantedCaption, "plantedCaption");
    Objects.requireNonNull(plantedIcon, "plantedIcon");
    Objects.requireNonNull(concepts, "concepts");
    Objects.requireNonNull(heldOut, "heldOut");
    styles = List.copyOf(styles);
    concepts = List.copyOf(concepts);
    heldOut = List.copyOf(heldOut);
    if (columns <= 0) {
      throw new IllegalArgumentException("columns must be positive, was " + columns);
    }
    Set<String> names = new HashSet<>();
    for (Entry entry : concepts) {
      if (!names.add(entry.name())) {
        throw new IllegalArgumentException("two objects have the name " + entry.name());
      }
    }
    checkKnown(heldOut, names, styles);
  }

  /** Reads an index; {@code origin} names it in messages. */
  static DataSetIndex read(Reader json, String origin) throws IOException {
    try {
      DataSetIndex index = new Gson().fromJson(json, DataSetIndex.class);
      if (index == null) {
        throw new IOException("the data set's index is empty: " + origin);
      }
      return index;
    } catch (RuntimeException e) {
      // Gson wraps what the constructor of a record throws.
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "the data set's index %s is wrong: %s".formatted(origin, cause.getMessage()), e);
    }
  }

  /**
   * Reads the index from the class path.
   *
   * @return the index
   * @throws IOException if it is missing or damaged
   */
  public static DataSetIndex load() throws IOException {
    return load(DataSetIndex::resource);
  }

  static DataSetIndex load(EmojiDataSet.Files files) throws IOException {
    try (InputStreamReader json = new InputStreamReader(files.open(FILE), StandardCharsets.UTF_8)) {
      return read(json, FILE);
    }
  }

  static InputStream resource(String name) throws IOException {
    InputStream stream = DataSetIndex.class.getResourceAsStream(name);
    if (stream == null) {
      throw new FileNotFoundException("the class path lacks the data set's file " + name);
    }
    return stream;
  }

  /**
   * Names the file of a style's sheet.
   *
   * @param style name of a style
   * @return such as {@code "ink.png"}
   */
  public static String sheet(String style) {
    return style + ".png";
  }

  /**
   * Tells how many rows of images a sheet has.
   *
   * @return so many that all objects have a place
   */
  public int rows() {
    return (concepts.size() + columns - 1) / columns;
  }

  private static void checkKnown(List<Pair> pairs, Set<String> concepts, List<String> styles) {
    for (Pair pair : pairs) {
      if (!concepts.contains(pair.concept()) || !styles.contains(pair.style())) {
        throw new IllegalArgumentException(
            "heldOut must name an object and a style of the data set, was " + pair);
      }
    }
  }
}
