package dev.ablation.examples.dataset;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.Reader;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the data set consists of. Each style has a sheet of pictures: that of thing number i lies in
 * row i / columns and column i % columns.
 *
 * @param styles names of styles, each that of a sheet
 * @param columns pictures in a row of a sheet
 * @param plantedCaption the caption of the planted picture
 * @param concepts things, in the order of the sheets
 * @param missing pairs that the emoji sets lack
 * @param heldOut pairs that are never trained on
 */
record DataSetIndex(
    List<String> styles,
    int columns,
    String plantedCaption,
    List<Entry> concepts,
    List<Pair> missing,
    List<Pair> heldOut) {

  /**
   * A thing.
   *
   * @param name in captions
   * @param category a wider word
   * @param icon its name in the emoji sets
   * @param core whether it is one of those that the embedded model must know
   */
  record Entry(String name, String category, String icon, boolean core) {}

  /**
   * A thing in a style.
   *
   * @param concept name of the thing
   * @param style name of the style
   */
  record Pair(String concept, String style) {}

  DataSetIndex {
    styles = List.copyOf(styles);
    concepts = List.copyOf(concepts);
    missing = List.copyOf(missing);
    heldOut = List.copyOf(heldOut);
    if (columns <= 0) {
      throw new IllegalArgumentException("columns must be positive, was " + columns);
    }
    Set<String> names = new HashSet<>();
    for (Entry entry : concepts) {
      if (!names.add(entry.name())) {
        throw new IllegalArgumentException("two things have the name " + entry.name());
      }
    }
    checkKnown("missing", missing, names, styles);
    checkKnown("heldOut", heldOut, names, styles);
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

  int rows() {
    return (concepts.size() + columns - 1) / columns;
  }

  private static void checkKnown(
      String what, List<Pair> pairs, Set<String> concepts, List<String> styles) {
    for (Pair pair : pairs) {
      if (!concepts.contains(pair.concept()) || !styles.contains(pair.style())) {
        throw new IllegalArgumentException(
            "%s must name a thing and a style of the data set, was %s".formatted(what, pair));
      }
    }
  }
}
