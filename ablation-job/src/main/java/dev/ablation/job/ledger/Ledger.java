package dev.ablation.job.ledger;

import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.internal.RecordReader;
import dev.ablation.job.internal.RecordWriter;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What was removed from one model, in which order. A file of JSON; entries are never deleted, only
 * taken out. Who opens it to write holds a lock until it is closed.
 *
 * {@snippet class="dev.ablation.job.Snippets" region="ledger"}
 */
public final class Ledger implements AutoCloseable {
  private static final long LOOK_MILLIS = 50;

  private final Path file;
  private final FileChannel lock;
  private Document document;

  /** The file: the hash of the base weights, and the entries in their order. */
  private record Document(String format, String baseSha256, List<LedgerEntry> entries) {
    private static final String FORMAT = "dev.ablation.ledger/1";

    Document {
      entries = entries == null ? List.of() : List.copyOf(entries);
    }
  }

  private Ledger(Path file, FileChannel lock, Document document) {
    this.file = file;
    this.lock = lock;
    this.document = document;
  }

  /**
   * Reads the entries, without a lock: a writer replaces the file in one step.
   *
   * @param file a ledger
   * @return the entries in their order
   * @throws IOException if the file cannot be read or is no ledger
   */
  public static List<LedgerEntry> read(Path file) throws IOException {
    return document(file).entries();
  }

  /**
   * Opens a ledger to write.
   *
   * @param file the ledger; created with its first entry
   * @param baseSha256 hash of the base weights that it is for
   * @return the ledger, locked until it is closed
   * @throws LedgerException if it is for other weights, or another writer has it open
   * @throws IOException if it cannot be read or locked
   */
  public static Ledger open(Path file, String baseSha256) throws IOException {
    return open(file, baseSha256, Duration.ZERO);
  }

