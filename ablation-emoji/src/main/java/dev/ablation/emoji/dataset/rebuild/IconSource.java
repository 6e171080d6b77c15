package dev.ablation.emoji.dataset.rebuild;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Where emoji sets are read from. What is read has the SHA-256 of the manifest, or is refused. */
interface IconSource {

  /**
   * Reads a set.
   *
   * @param source which
   * @return its icons
   * @throws IOException if it is missing, damaged, or another version than the manifest's
   */
  IconSet read(SourceManifest.Source source) throws IOException;

  /** Reads from the Maven artifact, which must be on the class path. */
  static IconSource artifact(SourceManifest manifest) {
    return source -> {
      String path = manifest.artifactFolder() + "/" + source.set() + ".json";
      try (InputStream content = IconSource.class.getResourceAsStream("/" + path)) {
        if (content == null) {
          throw new FileNotFoundException(
              "the class path lacks %s of %s".formatted(path, manifest.artifact()));
        }
        return checked(content.readAllBytes(), source.setSha256(), path);
      }
    };
  }

  /**
   * Reads from a folder into which npm has installed the packages.
   *
   * @param modules such as {@code node_modules}
   */
  static IconSource npm(Path modules) {
    return source -> {
      Path file =
          modules.resolve("@iconify-json").resolve(source.npmPackage()).resolve("icons.json");
      String origin =
          "%s of @iconify-json/%s@%s".formatted(file, source.npmPackage(), source.npmVersion());
      if (!Files.exists(file)) {
        throw new FileNotFoundException("no file " + origin);
      }
      return checked(Files.readAllBytes(file), source.npmSha256(), origin);
    };
  }

  /** Reads a set from bytes that must have a hash; {@code origin} names them in messages. */
  static IconSet checked(byte[] json, String sha256, String origin) throws IOException {
    String actual;
    try {
      actual = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(json));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    if (!actual.equals(sha256)) {
      throw new IOException("SHA-256 must be %s, was %s: %s".formatted(sha256, actual, origin));
    }
    return IconSet.parse(json, origin);
  }
}
