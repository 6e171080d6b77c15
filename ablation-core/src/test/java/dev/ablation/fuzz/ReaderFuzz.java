package dev.ablation.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Throws damaged files at a reader. Each of them must be read, or refused with a documented
 * exception that names the file, in bounded time and memory. To cover another reader, extend this
 * class.
 *
 * <p>The inputs of a number of inputs are always the same. An input with an outcome that none
 * before had becomes a seed of the later ones. Files in the resources folder {@code fuzz/NAME},
 * where NAME is the simple name of the class, are inputs too: what once was a fault stays there.
 *
 * <p>{@code -Dablation.fuzz.inputs} sets the number of damaged files, {@code -Dablation.fuzz.seed}
 * makes them others, and {@code -Dablation.fuzz.report} names a folder for the counts and the
 * inputs that showed a fault.
 */
@Tag("fuzz")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class ReaderFuzz {
  private static final int MOST_SEEDS = 500;
  private static final int MOST_SEED_BYTES = 1 << 16;
  private static final int MOST_FAULTS = 20;

  /** Far beyond what any input takes, also on a busy machine. */
  private static final long HANGS_AFTER_SECONDS = 30;

  private static final com.sun.management.ThreadMXBean MEMORY =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final int inputs = Integer.getInteger("ablation.fuzz.inputs", 0);
  private final long seed = Long.getLong("ablation.fuzz.seed", 0);
  private final Map<String, Fault> faults = new LinkedHashMap<>();
  private final Set<String> outcomes = new HashSet<>();
  private final long started = System.nanoTime();
  private long done;
  private long accepted;
  private long longestNanos;
  private @Nullable Input longest;

  @TempDir Path folder;

  /** A content of one of the files. */
  private record Input(String file, byte[] content) {}

  /** An input with what it did. */
  private record Fault(Input input, String what) {}

  /** {@return the damage that suits the files} */
  protected abstract Mutator mutator();

  /**
   * {@return sound contents of each file that is read, the first of which stays in place while
   * another file is damaged}
   *
   * @throws Exception if they cannot be made
   */
  protected abstract Map<String, List<byte[]>> seeds() throws Exception;

  /**
   * Calls the reader, and uses what it returns as the library does.
   *
   * @param folder with the files of {@link #seeds}
   * @throws Exception if the files are refused
   */
  protected abstract void read(Path folder) throws Exception;

  /**
   * Tells whether a refusal is documented.
   *
   * @param refusal what {@link #read} threw
   * @param folder with the files
   * @return by default, whether it is an {@link IOException} that names one of them
   */
  protected boolean isDocumented(Exception refusal, Path folder) {
    return refusal instanceof IOException
        && String.valueOf(refusal.getMessage()).contains(folder.toString());
  }

  /** {@return the number of damaged files in a build that does not set it} */
  protected int usualInputs() {
    return 500;
  }

  /** {@return the most bytes on Java's heap that one input may take in all} */
  protected long mostBytes() {
    return 64 << 20;
  }

  @Test
  void readsOrRefusesEveryFile() throws Exception {
    Map<String, List<byte[]>> sound = new TreeMap<>(seeds());
    for (Map.Entry<String, List<byte[]>> each : sound.entrySet()) {
      Files.createDirectories(Objects.requireNonNull(folder.resolve(each.getKey()).getParent()));
      Files.write(folder.resolve(each.getKey()), each.getValue().get(0));
    }
    List<Input> pool = new ArrayList<>();
    sound.forEach((file, contents) -> contents.forEach(each -> pool.add(new Input(file, each))));
    for (Input input : List.copyOf(pool)) {
      assertThat(outcome(input, sound)).as("a sound %s", input.file).isEqualTo("read");
    }
    pool.addAll(found(sound));
    for (Input input : List.copyOf(pool)) {
      observe(input, sound, pool);
    }
    int count = inputs > 0 ? inputs : usualInputs();
    for (long i = 0; i < count && faults.size() < MOST_FAULTS; i++) {
      SplittableRandom random = new SplittableRandom(seed * 1_000_000_007L + i);
      Input from = pool.get(random.nextInt(pool.size()));
      observe(new Input(from.file, mutator().mutate(from.content, random)), sound, pool);
    }
    report();
    assertThat(faults.values()).as("faults").isEmpty();
  }

  private void observe(Input input, Map<String, List<byte[]>> sound, List<Input> pool)
      throws Exception {
    String outcome = outcome(input, sound);
    done++;
    accepted += outcome.equals("read") ? 1 : 0;
    if (outcomes.add(outcome.replaceAll("[0-9]+|'[^']*'|\"[^\"]*\"", "#"))
        && pool.size() < MOST_SEEDS
        && input.content.length < MOST_SEED_BYTES) {
      pool.add(input);
    }
  }

  /** Reads an input in a thread of its own that is given up if it hangs. */
  private String outcome(Input input, Map<String, List<byte[]>> sound) throws Exception {
    Path file = folder.resolve(input.file);
    Files.write(file, input.content);
    long start = System.nanoTime();
    String outcome = worker.run(input);
    long taken = System.nanoTime() - start;
    if (taken > longestNanos) {
      longestNanos = taken;
      longest = input;
    }
    if (sound.size() > 1) {
      Files.write(file, sound.get(input.file).get(0));
    }
    return outcome;
  }

  private Worker worker = new Worker();

  /** A thread that reads one input after the other. */
  private final class Worker implements Runnable {
    private final java.util.concurrent.SynchronousQueue<Input> next =
        new java.util.concurrent.SynchronousQueue<>();
    private final java.util.concurrent.SynchronousQueue<String> result =
        new java.util.concurrent.SynchronousQueue<>();
    private @Nullable Thread thread;

    String run(Input input) throws InterruptedException {
      Thread running = thread;
      if (running == null) {
        running = new Thread(this, ReaderFuzz.this.getClass().getSimpleName());
        running.setDaemon(true);
        running.start();
        thread = running;
      }
      next.put(input);
      String outcome = result.poll(HANGS_AFTER_SECONDS, TimeUnit.SECONDS);
      if (outcome != null) {
        return outcome;
      }
      Exception where = new Exception("hangs");
      where.setStackTrace(running.getStackTrace());
      worker = new Worker();
      return fault(input, where);
    }

    @Override
    public void run() {
      try {
        while (true) {
          result.put(read(next.take()));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private String read(Input input) {
      long before = MEMORY.getCurrentThreadAllocatedBytes();
      String outcome;
      try {
        ReaderFuzz.this.read(folder);
        outcome = "read";
      } catch (Exception e) {
        outcome =
            isDocumented(e, folder)
                ? "refused: " + e.getClass().getSimpleName() + ": " + e.getMessage()
                : fault(input, e);
      } catch (Throwable e) { // also of a native library, and of an assertion in a subclass
        outcome = fault(input, e);
      }
      long taken = MEMORY.getCurrentThreadAllocatedBytes() - before;
      return taken > mostBytes()
          ? fault(input, new Exception("takes %d MB of memory".formatted(taken >> 20)))
          : outcome;
    }
  }

  private String fault(Input input, Throwable thrown) {
    StringBuilder what = new StringBuilder(thrown.toString());
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      Stream.of(cause.getStackTrace())
          .limit(12)
          .forEach(frame -> what.append("\n  ").append(frame));
    }
    String key =
        thrown.getClass()
            + Stream.of(thrown.getStackTrace()).limit(3).map(Object::toString).toList().toString();
    if (faults.size() < MOST_FAULTS) {
      faults.putIfAbsent(key, new Fault(input, what.toString()));
    }
    return "fault: " + key;
  }

  /**
   * Files that once showed a fault; the name of each begins with that of the file it stands for.
   */
  private List<Input> found(Map<String, List<byte[]>> sound) throws IOException {
    URL resource = getClass().getResource("/fuzz/" + getClass().getSimpleName());
    if (resource == null) {
      return List.of();
    }
    List<Input> found = new ArrayList<>();
    for (Path path : list(resource)) {
      String name = String.valueOf(path.getFileName());
      String of =
          sound.keySet().stream()
              .filter(file -> sound.size() == 1 || name.startsWith(file.replace('/', '-')))
              .findFirst()
              .orElseThrow(
                  () -> new IllegalStateException(path + ": must begin with a file's name"));
      found.add(new Input(of, Files.readAllBytes(path)));
    }
    return found;
  }

  private static List<Path> list(URL folder) throws IOException {
    try (Stream<Path> files = Files.list(Path.of(new URI(folder.toString())))) {
      return files.sorted().toList();
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  /**
   * Returns a resource.
   *
   * @param name of the file
   * @return its content
   * @throws IOException if it cannot be read
   */
  protected static byte[] resource(String name) throws IOException {
    try (InputStream in = ReaderFuzz.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(in, name).readAllBytes();
    }
  }

  private void report() throws IOException {
    String target = System.getProperty("ablation.fuzz.report", "");
    if (target.isEmpty()) {
      return;
    }
    Path reports = Files.createDirectories(Path.of(target));
    String name = getClass().getSimpleName();
    StringBuilder text =
        new StringBuilder(
            "%s: %d inputs in %d s, %d read, %d outcomes, longest %d ms, %d faults%n"
                .formatted(
                    name,
                    done,
                    TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - started),
                    accepted,
                    outcomes.size(),
                    TimeUnit.NANOSECONDS.toMillis(longestNanos),
                    faults.size()));
    Input slow = longest;
    if (slow != null) {
      Files.write(reports.resolve(name + "-longest-" + slow.file.replace('/', '-')), slow.content);
    }
    int number = 0;
    for (Fault fault : faults.values()) {
      String file = "%s-%s-%d".formatted(name, fault.input.file.replace('/', '-'), number++);
      Files.write(reports.resolve(file), fault.input.content);
      text.append(file).append(": ").append(fault.what).append('\n');
    }
    Files.writeString(reports.resolve(name + ".txt"), text);
  }
}