  /**
   * Opens a ledger to write, and waits while another writer has it open.
   *
   * @param file the ledger; created with its first entry
   * @param baseSha256 hash of the base weights that it is for
   * @param patience how long to wait
   * @return the ledger, locked until it is closed
   * @throws LedgerException if it is for other weights, or another writer still has it open
   * @throws IOException if it cannot be read or locked, or the thread is interrupted
   */
  public static Ledger open(Path file, String baseSha256, Duration patience) throws IOException {
    FileChannel lock = lock(file, patience);
    try {
      Document document =
          Files.exists(file)
              ? document(file)
              : new Document(Document.FORMAT, baseSha256, List.of());
      checkBase(file, document, baseSha256);
      return new Ledger(file, lock, document);
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private static void checkBase(Path file, Document document, String baseSha256) {
    if (!document.baseSha256().equals(baseSha256)) {
      throw new LedgerException(
          "%s: is for a base model with SHA-256 %s, not %s"
              .formatted(file, document.baseSha256(), baseSha256));
    }
  }

  /**
   * Opens a ledger that exists, to write.
   *
   * @param file the ledger
   * @return the ledger, locked until it is closed
   * @throws LedgerException if another writer has it open
   * @throws IOException if it cannot be read or locked
   */
  public static Ledger open(Path file) throws IOException {
    return open(file, document(file).baseSha256());
  }

  private static FileChannel lock(Path file, Duration patience) throws IOException {
    long start = System.nanoTime();
    Optional<FileChannel> locked = tryLock(file);
    while (locked.isEmpty()) {
      if (System.nanoTime() - start >= patience.toNanos()) {
        throw new LedgerException(file + ": another writer has the ledger open; wait for it");
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException(file + ": interrupted while another writer had it open");
      }
      locked = tryLock(file);
    }
    return locked.get();
  }

  private static Optional<FileChannel> tryLock(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    Files.createDirectories(Objects.requireNonNull(absolute.getParent()));
    FileChannel channel =
        FileChannel.open(
            absolute.resolveSibling(absolute.getFileName() + ".lock"),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE);
    try {
      FileLock held = channel.tryLock();
      if (held != null) {
        return Optional.of(channel);
      }
    } catch (OverlappingFileLockException e) {
      // The other writer is in this process.
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
    channel.close();
    return Optional.empty();
  }

  private static Document document(Path file) throws IOException {
    try {
      Document document = RecordReader.read(Files.readString(file), Document.class);
      if (!Document.FORMAT.equals(document.format())) {
        throw new IOException(file + ": not a ledger: format must be " + Document.FORMAT);
      }
      return document;
    } catch (IllegalArgumentException | NullPointerException e) {
      throw new IOException(file + ": not a ledger: " + e.getMessage(), e);
    }
  }

  /** {@return the entries in their order} */
  public List<LedgerEntry> entries() {
    return document.entries();
  }

  /**
   * Enters a removal at the end.
   *
   * @param request that it answers
   * @param bundle folder of its evidence
   * @param deltaSha256 hash of the delta's file
   * @param targets what was removed
   * @return the entry
   * @throws LedgerException if the request is entered already, or another one that applies removed
   *     the same delta or one of the same targets
   * @throws IOException if the ledger cannot be written
   */
  public LedgerEntry add(String request, Path bundle, String deltaSha256, List<String> targets)
      throws IOException {
    Path folder = Objects.requireNonNull(file.toAbsolutePath().normalize().getParent());
    Path absolute = bundle.toAbsolutePath().normalize();
    LedgerEntry entry =
        new LedgerEntry(
            request,
            absolute.startsWith(folder) ? folder.relativize(absolute) : absolute,
            deltaSha256,
            targets,
            now(),
            null);
    Optional<String> conflict = conflict(entries(), entry);
    if (conflict.isPresent()) {
      throw new LedgerException("%s: %s".formatted(file, conflict.get()));
    }
    List<LedgerEntry> entries = new ArrayList<>(entries());
    entries.add(entry);
    write(entries);
    return entry;
  }

  /**
   * Says why a removal could not be entered, before the work for it is done.
   *
   * @param file a ledger; nothing is wrong with one that does not exist yet
   * @param baseSha256 hash of the base weights of the removal
   * @param request that it answers
   * @param targets what it removes
   * @throws LedgerException if the ledger is for other weights, the request is entered already, or
   *     another one that applies removed one of the same targets
   * @throws IOException if the ledger cannot be read
   */
  public static void checkNew(Path file, String baseSha256, String request, List<String> targets)
      throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    Document document = document(file);
    checkBase(file, document, baseSha256);
    LedgerEntry entry = new LedgerEntry(request, Path.of(""), "", targets, "", null);
    Optional<String> conflict = conflict(document.entries(), entry);
    if (conflict.isPresent()) {
      throw new LedgerException("%s: %s".formatted(file, conflict.get()));
    }
  }

  private static Optional<String> conflict(List<LedgerEntry> entries, LedgerEntry entry) {
    for (LedgerEntry other : entries) {
      if (!other.active()) {
        continue;
      }
      if (other.request().equals(entry.request())) {
        return Optional.of("request '%s' is entered already".formatted(entry.request()));
      }
      if (other.deltaSha256().equals(entry.deltaSha256())) {
        return Optional.of(
            "request '%s' has entered this delta already".formatted(other.request()));
      }
      Optional<String> shared = entry.sharedWith(other);
      if (shared.isPresent()) {
        return Optional.of(
            "request '%s' has removed the %s already".formatted(other.request(), shared.get()));
      }
    }
    return Optional.empty();
  }

  /**
   * Takes a removal out again; the others stay.
   *
   * @param request of the removal
   * @return the entry
   * @throws LedgerException if no removal of that request applies
   * @throws IOException if the ledger cannot be written
   */
  public LedgerEntry undo(String request) throws IOException {
    List<LedgerEntry> entries = new ArrayList<>(entries());
    for (int i = 0; i < entries.size(); i++) {
      LedgerEntry entry = entries.get(i);
      if (entry.active() && entry.request().equals(request)) {
        LedgerEntry undone = entry.undone(now());
        entries.set(i, undone);
        write(entries);
        return undone;
      }
    }
    boolean known = entries.stream().anyMatch(entry -> entry.request().equals(request));
    throw new LedgerException(
        known
            ? "%s: request '%s' is taken out already".formatted(file, request)
            : "%s: no request '%s'; known are %s"
                .formatted(
                    file, request, entries.stream().map(LedgerEntry::request).distinct().toList()));
  }

  private String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  private void write(List<LedgerEntry> entries) throws IOException {
    Document changed = new Document(Document.FORMAT, document.baseSha256(), entries);
    AtomicFiles.writeString(file, Existing.REPLACE, RecordWriter.write(changed));
    document = changed;
  }

  /**
   * Finds the evidence of an entry.
   *
   * @param ledger the file
   * @param entry of it
   * @return the folder
   */
  public static Path bundle(Path ledger, LedgerEntry entry) {
    return ledger.toAbsolutePath().resolveSibling(entry.bundle()).normalize();
  }

  /**
   * Frees the lock.
   *
   * @throws IOException if it cannot be freed
   */
  @Override
  public void close() throws IOException {
    lock.close();
  }
}
