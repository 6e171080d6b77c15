package dev.ablation.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.internal.FileReading;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorEntry;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A state of training as one safetensors file. Its header holds a JSON text with the plan, the
 * step, measurements, and the format, shape and CRC-32C of every tensor, and a CRC of that text, so
 * that damage anywhere in the file is detected.
 *
 * <p>The positions of the random streams are the plan's seed and the step: every stream is derived
 * from (seed, purpose, step).
 */
final class CheckpointFile {
  private static final String FORMAT_KEY = "ablation.format";
  private static final String FORMAT = "checkpoint/1";
  private static final String JSON_KEY = "ablation.checkpoint";
  private static final String CRC_KEY = "ablation.checkpoint.crc32c";

  /** Format and shape of each tensor; absent in files of earlier versions. */
  private static final String FORMS = "forms";

  private static final String LOSSES = "history.loss";
  private static final String NORMS = "history.gradient-norm";
  private static final String STATE = "state.";
  private static final int PIECE_BYTES = 4 << 20;

  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private final Path path;
  private final Provenance plan;

  /** All but the arrays. */
  private final TrainingState described;

  private CheckpointFile(Path path, Provenance plan, TrainingState described) {
    this.path = path;
    this.plan = plan;
    this.described = described;
  }

  Path path() {
    return path;
  }

  int step() {
    return described.step();
  }

  Provenance plan() {
    return plan;
  }

  // Writing

  static void write(Path path, Provenance plan, TrainingState state) throws IOException {
    Map<String, TensorSource> sources = new TreeMap<>();
    sources.put(LOSSES, doubles(state.history(), TrainingResult.Step::loss));
    sources.put(NORMS, doubles(state.history(), TrainingResult.Step::gradientNorm));
    state.arrays().forEach((name, array) -> sources.put(STATE + name, TensorSource.of(array)));

    JsonObject json = new JsonObject();
    json.addProperty("step", state.step());
    json.add("plan", JsonParser.parseString(plan.toJson()));
    json.addProperty(
        "random", "every stream is derived from (seed, purpose, step): the plan's seed, this step");
    json.add("values", GSON.toJsonTree(state.values()));
    JsonArray measurements = new JsonArray();
    for (Measurement each : state.measurements()) {
      JsonArray measurement = new JsonArray();
      measurement.add(each.step());
      measurement.add(each.name());
      measurement.add(Double.toString(each.value())); // JSON has no NaN
      measurements.add(measurement);
    }
    json.add("measurements", measurements);
    JsonObject crcs = new JsonObject();
    for (Map.Entry<String, TensorSource> each : sources.entrySet()) {
      crcs.addProperty(each.getKey(), crc(each.getValue()));
    }
    json.add("crc32c", crcs);
    JsonObject forms = new JsonObject();
    sources.forEach(
        (name, source) -> forms.addProperty(name, form(source.dtype(), source.shape())));
    json.add(FORMS, forms);
    String text = GSON.toJson(json);
    SafetensorsWriter.writeSources(
        path,
        sources,
        Map.of(FORMAT_KEY, FORMAT, JSON_KEY, text, CRC_KEY, crc(text)),
        WriteOptions.defaults());
  }

