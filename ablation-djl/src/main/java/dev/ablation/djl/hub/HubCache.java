package dev.ablation.djl.hub;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.ablation.djl.hub.HubException.Reason;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.StrictJson.JsonNumber;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cache of huggingface_hub, as far as it concerns one repository:
 *
 * <pre>
 * CACHEDIR.TAG
 * .locks/models--owner--name/ETAG.lock
 * models--owner--name/refs/BRANCH           the commit
 * models--owner--name/blobs/ETAG            content
 * models--owner--name/snapshots/COMMIT/PATH relative link to the content
 * models--owner--name/trees/COMMIT.json     sizes and hashes of all files
 * models--owner--name/.no_exist/COMMIT/PATH known to be missing
 * </pre>
 *
 * <p>Python's locks and the JVM's do not exclude each other. Nothing depends on them: content is
 * written under a name that only this library uses, and moved into place when its hash is right.
 */
final class HubCache {
  private static final Logger LOG = LoggerFactory.getLogger(HubCache.class);
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
  private static final String TAG =
      """
      Signature: 8a477f597d28d172789f06886806bc55
      # This file is a cache directory tag created by huggingface_hub.
      # For information about cache directory tags, see:
      #\thttps://bford.info/cachedir/
      """;

  /** A file lock belongs to the JVM: its threads exclude each other here. */
  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final Path root;
  private final String repository;
  private final Path folder;
  private final boolean symlinks;

  HubCache(Path root, String repository, boolean symlinks) {
    this.root = root.toAbsolutePath().normalize();
    this.repository = repository;
    this.symlinks = symlinks;
    folder = this.root.resolve(folderName());
  }

  private String folderName() {
    return "models--" + repository.replace("/", "--");
  }

  Path root() {
    return root;
  }

  Path snapshot(String commit) {
    return folder.resolve("snapshots").resolve(commit);
  }

  /** Where a file of a commit is, or would be. */
  Path pointer(String commit, String path) {
    return inside(snapshot(commit), path);
  }

  Path blob(String etag) {
    return folder.resolve("blobs").resolve(etag);
  }

  /** Content that is not complete. Python takes no notice of it. */
  Path unfinished(String etag) {
    return folder.resolve("blobs").resolve(etag + ".ablation.incomplete");
  }

  private static Path inside(Path base, String path) {
    Path resolved = base.resolve(path).normalize();
    if (!resolved.startsWith(base) || resolved.equals(base)) {
      throw new IllegalArgumentException("path must stay inside of " + base + ", was " + path);
    }
    return resolved;
  }

  /** The commit that a revision was at when it was fetched last. */
  Optional<String> commit(String revision) throws IOException {
    if (HubNames.isCommit(revision)) {
      return Files.isDirectory(snapshot(revision)) ? Optional.of(revision) : Optional.empty();
    }
    Path ref = inside(folder.resolve("refs"), revision);
    if (!Files.isRegularFile(ref)) {
      return Optional.empty();
    }
    try {
      return Optional.of(TextFile.read(ref).strip()).filter(HubNames::isCommit);
    } catch (TextFormatException e) {
      LOG.debug("{} is not used", ref, e);
      return Optional.empty();
    }
  }

  /** Remembers the commit of a branch or tag. A cache that cannot be written keeps the old one. */
  void remember(String revision, String commit) throws IOException {
    if (HubNames.isCommit(revision) || commit(revision).filter(commit::equals).isPresent()) {
      return;
    }
    writeIfPossible(inside(folder.resolve("refs"), revision), commit);
  }

  /** Remembers that a commit has no such file. */
  void rememberMissing(String commit, String path) {
    Path file = inside(folder.resolve(".no_exist").resolve(commit), path);
    if (!Files.exists(file)) {
      writeIfPossible(file, "");
    }
  }

