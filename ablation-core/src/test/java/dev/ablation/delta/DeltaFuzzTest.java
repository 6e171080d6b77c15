package dev.ablation.delta;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Safetensors;
import dev.ablation.model.LoraFactors;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.Checksums;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

class DeltaFuzzTest extends ReaderFuzz {
  private static final String TABLE = "text.table";
  private static final String KEY = "network.key";

  @TempDir Path made;

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterAll
  void close() {
    model.close();
  }

  @Override
  protected Mutator mutator() {
    return new Safetensors(DeltaFuzzTest::repair);
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    List<byte[]> files = new ArrayList<>();
    Provenance provenance =
        new Provenance(
            "1", "tiny", "unknown", Map.of(), Map.of("concept", "cat"), Map.of("java", "17"));
    try (NDManager scope = model.manager().newSubManager();
        WeightDelta full = TinyDelta.of(model, 1)) {
      files.add(saved(full));
      Shape table =
          model.weights().list().stream()
              .filter(info -> info.name().equals(TABLE))
              .findFirst()
              .orElseThrow()
              .shape();
      Map<String, WeightChange> rows =
          Map.of(
              TABLE,
              WeightChange.addingRows(
                  table.get(0),
                  scope.create(new long[] {3, 5}),
                  scope.ones(new Shape(2, table.get(1)))));
      try (WeightDelta delta = WeightDelta.of(model.weights(), rows, scope, provenance)) {
        files.add(saved(delta));
      }
      Shape key = model.weights().get(KEY).getShape();
      LoraFactors factors =
          new LoraFactors(
              scope.ones(new Shape(2, key.get(1))), scope.ones(new Shape(key.get(0), 2)), 0.5);
      try (WeightDelta delta = WeightDelta.ofLowRank(Map.of(KEY, factors), scope, provenance)) {
        files.add(saved(delta));
      }
    }
    return Map.of("delta.safetensors", files);
  }

  private byte[] saved(WeightDelta delta) throws IOException {
    Path file = made.resolve("seed");
    delta.save(file);
    byte[] bytes = Files.readAllBytes(file);
    Files.delete(file);
    return bytes;
  }

  /** Computes the checksums anew, so that the damage behind them is reached. */
  private static void repair(JsonObject header, byte[] data) {
    JsonObject metadata = header.getAsJsonObject("__metadata__");
    JsonObject tensors = new JsonObject();
    for (String name : header.keySet()) {
      if (!name.equals("__metadata__")) {
        JsonObject tensor = header.getAsJsonObject(name);
        try {
          tensors.addProperty(name, Checksums.of(source(tensor, data)));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    Map<String, String> strings = new TreeMap<>();
    for (String key : metadata.keySet()) {
      if (!key.equals("ablation.checksums")) {
        strings.put(key, metadata.get(key).getAsString());
      }
    }
    JsonObject sums = new JsonObject();
    sums.addProperty("header", Checksums.of(strings));
    sums.add("tensors", tensors);
    metadata.add("ablation.checksums", new JsonPrimitive(sums.toString()));
  }

  private static TensorSource source(JsonObject tensor, byte[] data) {
    int begin = tensor.getAsJsonArray("data_offsets").get(0).getAsInt();
    int end = tensor.getAsJsonArray("data_offsets").get(1).getAsInt();
    long[] shape = new long[tensor.getAsJsonArray("shape").size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = tensor.getAsJsonArray("shape").get(i).getAsLong();
    }
    return new TensorSource() {
      @Override
      public Dtype dtype() {
        return Dtype.valueOf(tensor.get("dtype").getAsString());
      }

      @Override
      public Shape shape() {
        return new Shape(shape);
      }

      @Override
      public void writeTo(WritableByteChannel out) throws IOException {
        out.write(ByteBuffer.wrap(data, begin, end - begin));
      }
    };
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try (WeightDelta delta =
        WeightDelta.load(folder.resolve("delta.safetensors"), model.manager())) {
      delta.provenance().toJson();
      delta.applyTo(model).close();
      for (String name : delta.names()) {
        delta.get(name).toFloatArray();
      }
    } catch (DeltaMismatchException e) {
      return; // sound, but for another model
    }
  }
}
