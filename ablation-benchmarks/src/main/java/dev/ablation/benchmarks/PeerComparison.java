package dev.ablation.benchmarks;

import dev.ablation.benchmarks.Peer.Memory;
import dev.ablation.benchmarks.Peer.Run;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Measures this library against Python's diffusers on the same weights, inputs and number of
 * threads. Each scenario has a fresh process a side; the driver asks them in turn for one
 * repetition each and compares the medians. The results of both sides must agree, so that both did
 * the work.
 *
 * <pre>{@code
 * java -cp CLASS_PATH dev.ablation.benchmarks.PeerComparison --model FOLDER --python PYTHON
 *     [--scenarios forward,step,sampling] [--rounds 21] [--warm 3] [--threads 1] [--workers 1]
 *     [--batch 1] [--size 64] [--group kv] [--steps 20] [--images 64] [--iterations 200]
 *     [--concepts 1]
 *     [--device cpu] [--name NAME] [--out FOLDER] [--script src/main/python/peer.py]
 *     [--jvm "-Xmx256m -XX:+UseSerialGC"]
 * }</pre>
 *
 * <p>{@code --threads} is the number of threads of each side. With {@code --workers} above 1, those
 * of Java share the batch, each with as many of the threads; Python's share every operation.
 *
 * <p>It prints a table in Markdown and appends every repetition to {@code runs.csv} and every
 * scenario to {@code summary.csv} in {@code --out}. The peak of resident memory counts from after
 * loading; "beyond" is that peak less the bytes of the weights as float32 (UNet, autoencoder, text
 * encoder), which are resident on both sides. It holds the runtime too: libtorch, JVM, Python.
 */
public final class PeerComparison {
  /** Objects on the heap are small handles, so a small heap and no threads for its collection. */
  private static final String JVM_OPTIONS = "-Xmx256m -XX:+UseSerialGC";

  private final Arguments arguments;
  private final Path model;
  private final String name;
  private final int rounds;
  private final int warm;
  private final int threads;

  PeerComparison(Arguments arguments) {
    this.arguments = arguments;
    model = Path.of(arguments.require("model"));
    name = arguments.get("name", model.toAbsolutePath().normalize().getFileName().toString());
    rounds = arguments.get("rounds", 21);
    warm = arguments.get("warm", 3);
    threads = arguments.get("threads", 1);
  }

  /**
   * Runs the comparison.
   *
   * @param args see the class
   * @throws IOException if a worker fails or a file cannot be written
   */
  public static void main(String[] args) throws IOException {
    new PeerComparison(new Arguments(args)).compare();
  }

  private void compare() throws IOException {
    List<String> rows = new ArrayList<>();
    for (String label : arguments.get("scenarios", "forward,step,sampling").split(",", -1)) {
      rows.add(compare(Scenario.of(label)));
    }
    System.out.println();
    System.out.println(
        "| model | scenario | threads | Java ms | Python ms | time Java/Python (quartiles) "
            + "| CPU time Java/Python | beyond weights Java MB | Python MB | memory Java/Python |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|");
    rows.forEach(System.out::println);
  }

  private String compare(Scenario scenario) throws IOException {
    String row = row(scenario, measure(scenario, () -> true));
    System.out.println(row);
    return row;
  }

  /**
   * Measures a scenario.
   *
   * @param goesOn asked before each round but the first that counts; {@code false} ends it
   */
  Outcome measure(Scenario scenario, BooleanSupplier goesOn) throws IOException {
    try (Peer java = Peer.start(command(javaCommand(), scenario), threads);
        Peer python = Peer.start(command(pythonCommand(), scenario), threads)) {
      System.out.printf(
          Locale.ROOT,
          "%s: from the start of the process to a loaded model %.1f s in Java, %.1f s in Python%n",
          scenario.label(),
          java.secondsToStart(),
          python.secondsToStart());
      for (int round = -warm; round < rounds && (round <= 0 || goesOn.getAsBoolean()); round++) {
        // Each side goes first in every other round.
        boolean javaFirst = round % 2 == 0;
        Run first = (javaFirst ? java : python).run(round >= 0);
        Run second = (javaFirst ? python : java).run(round >= 0);
        requireAgreement(scenario, first.result(), second.result());
      }
      write(scenario, java, python);
      return Outcome.of(java, python);
    }
  }

  private String row(Scenario scenario, Outcome outcome) {
    return String.format(
        Locale.ROOT,
        "| %s | %s | %d | %.1f | %.1f | %s | %.2f | %.0f | %.0f | %.2f |",
        name,
        scenario.label(),
        threads,
        outcome.java().wall(),
        outcome.python().wall(),
        outcome.ratio(),
        outcome.java().cpu() / outcome.python().cpu(),
        outcome.java().memory(),
        outcome.python().memory(),
        outcome.java().memory() / outcome.python().memory());
  }

  /**
   * What a side needed.
   *
   * @param wall median milliseconds of a repetition
   * @param cpu mean milliseconds of processor time
   * @param memory peak beyond the weights, MB
   * @param start seconds from the start of the process to a loaded model
   */
  record Side(double wall, double cpu, double memory, double start) {
    private static Side of(Peer peer) throws IOException {
      return new Side(
          median(peer, Run::wall),
          total(peer) / peer.runs().size(),
          peer.memory().peakBeyondWeights(),
          peer.secondsToStart());
    }
  }

