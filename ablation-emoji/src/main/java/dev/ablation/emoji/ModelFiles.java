package dev.ablation.emoji;

import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The files of an embedded model, as they lie on the class path and in the cache folder. The engine
 * opens files, not streams, so they are unpacked once; the folder is named after the manifest's
 * hash, so that another version of the model gets its own folder.
 *
 * @param name of the model and of its folder in the cache
 * @param folder on the class path, next to this class
 * @param common the folder of another model, whose files this one has where it has none of its own
 */
record ModelFiles(String name, String folder, @Nullable String common) {
  /** The model that draws. */
  static final ModelFiles EMOJI = new ModelFiles("emoji", "model");

  /** The model that never knew some concepts. */
  static final ModelFiles CONTROL = new ModelFiles("emoji-control", "control", "model");

  /** The model that judges. */
  static final ModelFiles EVALUATOR = new ModelFiles("evaluator", "evaluator");

  /** System property: the folder that the models are unpacked into. */
  static final String CACHE_PROPERTY = "ablation.cache";

  private static final String MANIFEST = "manifest.txt";
  private static final int NAME_DIGITS = 16;

  /** Locks between processes do not hold between the threads of one. */
  private static final Object ONE_THREAD = new Object();

  ModelFiles(String name, String folder) {
    this(name, folder, null);
  }

  /**
   * A file of the model.
   *
   * @param sha256 hexadecimal, lower case
   * @param size in bytes
   * @param path in the model's folder, with {@code /}
   */
  record Entry(String sha256, long size, String path) {
    static Entry parse(String line) {
      String[] parts = line.split(" ", 3);
      return new Entry(parts[0], Long.parseLong(parts[1]), parts[2]);
    }
  }

  /** Opens a file of the model on the class path. */
  InputStream resource(String path) throws IOException {
    InputStream stream = ModelFiles.class.getResourceAsStream(folder + "/" + path);
    if (stream == null && common != null) {
      stream = ModelFiles.class.getResourceAsStream(common + "/" + path);
    }
    if (stream == null) {
      throw new FileNotFoundException(
          "the class path lacks the embedded model's file %s/%s".formatted(name, path));
    }
    return stream;
  }

  List<Entry> manifest() throws IOException {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(resource(MANIFEST), StandardCharsets.UTF_8))) {
      return lines.lines().filter(line -> !line.startsWith("#")).map(Entry::parse).toList();
    }
  }

  /**
   * Returns the folder of the unpacked model. Every file is checked; if one is damaged or missing,
   * all are unpacked again.
   */
  Path unpacked() throws IOException {
    Path home = cacheFolder();
    List<Entry> manifest = manifest();
    Path model = home.resolve(name);
    if (intact(model, manifest)) {
      return model;
    }
    synchronized (ONE_THREAD) {
      try (FileChannel lockFile =
          FileChannel.open(
              home.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        // Held until the channel is closed. Another process may have been quicker.
        lockFile.lock();
        removeAbandoned(home);
        if (!intact(model, manifest)) {
          unpack(model, manifest);
        }
      }
    }
    return model;
  }

  /** Folders of killed processes; the lock says that nobody writes them. */
  private void removeAbandoned(Path home) throws IOException {
    List<Path> found;
    try (Stream<Path> files = Files.list(home)) {
      found =
          files
              .filter(file -> {
                String own = file.getFileName().toString();
                return own.startsWith(name + ".")
                    && (own.endsWith(".tmp") || own.endsWith(".damaged"));
              })
              .toList();
    }
    for (Path each : found) {
      delete(each);
    }
  }

  private void unpack(Path model, List<Entry> manifest) throws IOException {
    Path fresh = model.resolveSibling(name + "." + UUID.randomUUID() + ".tmp");
    try {
      for (Entry entry : manifest) {
        Path file = fresh.resolve(entry.path());
        Files.createDirectories(file.resolveSibling("."));
        try (InputStream content = resource(entry.path())) {
          Files.copy(content, file);
        }
        if (!intact(file, entry)) {
          throw new IOException(
              "the embedded model's file %s/%s differs from its manifest: damaged jar or full disk at %s"
                  .formatted(name, entry.path(), fresh));
        }
      }
      if (Files.exists(model)) {
        // Moved away first, so that other processes see a complete folder or none.
        Path damaged = model.resolveSibling(name + "." + UUID.randomUUID() + ".damaged");
        Files.move(model, damaged);
        delete(damaged);
      }
      move(fresh, model);
    } finally {
      delete(fresh);
    }
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(from, to);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(folder)) {
      deepestFirst = new ArrayList<>(files.sorted(Comparator.reverseOrder()).toList());
    }
    for (Path file : deepestFirst) {
      Files.delete(file);
    }
  }

  private static boolean intact(Path model, List<Entry> manifest) throws IOException {
    for (Entry entry : manifest) {
      if (!intact(model.resolve(entry.path()), entry)) {
        return false;
      }
    }
    return true;
  }

  private static boolean intact(Path file, Entry entry) throws IOException {
    return Files.isRegularFile(file)
        && Files.size(file) == entry.size()
        && sha256(Files.newInputStream(file)).equals(entry.sha256());
  }

  /** Returns the hash of what is left of a stream, and closes it. */
  static String sha256(InputStream content) throws IOException {
    try (content) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int read = content.read(buffer); read >= 0; read = content.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private Path cacheFolder() throws IOException {
    String version = name + "-" + sha256(resource(MANIFEST)).substring(0, NAME_DIGITS);
    String chosen = System.getProperty(CACHE_PROPERTY);
    if (chosen != null) {
      return Files.createDirectories(Path.of(chosen, version));
    }
    try {
      Path home =
          Files.createDirectories(
              Path.of(System.getProperty("user.home"), ".cache", "ablation", version));
      if (Files.isWritable(home)) {
        return home;
      }
    } catch (IOException e) {
      // No home, or one that is not ours to write to, as in many containers.
      return temporaryFolder(version);
    }
    return temporaryFolder(version);
  }

  private static Path temporaryFolder(String version) throws IOException {
    String owner = "ablation-" + System.getProperty("user.name");
    return Files.createDirectories(Path.of(System.getProperty("java.io.tmpdir"), owner, version));
  }
}
