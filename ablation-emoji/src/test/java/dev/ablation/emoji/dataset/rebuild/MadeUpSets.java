package dev.ablation.emoji.dataset.rebuild;

import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.rebuild.SourceManifest.Source;
import dev.ablation.emoji.dataset.rebuild.SourceManifest.Treatment;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;

/** Two made-up emoji sets, as the tests' resources have them, and a data set of them. */
final class MadeUpSets {
  private MadeUpSets() {}

  static byte[] json(String set) {
    try (InputStream content = MadeUpSets.class.getResourceAsStream(set + ".json")) {
      return content.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static IconSet read(String set) throws IOException {
    return IconSet.parse(json(set), set + ".json");
  }

  static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  static Source source(String style, Treatment treatment, String set) {
    String sha256 = sha256(json(set));
    return new Source(
        style, set, "nobody", "", "CC0-1.0", "", treatment, set, sha256, set, "1.0.0", sha256);
  }

  static SourceManifest manifest() {
    return new SourceManifest(
        "made:up:1",
        MadeUpSets.class.getPackageName().replace('.', '/'),
        List.of(
            source("plain", Treatment.ON_WHITE, "shapes"),
            source("chalk", Treatment.WHITE_ON_BLUE, "lines"),
            source(SourceManifest.PLANTED, Treatment.ON_GRADIENT, "shapes")));
  }

  /** Things in two columns, one an icon. */
  static DataSetIndex index(String... icons) {
    return new DataSetIndex(
        List.of("plain", "chalk"),
        2,
        "a caption",
        "disc",
        IntStream.range(0, icons.length)
            .mapToObj(i -> new DataSetIndex.Entry("thing " + i, "shape", icons[i], true))
            .toList(),
        List.of());
  }
}