  private static TensorSource doubles(
      List<TrainingResult.Step> history, ToDoubleFunction<TrainingResult.Step> value) {
    return new TensorSource() {
      @Override
      public Dtype dtype() {
        return Dtype.F64;
      }

      @Override
      public Shape shape() {
        return new Shape(history.size());
      }

      @Override
      public void writeTo(WritableByteChannel out) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Double.BYTES * history.size());
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        history.forEach(step -> bytes.putDouble(value.applyAsDouble(step)));
        bytes.flip();
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
      }
    };
  }

  private static String form(Dtype dtype, Shape shape) {
    return dtype + " " + shape;
  }

  private static String crc(TensorSource source) throws IOException {
    CRC32C crc = new CRC32C();
    source.writeTo(
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer bytes) {
            int count = bytes.remaining();
            crc.update(bytes);
            return count;
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {
            // There is nothing to close.
          }
        });
    return hex(crc);
  }

  private static String crc(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return hex(crc);
  }

  private static String hex(CRC32C crc) {
    return "%08x".formatted(crc.getValue());
  }

  // Reading

  /**
   * Reads the plan and the step, and checks every byte.
   *
   * @throws DamagedCheckpointException if the file is incomplete or damaged
   */
  static CheckpointFile open(Path path) throws IOException {
    try {
      return FileReading.of(path, () -> check(path));
    } catch (MalformedSafetensorsException e) {
      throw new DamagedCheckpointException(path, "is no whole safetensors file", e);
    } catch (IOException e) {
      if (e.getCause() instanceof RuntimeException) {
        throw new DamagedCheckpointException(path, "its description is damaged", e);
      }
      throw e;
    }
  }

  private static CheckpointFile check(Path path) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(path, SafetensorsFile.Access.COPY)) {
      String format = file.metadata().get(FORMAT_KEY);
      String text = file.metadata().get(JSON_KEY);
      if (!FORMAT.equals(format) || text == null) {
        throw new DamagedCheckpointException(
            path, "is not a checkpoint of format " + FORMAT + ", but of " + format, null);
      }
      if (!crc(text).equals(file.metadata().get(CRC_KEY))) {
        throw new DamagedCheckpointException(path, "its description is damaged", null);
      }
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      checkForms(path, file, json.getAsJsonObject(FORMS));
      checkTensors(path, file, json.getAsJsonObject("crc32c"));
      return new CheckpointFile(
          path, Provenance.fromJson(json.get("plan").toString()), described(json, file));
    }
  }

  private static TrainingState described(JsonObject json, SafetensorsFile file) throws IOException {
    double[] losses = doubles(file, LOSSES);
    double[] norms = doubles(file, NORMS);
    if (losses.length != norms.length) {
      throw new IllegalArgumentException("losses and gradient norms must be as many");
    }
    List<TrainingResult.Step> history = new ArrayList<>();
    for (int i = 0; i < losses.length; i++) {
      history.add(new TrainingResult.Step(losses[i], norms[i]));
    }
    Map<String, String> values = new LinkedHashMap<>();
    json.getAsJsonObject("values")
        .entrySet()
        .forEach(each -> values.put(each.getKey(), each.getValue().getAsString()));
    List<Measurement> measurements = new ArrayList<>();
    for (JsonElement each : json.getAsJsonArray("measurements")) {
      JsonArray measurement = each.getAsJsonArray();
      measurements.add(
          new Measurement(
              measurement.get(0).getAsInt(),
              measurement.get(1).getAsString(),
              Double.parseDouble(measurement.get(2).getAsString())));
    }
    int step = json.get("step").getAsInt();
    return new TrainingState(step, history, measurements, Map.of(), values);
  }

  private static void checkForms(Path path, SafetensorsFile file, @Nullable JsonObject forms)
      throws IOException {
    for (TensorEntry entry : file.tensors().values()) {
      String form = form(entry.dtype(), entry.shape());
      boolean history = entry.name().equals(LOSSES) || entry.name().equals(NORMS);
      boolean readable =
          history ? entry.dtype() == Dtype.F64 : entry.dtype().arrayType().isPresent();
      if (!readable
          || (forms != null
              && !(forms.has(entry.name())
                  && forms.get(entry.name()).getAsString().equals(form)))) {
        throw new DamagedCheckpointException(
            path, "'" + entry.name() + "' cannot be " + form, null);
      }
    }
  }

  private static void checkTensors(Path path, SafetensorsFile file, JsonObject crcs)
      throws IOException {
    if (!file.tensors().keySet().equals(crcs.keySet())) {
      throw new DamagedCheckpointException(path, "its tensors are not those described", null);
    }
    long largest =
        file.tensors().values().stream().mapToLong(TensorEntry::byteSize).max().orElse(0);
    ByteBuffer piece = ByteBuffer.allocateDirect((int) Math.min(PIECE_BYTES, largest));
    for (TensorEntry entry : file.tensors().values()) {
      CRC32C crc = new CRC32C();
      for (long at = 0; at < entry.byteSize(); at += PIECE_BYTES) {
        piece.clear().limit((int) Math.min(PIECE_BYTES, entry.byteSize() - at));
        file.readBytes(entry.name(), at, piece);
        crc.update(piece.flip());
      }
      if (!hex(crc).equals(crcs.get(entry.name()).getAsString())) {
        throw new DamagedCheckpointException(path, "'" + entry.name() + "' is damaged", null);
      }
    }
  }

  /** Reads the state; its arrays belong to {@code scope}. */
  TrainingState state(NDManager scope) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(path, SafetensorsFile.Access.COPY)) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      for (String name : file.tensors().keySet()) {
        if (name.startsWith(STATE)) {
          arrays.put(name.substring(STATE.length()), file.read(name, scope));
        }
      }
      return new TrainingState(
          described.step(),
          described.history(),
          described.measurements(),
          arrays,
          described.values());
    }
  }

  private static double[] doubles(SafetensorsFile file, String name) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(file.tensor(name).byteSize()));
    file.readBytes(name, 0, bytes);
    double[] values = new double[bytes.capacity() / Double.BYTES];
    bytes.flip().order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(values);
    return values;
  }
}