  /**
   * What both sides needed.
   *
   * @param rounds repetitions that count
   * @param lower quartile of the ratios of adjacent repetitions, Java by Python
   * @param upper the upper quartile
   */
  record Outcome(Side java, Side python, int rounds, double lower, double upper) {
    private static Outcome of(Peer java, Peer python) throws IOException {
      int rounds = java.runs().size();
      double[] ratios = new double[rounds];
      for (int i = 0; i < rounds; i++) {
        ratios[i] = java.runs().get(i).wall() / python.runs().get(i).wall();
      }
      Arrays.sort(ratios);
      return new Outcome(
          Side.of(java),
          Side.of(python),
          rounds,
          ratios[rounds / 4],
          ratios[rounds - 1 - rounds / 4]);
    }

    /** The ratio of the medians, with the quartiles where there are several repetitions. */
    String ratio() {
      String medians = String.format(Locale.ROOT, "%.2f", java.wall() / python.wall());
      return rounds < 3
          ? medians
          : String.format(Locale.ROOT, "%s (%.2f-%.2f)", medians, lower, upper);
    }
  }

  private void write(Scenario scenario, Peer java, Peer python) throws IOException {
    if (!arguments.has("out")) {
      return;
    }
    Path folder = Files.createDirectories(Path.of(arguments.require("out")));
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < java.runs().size(); i++) {
      lines.add(line(scenario, "java", i, java.runs().get(i)));
      lines.add(line(scenario, "python", i, python.runs().get(i)));
    }
    append(
        folder.resolve("runs.csv"),
        "model,scenario,threads,side,round,wall_ms,cpu_ms,result",
        lines);
    append(
        folder.resolve("summary.csv"),
        "model,scenario,threads,side,wall_median_ms,cpu_mean_ms,weight_bytes,loaded_bytes,peak_bytes",
        List.of(line(scenario, "java", java), line(scenario, "python", python)));
  }

  private String line(Scenario scenario, String side, int round, Run run) {
    return String.format(
        Locale.ROOT,
        "%s,%s,%d,%s,%d,%.3f,%.3f,%s",
        name,
        scenario.label(),
        threads,
        side,
        round,
        run.wall(),
        run.cpu(),
        run.result());
  }

  private String line(Scenario scenario, String side, Peer peer) throws IOException {
    Memory memory = peer.memory();
    return String.format(
        Locale.ROOT,
        "%s,%s,%d,%s,%.3f,%.3f,%d,%d,%d",
        name,
        scenario.label(),
        threads,
        side,
        median(peer, Run::wall),
        total(peer) / peer.runs().size(),
        memory.weights(),
        memory.loaded(),
        memory.peak());
  }

  private static void append(Path file, String header, List<String> lines) throws IOException {
    List<String> old =
        Files.exists(file) ? Files.readAllLines(file, StandardCharsets.UTF_8) : List.of(header);
    AtomicFiles.writeString(
        file,
        Existing.REPLACE,
        Stream.concat(old.stream(), lines.stream()).collect(Collectors.joining("\n", "", "\n")));
  }

  private static double median(Peer peer, ToDoubleFunction<Run> value) {
    double[] values = peer.runs().stream().mapToDouble(value).sorted().toArray();
    int middle = values.length / 2;
    return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  }

  /** Processor time is counted in ticks of 10 ms: only its sum says something. */
  private static double total(Peer peer) {
    return peer.runs().stream().mapToDouble(Run::cpu).sum();
  }

  private static void requireAgreement(Scenario scenario, double first, double second) {
    double scale = Math.max(Math.abs(first), Math.abs(second));
    if (!(Math.abs(first - second) <= scenario.agreement() * scale)) {
      throw new IllegalStateException(
          "%s: both sides must give the same result, gave %s and %s"
              .formatted(scenario.label(), first, second));
    }
  }

  private List<String> javaCommand() {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dai.djl.offline=true",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"));
    String options = arguments.get("jvm", JVM_OPTIONS).strip();
    if (!options.isEmpty()) {
      command.addAll(List.of(options.split("\\s+", -1)));
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), JavaPeer.class.getName()));
    return command;
  }

  private List<String> pythonCommand() {
    return List.of(
        arguments.require("python"),
        arguments.get("script", "ablation-benchmarks/src/main/python/peer.py"));
  }

  private List<String> command(List<String> start, Scenario scenario) {
    List<String> command = new ArrayList<>(start);
    command.addAll(
        List.of(
            "--model",
            model.toString(),
            "--scenario",
            scenario.label(),
            "--threads",
            Integer.toString(threads),
            "--steps",
            Integer.toString(arguments.get("steps", 20)),
            "--device",
            arguments.get("device", "cpu")));
    for (String name : Work.SETTINGS) {
      if (arguments.has(name)) {
        command.addAll(List.of("--" + name, arguments.require(name)));
      }
    }
    return command;
  }
}
