package dev.ablation.benchmarks;

import ai.djl.pytorch.jni.JniUtils;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Prints the ten largest costs of a piece of work, by the engine's own profiler: operations by the
 * time that they take themselves, without those that they call. What is outside of every operation
 * is Java and the way into the engine.
 *
 * <pre>{@code
 * java -cp CLASS_PATH dev.ablation.benchmarks.LargestCosts [--model FOLDER] [--scenario step]
 *     [--batch 8] [--group kv] [--threads 1] [--repeats 5] [--out after.csv] [--before before.csv]
 * }</pre>
 *
 * <p>Without a folder it takes the embedded model. {@code --out} keeps the costs; of a later run
 * {@code --before} shows them beside its own. The profiler sees the calling thread, which also
 * takes part in what several threads share, and makes every operation a little slower.
 */
public final class LargestCosts {
  private static final int LARGEST = 10;
  private static final int WARM_UP = 3;
  private static final String OUTSIDE = "outside of operations";

  private LargestCosts() {}

  /**
   * Runs the measurement.
   *
   * @param args see the class
   * @throws IOException if the model or a file cannot be read, or the costs not be written
   */
  public static void main(String[] args) throws IOException {
    Arguments arguments = new Arguments(args);
    LoadOptions options = LoadOptions.defaults().threads(arguments.get("threads", 1));
    int repeats = arguments.get("repeats", 5);
    Map<String, Cost> costs;
    try (StableDiffusion model =
            arguments.has("model")
                ? StableDiffusion.load(Path.of(arguments.require("model")), options)
                : EmbeddedModel.open(options);
        Work work =
            Work.of(
                Scenario.of(arguments.get("scenario", "step")),
                model,
                arguments.orElse("batch", "8"))) {
      costs = measured(work, repeats);
    }
    Map<String, Cost> before =
        arguments.has("before") ? read(Path.of(arguments.require("before"))) : Map.of();
    System.out.print(table(costs, before));
    if (arguments.has("out")) {
      write(costs, Path.of(arguments.require("out")));
    }
  }

  /**
   * The cost of an operation in one repetition.
   *
   * @param calls how often it is called
   * @param milliseconds that it takes itself, without those that it calls
   */
  record Cost(double calls, double milliseconds) {
    private Cost plus(double calls, double milliseconds) {
      return new Cost(this.calls + calls, this.milliseconds + milliseconds);
    }
  }

  private static Map<String, Cost> measured(Work work, int repeats) throws IOException {
    for (int i = 0; i < WARM_UP; i++) {
      work.once();
    }
    Path trace = Files.createTempFile("trace", ".json");
    try {
      JniUtils.startProfile(false, false, false);
      long start = System.nanoTime();
      for (int i = 0; i < repeats; i++) {
        work.once();
      }
      double wall = (System.nanoTime() - start) / 1e6;
      JniUtils.stopProfile(trace.toString());
      String text = Files.readString(trace, StandardCharsets.UTF_8);
      return costs(JsonParser.parseString(text).getAsJsonArray(), wall, repeats);
    } finally {
      Files.delete(trace);
    }
  }

  private record Operation(String name, double start, double end) {
    double length() {
      return end - start;
    }
  }

  /**
   * Sums the times of operations without those that they call.
   *
   * @param events of the profiler, times in microseconds
   * @param wall milliseconds of all repetitions
   * @param repeats number of repetitions
   */
  static Map<String, Cost> costs(JsonArray events, double wall, int repeats) {
    List<Operation> operations = new ArrayList<>();
    for (JsonElement event : events) {
      JsonObject values = event.getAsJsonObject();
      if (values.has("dur")) {
        double start = values.get("ts").getAsDouble();
        operations.add(
            new Operation(
                values.get("name").getAsString(), start, start + values.get("dur").getAsDouble()));
      }
    }
    operations.sort(
        Comparator.comparingDouble(Operation::start)
            .thenComparing(Comparator.comparingDouble(Operation::end).reversed()));
    Map<String, Cost> costs = new LinkedHashMap<>();
    Deque<Operation> open = new ArrayDeque<>();
    double inside = 0;
    for (Operation operation : operations) {
      Operation caller = open.peek();
      while (caller != null && caller.end() <= operation.start()) {
        open.pop();
        caller = open.peek();
      }
      if (caller == null) {
        inside += operation.length();
      } else {
        add(costs, caller.name(), 0, -operation.length(), repeats);
      }
      add(costs, operation.name(), 1, operation.length(), repeats);
      open.push(operation);
    }
    costs.put(OUTSIDE, new Cost(0, Math.max(0, wall - inside / 1e3) / repeats));
    return costs;
  }

  private static void add(
      Map<String, Cost> costs, String name, int calls, double microseconds, int repeats) {
    Cost known = costs.getOrDefault(name, new Cost(0, 0));
    costs.put(name, known.plus((double) calls / repeats, microseconds / 1e3 / repeats));
  }

  /** The largest of both, with what they were. */
  static String table(Map<String, Cost> costs, Map<String, Cost> before) {
    double total = costs.values().stream().mapToDouble(Cost::milliseconds).sum();
    StringBuilder text = new StringBuilder();
    boolean compared = !before.isEmpty();
    text.append("| cost | calls | ms | share |")
        .append(compared ? " calls before | ms before |" : "")
        .append("\n| --- | ---: | ---: | ---: |")
        .append(compared ? " ---: | ---: |\n" : "\n");
    costs.entrySet().stream()
        .sorted(
            Comparator.comparingDouble(
                    (Map.Entry<String, Cost> each) -> each.getValue().milliseconds())
                .reversed())
        .limit(LARGEST)
        .forEach(each -> {
          Cost cost = each.getValue();
          text.append(
              String.format(
                  Locale.ROOT,
                  "| `%s` | %.0f | %.1f | %.0f %% |",
                  each.getKey(),
                  cost.calls(),
                  cost.milliseconds(),
                  100 * cost.milliseconds() / total));
          if (compared) {
            Cost old = before.getOrDefault(each.getKey(), new Cost(0, 0));
            text.append(
                String.format(Locale.ROOT, " %.0f | %.1f |", old.calls(), old.milliseconds()));
          }
          text.append('\n');
        });
    text.append(String.format(Locale.ROOT, "| all | | %.1f | |", total));
    if (compared) {
      text.append(
          String.format(
              Locale.ROOT,
              " | %.1f |",
              before.values().stream().mapToDouble(Cost::milliseconds).sum()));
    }
    return text.append('\n').toString();
  }

  private static void write(Map<String, Cost> costs, Path file) throws IOException {
    List<String> lines = new ArrayList<>();
    costs.forEach((name, cost) ->
        lines.add(
            String.format(Locale.ROOT, "%s\t%.3f\t%.6f", name, cost.calls(), cost.milliseconds())));
    AtomicFiles.writeString(file, Existing.REPLACE, String.join("\n", lines) + "\n");
  }

  private static Map<String, Cost> read(Path file) throws IOException {
    Map<String, Cost> costs = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
      String[] parts = line.split("\t", -1);
      costs.put(parts[0], new Cost(Double.parseDouble(parts[1]), Double.parseDouble(parts[2])));
    }
    return costs;
  }
}
