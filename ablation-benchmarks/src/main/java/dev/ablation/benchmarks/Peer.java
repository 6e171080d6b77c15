package dev.ablation.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A worker process and what it measured. */
final class Peer implements AutoCloseable {
  /** One repetition: wall time and processor time in milliseconds, and its result. */
  record Run(double wall, double cpu, double result) {}

  /** Resident bytes: of the weights, right after loading, and at most while working. */
  record Memory(long weights, long loaded, long peak) {
    double peakBeyondWeights() {
      return (peak - weights) / 1e6;
    }
  }

  private final Process process;
  private final BufferedReader in;
  private final Writer out;
  private final List<Run> runs = new ArrayList<>();

  private final double secondsToStart;

  /** Waits until the worker's model is loaded. */
  private Peer(Process process, long started) throws IOException {
    this.process = process;
    in = new BufferedReader(process.inputReader(StandardCharsets.UTF_8));
    out = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
    expect("ready");
    secondsToStart = (System.nanoTime() - started) / 1e9;
  }

  /** From the start of the process to a loaded model, files mostly in the system's cache. */
  double secondsToStart() {
    return secondsToStart;
  }

  /** Starts a worker and waits until its model is loaded. */
  static Peer start(List<String> command, int threads) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("OMP_NUM_THREADS", Integer.toString(threads));
    builder.environment().put("OPT_OUT_TRACKING", "true");
    builder.environment().put("DJL_OFFLINE", "true");
    builder.environment().put("HF_HUB_OFFLINE", "1");
    builder.environment().put("OMP_WAIT_POLICY", "PASSIVE");
    long started = System.nanoTime();
    return new Peer(builder.start(), started);
  }

  /** Repeats the work once; a warm-up is not kept. */
  Run run(boolean keep) throws IOException {
    send("run");
    String[] words = expect("done");
    Run run =
        new Run(
            Long.parseLong(words[1]) / 1e6,
            Long.parseLong(words[2]) / 1e6,
            Double.parseDouble(words[3]));
    if (keep) {
      runs.add(run);
    }
    return run;
  }

  List<Run> runs() {
    return runs;
  }

  Memory memory() throws IOException {
    send("memory");
    String[] words = expect("memory");
    return new Memory(Long.parseLong(words[1]), Long.parseLong(words[2]), Long.parseLong(words[3]));
  }

  private void send(String command) throws IOException {
    out.write(command + "\n");
    out.flush();
  }

  private String[] expect(String first) throws IOException {
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (line.startsWith(first)) {
        return line.split(" ", -1);
      }
    }
    throw new IOException("the worker " + process.info().command().orElse("?") + " ended early");
  }

  @Override
  public void close() throws IOException {
    if (process.isAlive()) {
      send("quit");
    }
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
    }
    in.close();
    out.close();
  }
}
