package dev.ablation.job;

import ai.djl.util.Utils;
import dev.ablation.internal.TextFile;
import dev.ablation.job.evidence.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The native libraries that compute, by their hashes. */
final class Natives {
  /** Libraries are hundreds of megabytes, and loaded ones do not change. */
  private static final Map<Path, String> HASHED = new ConcurrentHashMap<>();

  private Natives() {}

  /**
   * Hashes the libraries: on Linux those that the process has loaded; elsewhere those in the folder
   * that the engine loads them from.
   */
  static Map<String, String> sha256() throws IOException {
    Map<String, String> sha256 = new TreeMap<>();
    for (Path file : files()) {
      String hash = HASHED.get(file);
      if (hash == null) {
        hash = Sha256.of(file);
        HASHED.put(file, hash);
      }
      sha256.put(String.valueOf(file.getFileName()), hash);
    }
    return Collections.unmodifiableMap(sha256);
  }

  private static List<Path> files() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    if (Files.isReadable(maps)) {
      return TextFile.lines(maps).stream()
          .filter(line -> line.contains("/"))
          .map(line -> Path.of(line.substring(line.indexOf('/'))))
          .distinct()
          .filter(Natives::computes)
          .filter(Files::isRegularFile)
          .toList();
    }
    List<Path> found = new ArrayList<>();
    for (String engine : List.of("pytorch", "tokenizers")) {
      Path cache = Utils.getEngineCacheDir(engine);
      if (Files.isDirectory(cache)) {
        try (Stream<Path> files = Files.walk(cache)) {
          files.filter(Files::isRegularFile).filter(Natives::computes).forEach(found::add);
        }
      }
    }
    return found;
  }

  private static boolean computes(Path file) {
    String name = String.valueOf(file.getFileName());
    boolean library = name.contains(".so") || name.endsWith(".dylib") || name.endsWith(".dll");
    return library
        && (name.contains("torch") || name.contains("tokenizers") || name.contains("c10"));
  }
}
