package dev.ablation.benchmarks;

import dev.ablation.benchmarks.PeerComparison.Outcome;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * The whole comparison with Python in one call: every scenario of {@link PeerComparison} that
 * matters for a model, growth with batch, resolution, anchors and concepts, peak memory, start, and
 * what the machine attains.
 *
 * <pre>{@code
 * java -cp CLASS_PATH dev.ablation.benchmarks.Race --shape emoji|sd15 --model FOLDER
 *     [--python PYTHON] [--out race] [--threads 2] [--minutes 60] [--only forward,step] [--cold true]
 *     [--script ablation-benchmarks/src/main/python/peer.py]
 * }</pre>
 *
 * <p>The shapes of {@code sd15} are those of Stable Diffusion 1.x with random weights, which are
 * written to the folder if it does not exist (4.3 GB); for {@code emoji} the folder is the embedded
 * model's. Without {@code --python} an environment with the pinned packages is made in {@code
 * --out} the first time.
 *
 * <p>Both sides run in turn, in fresh processes for each part. A part that has not begun when the
 * minutes are over is left out, and the table says so; a part that has ends after its round. It
 * writes {@code race.md}, {@code race.csv} and, of what grows, {@code growth.svg}.
 */
public final class Race {
  /** The paper's command for an object: images of the anchor, steps of each, training steps. */
  private static final int IMAGES = 1000;

  private static final int SAMPLING_STEPS = 25;
  private static final int TRAINING_STEPS = 100;
  private static final int PAIRS = 8;

  private static final long LARGE_FILE = 1 << 20;

  private final Arguments arguments;
  private final boolean real;
  private final Path model;
  private final Path out;
  private final long deadline;
  private final Map<Part, Outcome> measured = new LinkedHashMap<>();
  private final List<String> leftOut = new ArrayList<>();

  /**
   * A row.
   *
   * @param label in the table
   * @param scenario what is measured
   * @param settings of the scenario
   * @param repeated how often
   * @param axis what it shows the growth of; empty for none
   * @param size on that axis
   */
  private record Part(
      String label,
      Scenario scenario,
      Map<String, String> settings,
      Rounds repeated,
      String axis,
      int size) {}

  /** Repetitions that do not count, and those that do. */
  private record Rounds(int warm, int kept) {}

  private Race(Arguments arguments) throws IOException {
    this.arguments = arguments;
    real =
        switch (arguments.get("shape", "emoji")) {
          case "sd15" -> true;
          case "emoji" -> false;
          default -> throw new IllegalArgumentException("--shape must be emoji or sd15");
        };
    model = Path.of(arguments.require("model"));
    out = Files.createDirectories(Path.of(arguments.get("out", "race")));
    deadline = System.nanoTime() + (long) (60e9 * arguments.get("minutes", 60));
  }

  /**
   * Runs the comparison.
   *
   * @param args see the class
   * @throws IOException if a worker fails or a file cannot be written
   */
  public static void main(String[] args) throws IOException {
    new Race(new Arguments(args)).run();
  }

  private void run() throws IOException {
    if (real && !Files.exists(model)) {
      RandomCheckpoint.main(new String[] {model.toString()});
    }
    Arguments both =
        arguments
            .orElse("threads", "2")
            .with("python", python())
            .with("name", arguments.get("shape", "emoji"));
    if (Boolean.parseBoolean(arguments.get("cold", "false"))) {
      forget();
    }
    List<Part> parts = real ? realParts() : emojiParts();
    List<String> only = List.of(arguments.get("only", "").split(",", -1));
    for (Part part : parts) {
      if (!arguments.has("only") || only.contains(part.scenario().label())) {
        measure(part, both);
        write();
      }
    }
    System.out.println(table());
  }

