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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
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
  private static final int MOST_FAULTS = 20;
  private static final int MOST_OUTCOMES = 100_000;
  private static final int MOST_CHARACTERS = 300;
  private static final String READ = "read";

  /** Far beyond what any input takes, also on a busy machine. */
  private static final long HANGS_AFTER_SECONDS = 30;

  private static final com.sun.management.ThreadMXBean MEMORY =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final int INPUTS_PER_REPORT = 100_000;

  private final int inputs = Integer.getInteger("ablation.fuzz.inputs", 0);
  private final long seed = Long.getLong("ablation.fuzz.seed", 0);
  private final Map<String, Fault> faults = new LinkedHashMap<>();
  private final Set<String> outcomes = new HashSet<>();
  private final Map<String, byte[]> sound = new TreeMap<>();
  private final List<Input> pool = new ArrayList<>();
  private final long started = System.nanoTime();
  private String damaged = "";
  private int given;
  private int mostSeedBytes;
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
   * {@return the folder of a file that {@link #read} is told is damaged, relative to the others}
   *
   * @param damaged the name of a file in a folder
   */
  protected static String folderOf(String damaged) {
    return damaged.substring(0, damaged.indexOf('/'));
  }

  /**
   * Calls the reader, and uses what it returns as the library does.
   *
   * @param folder with the files of {@link #seeds}
   * @param damaged the name of the only file among them that may be damaged
   * @throws Exception if the files are refused
   */
  protected abstract void read(Path folder, String damaged) throws Exception;

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
    for (Map.Entry<String, List<byte[]>> each : new TreeMap<>(seeds()).entrySet()) {
      sound.put(each.getKey(), each.getValue().get(0));
      each.getValue().forEach(content -> pool.add(new Input(each.getKey(), content)));
      Files.createDirectories(Objects.requireNonNull(folder.resolve(each.getKey()).getParent()));
      Files.write(folder.resolve(each.getKey()), each.getValue().get(0));
    }
    int seeds = pool.size();
    mostSeedBytes = 2 * pool.stream().mapToInt(each -> each.content.length).max().orElse(0);
    pool.addAll(found());
    given = pool.size();
    run(0, seeds);
    assertThat(accepted).as("sound files that are read, but for %s", outcomes).isEqualTo(seeds);
    run(seeds, given + (inputs > 0 ? inputs : usualInputs()));
    report();
    assertThat(faults.values()).as("faults").isEmpty();
  }

  private Input input(int number) {
    if (number < given) {
      return pool.get(number);
    }
    SplittableRandom random = new SplittableRandom(seed * 1_000_000_007L + number - given);
    // Half of them begin at a given file: what begins at a refused one is mostly refused.
    Input from = pool.get(random.nextInt(random.nextBoolean() ? given : pool.size()));
    return new Input(from.file, mutator().mutate(from.content, random));
  }

  /** Reads inputs in a thread of their own, which is given up for another one if it hangs. */
  private void run(int begin, int end) throws Exception {
    for (int next = begin; next < end && faults.size() < MOST_FAULTS; ) {
      Reading reading = new Reading(next, end);
      Thread thread = new Thread(reading, getClass().getSimpleName());
      thread.setDaemon(true);
      thread.start();
      next = reading.await(thread);
    }
  }

  /** A thread that reads one input after the other. */
  private final class Reading implements Runnable {
    private final int end;
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicReference<@Nullable Input> current = new AtomicReference<>();
    private volatile int at;
    private boolean abandoned;
    private @Nullable Exception failure;

    Reading(int begin, int end) {
      at = begin;
      this.end = end;
    }

    /** Waits until all inputs are read, or one hangs. */
    int await(Thread thread) throws Exception {
      int last = -1;
      while (!over.await(HANGS_AFTER_SECONDS, TimeUnit.SECONDS)) {
        synchronized (this) {
          if (at == last && over.getCount() > 0) {
            abandoned = true;
            Exception where = new Exception("hangs");
            where.setStackTrace(thread.getStackTrace());
            Input hanging = Objects.requireNonNull(current.get());
            count(hanging, fault(hanging, where));
            return at + 1;
          }
          last = at;
        }
      }
      if (failure != null) {
        throw failure;
      }
      return end;
    }

    @Override
    public void run() {
      try {
        while (at < end && faults.size() < MOST_FAULTS) {
          Input input = input(at);
          current.set(input);
          place(input);
          long start = System.nanoTime();
          String outcome = outcome(input);
          synchronized (this) {
            if (abandoned) {
              return;
            }
            if (System.nanoTime() - start > longestNanos) {
              longestNanos = System.nanoTime() - start;
              longest = input;
            }
            count(input, outcome);
            at++;
          }
        }
      } catch (Exception e) { // of this class, not of a reader
        failure = e;
      } finally {
        over.countDown();
      }
    }
  }

  /** Writes the file; the one that was damaged before is made sound again. */
  private void place(Input input) throws IOException {
    if (!damaged.equals(input.file) && !damaged.isEmpty()) {
      Files.write(folder.resolve(damaged), Objects.requireNonNull(sound.get(damaged)));
    }
    Files.write(folder.resolve(input.file), input.content);
    damaged = input.file;
  }

  private void count(Input input, String outcome) throws IOException {
    done++;
    accepted += outcome.equals(READ) ? 1 : 0;
    if (outcomes.size() < MOST_OUTCOMES
        && outcomes.add(kind(outcome))
        && pool.size() < MOST_SEEDS
        && input.content.length <= mostSeedBytes
        && done > given) {
      pool.add(input);
    }
    if (done % INPUTS_PER_REPORT == 0) {
      report();
    }
  }

  /** An outcome without its numbers and what it quotes. */
  private static String kind(String outcome) {
    StringBuilder kind = new StringBuilder();
    char quote = 0;
    for (int i = 0; i < outcome.length() && kind.length() < MOST_CHARACTERS; i++) {
      char c = outcome.charAt(i);
      if (quote != 0) {
        quote = c == quote ? 0 : quote;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c < '0' || c > '9') {
        kind.append(c);
      }
    }
    return kind.toString();
  }

  private String outcome(Input input) {
    long before = MEMORY.getCurrentThreadAllocatedBytes();
    String outcome = READ;
    try {
      read(folder, input.file);
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
  private List<Input> found() throws IOException {
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
