package dev.ablation.emoji.dataset.rebuild;

import com.google.gson.Gson;
import dev.ablation.emoji.dataset.DataSetIndex;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Which emoji sets the images are from. Each set is published twice with the same icons: in a Maven
 * artifact that has all sets, and in a separate npm package.
 *
 * @param artifact group, artifact and version of the Maven artifact
 * @param artifactFolder where the sets are in it
 * @param sources the sets, in the order of the styles, the planted image's last
 */
record SourceManifest(String artifact, String artifactFolder, List<Source> sources) {
  static final String FILE = "sources.json";

  /** Stands in the place of a style for the planted image. */
  static final String PLANTED = "planted";

  /** How a set's icons become images. */
  enum Treatment {
    /** Drawn as they are, on white. */
    ON_WHITE,
    /** One-coloured icons, drawn white on blue. */
    WHITE_ON_BLUE,
    /** Drawn on a gradient from orange to purple. */
    ON_GRADIENT
  }

  /**
   * A set.
   *
   * @param style that its images have in the data set; the planted image's is "planted"
   * @param title of the set
   * @param author of the set
   * @param link where the author publishes it
   * @param licence SPDX identifier
   * @param change what was changed
   * @param treatment how images are made of it
   * @param set its name in the Maven artifact
   * @param setSha256 of its file there, hexadecimal
   * @param npmPackage its npm package, after {@code @iconify-json/}
   * @param npmVersion of the package
   * @param npmSha256 of the package's {@code icons.json}, hexadecimal
   */
  record Source(
      String style,
      String title,
      String author,
      String link,
      String licence,
      String change,
      Treatment treatment,
      String set,
      String setSha256,
      String npmPackage,
      String npmVersion,
      String npmSha256) {}

  SourceManifest {
    sources = List.copyOf(sources);
  }

  /** Reads the manifest from the class path, next to the images. */
  static SourceManifest load() throws IOException {
    InputStream json = DataSetIndex.class.getResourceAsStream(FILE);
    if (json == null) {
      throw new FileNotFoundException("the class path lacks the data set's file " + FILE);
    }
    return read(json);
  }

  /** Reads a manifest and closes the stream. */
  static SourceManifest read(InputStream json) throws IOException {
    try (InputStreamReader text = new InputStreamReader(json, StandardCharsets.UTF_8)) {
      return new Gson().fromJson(text, SourceManifest.class);
    }
  }

  Source ofStyle(String style) throws IOException {
    return sources.stream()
        .filter(source -> source.style().equals(style))
        .findFirst()
        .orElseThrow(() -> new IOException(FILE + " lacks a set for the style " + style));
  }
}