  private void measure(Part part, Arguments both) throws IOException {
    if (System.nanoTime() > deadline) {
      leftOut.add(part.label());
      return;
    }
    Arguments own =
        both.with("warm", Integer.toString(part.repeated().warm()))
            .with("rounds", Integer.toString(part.repeated().kept()));
    for (Map.Entry<String, String> setting : part.settings().entrySet()) {
      own = own.with(setting.getKey(), setting.getValue());
    }
    Outcome outcome =
        new PeerComparison(own).measure(part.scenario(), () -> System.nanoTime() < deadline);
    measured.put(part, outcome);
    System.out.println(row(part, outcome));
  }

  // What is measured

  private static Part part(String label, Scenario scenario, Rounds repeated, String... settings) {
    return part(label, scenario, repeated, "", 0, settings);
  }

  private static Part part(
      String label, Scenario scenario, Rounds repeated, String axis, int size, String... settings) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < settings.length; i += 2) {
      map.put(settings[i], settings[i + 1]);
    }
    return new Part(label, scenario, map, repeated, axis, size);
  }

  /** A forward pass takes seconds, so that few repetitions must do; the longest parts come last. */
  private static List<Part> realParts() {
    Rounds few = new Rounds(1, 3);
    return List.of(
        part("product of 2,048 x 2,048 numbers", Scenario.MATMUL, new Rounds(3, 9)),
        part("forward", Scenario.FORWARD, few),
        part("step, keys and values", Scenario.STEP, new Rounds(1, 2)),
        part(
            "anchor image, 2 steps with guidance",
            Scenario.SAMPLING,
            new Rounds(1, 2),
            "steps",
            "2"),
        part("decoding", Scenario.DECODE, new Rounds(1, 2)),
        part("text embeddings of 8 prompts", Scenario.TEXT, new Rounds(1, 5), "batch", "8"),
        part("UCE, 1 concept, encoding included", Scenario.UCE, few, "concepts", "1"),
        part(
            "UCE, 100 concepts, encoding included",
            Scenario.UCE,
            new Rounds(0, 2),
            "concepts",
            "100"),
        part("forward, 32 x 32 latents", Scenario.FORWARD, few, "latent side", 32, "size", "32"),
        part("forward, 48 x 48 latents", Scenario.FORWARD, few, "latent side", 48, "size", "48"),
        part(
            "UCE, 1,000 concepts, encoding included",
            Scenario.UCE,
            new Rounds(0, 1),
            "concepts",
            "1000"));
  }

  private static List<Part> emojiParts() {
    Rounds many = new Rounds(3, 15);
    Rounds some = new Rounds(2, 7);
    Rounds few = new Rounds(1, 3);
    String[] batch = {"batch", "8", "workers", "2"};
    List<Part> parts = new ArrayList<>();
    parts.add(part("product of 2,048 x 2,048 numbers", Scenario.MATMUL, many));
    parts.add(part("forward", Scenario.FORWARD, many, batch));
    for (String group : List.of("kv", "attention", "unet")) {
      parts.add(
          part(
              "step, " + group, Scenario.STEP, many, "batch", "8", "workers", "2", "group", group));
    }
    parts.add(part("sampling of 8 images", Scenario.SAMPLING, some, batch));
    parts.add(part("decoding of 8 images", Scenario.DECODE, many, batch));
    parts.add(part("text embeddings of 8 prompts", Scenario.TEXT, many, batch));
    for (int size : new int[] {1, 2, 4, 8, 16}) {
      parts.add(
          part(
              "step, batch of " + size,
              Scenario.STEP,
              some,
              "images in a batch",
              size,
              "batch",
              Integer.toString(size),
              "workers",
              size == 1 ? "1" : "2"));
    }
    for (int side : new int[] {16, 32, 48}) {
      parts.add(
          part(
              "forward, %d x %d latents".formatted(side, side),
              Scenario.FORWARD,
              some,
              "latent side",
              side,
              "size",
              Integer.toString(side)));
    }
    for (int images : new int[] {8, 32, 128}) {
      parts.add(
          part(
              images + " anchor images",
              Scenario.ANCHORS,
              few,
              "anchor images",
              images,
              "images",
              Integer.toString(images),
              "batch",
              "8",
              "workers",
              "2",
              "steps",
              "8"));
    }
    for (int concepts : new int[] {1, 10, 100, 1000}) {
      parts.add(
          part(
              "UCE, %,d concepts, encoding included".formatted(concepts),
              Scenario.UCE,
              concepts == 1000 ? new Rounds(0, 1) : some,
              "concepts",
              concepts,
              "concepts",
              Integer.toString(concepts)));
    }
    parts.add(
        part(
            "whole ablation: 64 anchors of 16 steps, 200 training steps",
            Scenario.ABLATION,
            new Rounds(0, 3),
            "batch",
            "8",
            "workers",
            "2",
            "steps",
            "16"));
    return parts;
  }

  // What it needs

  /** The interpreter that was named, or that of an environment that is made the first time. */
  private String python() throws IOException {
    if (arguments.has("python")) {
      return arguments.require("python");
    }
    Path environment = out.resolve("python");
    Path python = environment.resolve("bin").resolve("python");
    if (!Files.exists(python)) {
      Path requirements =
          Path.of(arguments.get("script", "ablation-benchmarks/src/main/python/peer.py"))
              .resolveSibling("requirements.txt");
      execute("python3", "-m", "venv", environment.toString());
      execute(python.toString(), "-m", "pip", "install", "-q", "-r", requirements.toString());
    }
    return python.toString();
  }

  /** Has the system forget the model's files, so that the first start reads the disk. */
  private void forget() throws IOException {
    try (Stream<Path> files = Files.walk(model)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (Files.size(file) > LARGE_FILE) {
          execute("dd", "if=" + file, "of=/dev/null", "iflag=nocache", "count=0", "status=none");
        }
      }
    }
  }

  private static void execute(String... command) throws IOException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    try {
      if (process.waitFor() != 0) {
        throw new IOException("failed: " + String.join(" ", command));
      }
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted: " + String.join(" ", command), e);
    }
  }

  // What it writes

  private void write() throws IOException {
    AtomicFiles.writeString(out.resolve("race.md"), Existing.REPLACE, table());
    List<String> lines = new ArrayList<>();
    lines.add("part,side,rounds,wall_median_ms,cpu_mean_ms,memory_beyond_weights_mb,start_s");
    measured.forEach((part, outcome) -> {
      lines.add(line(part, "java", outcome.rounds(), outcome.java()));
      lines.add(line(part, "python", outcome.rounds(), outcome.python()));
    });
    AtomicFiles.writeString(
        out.resolve("race.csv"), Existing.REPLACE, String.join("\n", lines) + "\n");
    List<Plot.Panel> panels = panels();
    if (!panels.isEmpty()) {
      AtomicFiles.writeString(out.resolve("growth.svg"), Existing.REPLACE, Plot.svg(panels));
    }
  }

  private static String line(Part part, String side, int rounds, PeerComparison.Side of) {
    return String.format(
        Locale.ROOT,
        "\"%s\",%s,%d,%.3f,%.3f,%.1f,%.2f",
        part.label(),
        side,
        rounds,
        of.wall(),
        of.cpu(),
        of.memory(),
        of.start());
  }

  private String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        "| part | Java ms | Python ms | time Java/Python (quartiles) | CPU time Java/Python"
            + " | memory Java/Python | repetitions |\n"
            + "| --- | ---: | ---: | --- | ---: | ---: | ---: |\n");
    measured.forEach((part, outcome) -> text.append(row(part, outcome)).append('\n'));
    derived(text);
    leftOut.forEach(label -> text.append("\nNot measured, the time was over: ").append(label));
    return text.append('\n').toString();
  }

  private static String row(Part part, Outcome outcome) {
    return String.format(
        Locale.ROOT,
        "| %s | %,.1f | %,.1f | %s | %.2f | %.2f | %d |",
        part.label(),
        outcome.java().wall(),
        outcome.python().wall(),
        outcome.ratio(),
        outcome.java().cpu() / outcome.python().cpu(),
        outcome.java().memory() / outcome.python().memory(),
        outcome.rounds());
  }

  /** What follows from measured parts. */
  private void derived(StringBuilder text) {
    first(Scenario.MATMUL)
        .ifPresent(product -> {
          double work = 2.0 * Math.pow(Work.MATRIX, 3) / 1e6;
          text.append(
              String.format(
                  Locale.ROOT,
                  "%nThe product attains %.0f GFLOP/s in Java and %.0f in Python.%n",
                  work / product.java().wall(),
                  work / product.python().wall()));
        });
    double javaStart = starts(PeerComparison.Side::start, true);
    if (javaStart > 0) {
      text.append(
          String.format(
              Locale.ROOT,
              "%nFrom the start of a process to a loaded model, median: %.1f s in Java, %.1f s in"
                  + " Python; the first start %.1f and %.1f s.%n",
              javaStart,
              starts(PeerComparison.Side::start, false),
              measured.values().iterator().next().java().start(),
              measured.values().iterator().next().python().start()));
    }
    first(Scenario.SAMPLING)
        .filter(sampling -> real)
        .ifPresent(sampling ->
            first(Scenario.STEP).ifPresent(step -> text.append(wholeFromParts(sampling, step))));
  }

  /** The sampling part has two steps; what is beside them is below a hundredth. */
  private String wholeFromParts(Outcome sampling, Outcome step) {
    double java = whole(sampling.java().wall(), step.java().wall());
    double python = whole(sampling.python().wall(), step.python().wall());
    return String.format(
        Locale.ROOT,
        "%nFrom these parts: an anchor image of %d steps takes %.0f s in Java and %.0f s in Python; a"
            + " whole ablation (%,d anchor images, %d steps of %d pairs, one after the other) %.1f"
            + " and %.1f hours, %.2f times Python's.%n",
        SAMPLING_STEPS,
        sampling.java().wall() * SAMPLING_STEPS / 2 / 1e3,
        sampling.python().wall() * SAMPLING_STEPS / 2 / 1e3,
        IMAGES,
        TRAINING_STEPS,
        PAIRS,
        java,
        python,
        java / python);
  }

  private static double whole(double twoSteps, double step) {
    double milliseconds =
        IMAGES * twoSteps * SAMPLING_STEPS / 2 + (double) TRAINING_STEPS * PAIRS * step;
    return milliseconds / 3.6e6;
  }

  private Optional<Outcome> first(Scenario scenario) {
    return measured.entrySet().stream()
        .filter(each -> each.getKey().scenario() == scenario && each.getKey().axis().isEmpty())
        .map(Map.Entry::getValue)
        .findFirst();
  }

  private double starts(ToDoubleFunction<PeerComparison.Side> value, boolean java) {
    double[] sorted =
        measured.values().stream()
            .mapToDouble(each -> value.applyAsDouble(java ? each.java() : each.python()))
            .sorted()
            .toArray();
    return sorted.length == 0 ? 0 : sorted[sorted.length / 2];
  }

  /** One for each axis that has at least two sizes. */
  private List<Plot.Panel> panels() {
    Map<String, List<Map.Entry<Part, Outcome>>> axes = new LinkedHashMap<>();
    for (Map.Entry<Part, Outcome> each : measured.entrySet()) {
      String axis = each.getKey().axis();
      if (!axis.isEmpty()) {
        axes.computeIfAbsent(axis, key -> new ArrayList<>()).add(each);
      }
    }
    List<Plot.Panel> panels = new ArrayList<>();
    axes.forEach((axis, points) -> {
      if (points.size() > 1) {
        panels.add(
            new Plot.Panel(
                points.get(0).getKey().scenario().label() + ", time",
                axis,
                points.stream().map(each -> (double) each.getKey().size()).toList(),
                points.stream().map(each -> each.getValue().java().wall() / 1e3).toList(),
                points.stream().map(each -> each.getValue().python().wall() / 1e3).toList()));
      }
    });
    return panels;
  }
}