  /** The files of a commit, if they were listed before. */
  Optional<List<HubFile>> tree(String commit) throws IOException {
    Path file = treeFile(commit);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      if (StrictJson.parse(TextFile.read(file)) instanceof Map<?, ?> tree
          && tree.get("files") instanceof Map<?, ?> entries) {
        List<HubFile> files = new ArrayList<>();
        for (Map.Entry<?, ?> entry : entries.entrySet()) {
          files.add(entry(String.valueOf(entry.getKey()), entry.getValue()));
        }
        return Optional.of(List.copyOf(files));
      }
    } catch (IOException e) {
      LOG.debug("{} is not used", file, e);
    }
    return Optional.empty();
  }

  private static HubFile entry(String path, @Nullable Object value) throws IOException {
    if (value instanceof Map<?, ?> map && HubNames.isPath(path)) {
      boolean large = map.get("lfs_sha256") != null;
      if (map.get(large ? "lfs_sha256" : "blob_id") instanceof String etag
          && map.get(large && map.get("lfs_size") != null ? "lfs_size" : "size")
              instanceof JsonNumber size
          && size.isInteger()
          && HubNames.isHash(etag)) {
        return new HubFile(
            path, size.exact().longValue(), etag, String.valueOf(map.get("blob_id")));
      }
    }
    throw new IOException("an entry is malformed: " + path);
  }

  /** Remembers the files of a commit. */
  void rememberTree(String commit, List<HubFile> files) {
    JsonObject entries = new JsonObject();
    for (HubFile file : files) {
      JsonObject entry = new JsonObject();
      entry.addProperty("size", file.size());
      if (HubNames.isSha256(file.etag())) {
        entry.addProperty("blob_id", file.blobId());
        entry.addProperty("lfs_sha256", file.etag());
        entry.addProperty("lfs_size", file.size());
      } else {
        entry.addProperty("blob_id", file.etag());
      }
      entries.add(file.path(), entry);
    }
    JsonObject tree = new JsonObject();
    tree.addProperty("format_version", 1);
    tree.add("files", entries);
    writeIfPossible(treeFile(commit), GSON.toJson(tree));
  }

  private Path treeFile(String commit) {
    return folder.resolve("trees").resolve(commit + ".json");
  }

  /** The files of a snapshot that are there. */
  List<HubFile> present(String commit) throws IOException {
    Path snapshot = snapshot(commit);
    if (!Files.isDirectory(snapshot)) {
      return List.of();
    }
    List<HubFile> files = new ArrayList<>();
    List<Path> found;
    try (Stream<Path> walk = Files.walk(snapshot)) {
      found = walk.filter(Files::isRegularFile).toList();
    }
    for (Path file : found) {
      String path = snapshot.relativize(file).toString().replace(File.separatorChar, '/');
      files.add(new HubFile(path, Files.size(file), "", ""));
    }
    return files;
  }

  /** Whether a file of a commit is there, in its published size. */
  boolean has(String commit, HubFile file) throws IOException {
    return isComplete(pointer(commit, file.path()), file);
  }

  boolean hasBlob(HubFile file) throws IOException {
    return isComplete(blob(file.etag()), file);
  }

  /** How much of a file has arrived. */
  long unfinishedBytes(HubFile file) throws IOException {
    Path path = unfinished(file.etag());
    return Files.isRegularFile(path) ? Math.min(Files.size(path), file.size()) : 0;
  }

  private static boolean isComplete(Path path, HubFile file) throws IOException {
    return Files.isRegularFile(path) && (file.size() < 0 || Files.size(path) == file.size());
  }

  /** Makes the folders that content is written to. */
  void prepare() throws IOException {
    try {
      Files.createDirectories(folder.resolve("blobs"));
      Files.createDirectories(locks());
      Path tag = root.resolve("CACHEDIR.TAG");
      if (!Files.exists(tag)) {
        AtomicFiles.writeString(tag, AtomicFiles.Existing.REPLACE, TAG);
      }
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Refuses what does not fit on the disk. */
  void checkSpace(long bytes) throws IOException {
    long usable = Files.getFileStore(folder).getUsableSpace();
    if (bytes > usable) {
      throw new HubException(
          Reason.CACHE,
          repository,
          ("%s are still to be fetched, but the disk of the cache %s has %s left; name another one"
                  + " in HF_HUB_CACHE or by cache(folder), or leave a component or files out")
              .formatted(size(bytes), root, size(usable)),
          null);
    }
  }

  static String size(long bytes) {
    double scaled = bytes;
    for (String unit : new String[] {"bytes", "kB", "MB", "GB"}) {
      if (scaled < 1000) {
        return unit.equals("bytes")
            ? bytes + " bytes"
            : String.format(Locale.ROOT, "%.1f %s", scaled, unit);
      }
      scaled /= 1000;
    }
    return String.format(Locale.ROOT, "%.1f TB", scaled);
  }

  HubException unwritable(IOException cause) {
    String problem =
        cause instanceof FileAlreadyExistsException || cause instanceof NotDirectoryException
            ? "a file is in the place of a folder: " + cause.getMessage()
            : String.valueOf(cause.getMessage());
    return new HubException(
        Reason.CACHE,
        repository,
        "the cache %s cannot be written (%s); name another folder in HF_HUB_CACHE or by cache(folder)"
            .formatted(root, problem),
        cause);
  }

  /** Makes content a file of a commit. */
  void link(String commit, HubFile file, boolean isNew) throws IOException {
    Path pointer = pointer(commit, file.path());
    Path blob = blob(file.etag());
    Path parent = Objects.requireNonNull(pointer.getParent());
    try {
      Files.createDirectories(parent);
      if (symlinks && linked(pointer, parent.relativize(blob))) {
        return;
      }
      if (isNew) {
        Files.move(blob, pointer, StandardCopyOption.REPLACE_EXISTING);
        return;
      }
      Path copy = parent.resolve(pointer.getFileName() + "." + UUID.randomUUID() + ".incomplete");
      try {
        Files.copy(blob, copy);
        Files.move(copy, pointer, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(copy);
      }
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Links where the system can; false where it cannot. */
  private static boolean linked(Path pointer, Path target) throws IOException {
    Path parent = Objects.requireNonNull(pointer.getParent());
    Path temporary = parent.resolve("." + UUID.randomUUID() + ".link");
    try {
      Files.createSymbolicLink(temporary, target);
    } catch (UnsupportedOperationException | FileSystemException e) {
      LOG.debug("no symbolic links in {}; files are copied", parent, e);
      return false;
    }
    try {
      Files.move(temporary, pointer, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
    return true;
  }

  private void writeIfPossible(Path file, String text) {
    try {
      Files.createDirectories(Objects.requireNonNull(file.getParent()));
      AtomicFiles.writeString(file, AtomicFiles.Existing.REPLACE, text);
    } catch (IOException e) {
      // A cache that can only be read still serves what it holds.
      LOG.debug("{} cannot be written", file, e);
    }
  }

  private Path locks() {
    return root.resolve(".locks").resolve(folderName());
  }

  /** Work with content. */
  @FunctionalInterface
  interface Work {
    void run() throws IOException;
  }

  /** Works with content that nobody else may work with meanwhile. */
  void alone(String etag, Work work) throws IOException {
    Path file = locks().resolve(etag + ".lock");
    ReentrantLock threads = THREADS.computeIfAbsent(file, key -> new ReentrantLock());
    try {
      threads.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
    try (FileChannel channel = open(file)) {
      lock(channel, file);
      work.run();
    } finally {
      threads.unlock();
    }
  }

  private FileChannel open(Path file) throws IOException {
    try {
      return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Closing the channel ends the lock. */
  private static void lock(FileChannel channel, Path file) throws IOException {
    try {
      FileLock lock = channel.lock();
      LOG.trace("{}: {}", file, lock);
    } catch (ClosedByInterruptException | FileLockInterruptionException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } catch (IOException e) {
      // Some network file systems have no locks.
      LOG.debug("{} cannot be locked", file, e);
    }
  }
}
