package dev.ablation.emoji;

import ai.djl.pytorch.jni.JniUtils;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What the engine did for a piece of work on the calling thread, as its own profiler tells: numbers
 * that are the same on a busy and on an idle machine.
 *
 * @param calls operations and kernels that Java called; each makes at least one array
 * @param copied bytes written by copying arrays
 * @param convolutionGradients convolutions that the backward pass goes through
 */
record NativeCounts(long calls, long copied, long convolutionGradients) {
  /** The engine's profiler sees one thread; it is not to be started twice. */
  static void start() {
    JniUtils.startProfile(false, true, false);
  }

  /**
   * Ends what {@link #start} began.
   *
   * @param folder for the profiler's file, which is removed
   */
  static NativeCounts stop(Path folder) {
    try {
      Path trace = Files.createTempFile(folder, "trace", ".json");
      JniUtils.stopProfile(trace.toString());
      JsonArray events = JsonParser.parseString(Files.readString(trace)).getAsJsonArray();
      Files.delete(trace);
      return of(events);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static NativeCounts of(JsonArray events) {
    List<Operation> operations = new ArrayList<>();
    for (JsonElement event : events) {
      JsonObject values = event.getAsJsonObject();
      if (values.has("dur")) {
        operations.add(Operation.of(values));
      }
    }
    operations.sort(
        Comparator.comparingDouble(Operation::start)
            .thenComparing(Comparator.comparingDouble(Operation::end).reversed()));
    long calls = 0;
    long copied = 0;
    long gradients = 0;
    double end = Double.NEGATIVE_INFINITY;
    for (Operation operation : operations) {
      if (operation.start() >= end) {
        calls++;
        end = operation.end();
      }
      copied += operation.copied();
      gradients += operation.name().equals("ConvolutionBackward0") ? 1 : 0;
    }
    return new NativeCounts(calls, copied, gradients);
  }

  private record Operation(String name, double start, double end, long copied) {
    static Operation of(JsonObject values) {
      String name = values.get("name").getAsString();
      double start = values.get("ts").getAsDouble();
      return new Operation(
          name,
          start,
          start + values.get("dur").getAsDouble(),
          name.equals("aten::copy_")
              ? Float.BYTES * numbers(values.getAsJsonArray("shape").get(0).getAsJsonArray())
              : 0);
    }

    private static long numbers(JsonArray shape) {
      long numbers = 1;
      for (JsonElement side : shape) {
        numbers *= side.getAsLong();
      }
      return numbers;
    }
  }
}
