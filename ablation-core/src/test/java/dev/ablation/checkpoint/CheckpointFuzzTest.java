package dev.ablation.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Safetensors;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

/** A damaged checkpoint or plan is put aside, and the checkpoint before is used. */
class CheckpointFuzzTest extends ReaderFuzz {
  private static final String NEWEST = "checkpoint-00000002.safetensors";
  private static final String BEFORE = "checkpoint-00000001.safetensors";
  private static final Provenance PLAN =
      new Provenance("1", "tiny", "unknown", Map.of("w", "0"), Map.of("a", "b"), Map.of());

  @TempDir Path made;

  private final NDManager manager = NDManager.newBaseManager();

  @AfterAll
  void close() {
    manager.close();
  }

  @Override
  protected Mutator mutator() {
    return new Safetensors(CheckpointFuzzTest::repair);
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    Path folder = made.resolve("run");
    try (RunFolder run = RunFolder.open(Checkpoints.in(folder), PLAN, text -> {})) {
      run.save(state(1));
      run.save(state(2));
    }
    byte[] before = Files.readAllBytes(folder.resolve(BEFORE));
    byte[] plan = Files.readAllBytes(folder.resolve("plan.json"));
    Files.createDirectories(made.resolve("sound"));
    Files.write(made.resolve("sound").resolve(BEFORE), before);
    Files.write(made.resolve("sound").resolve("plan.json"), plan);
    return Map.of(NEWEST, List.of(Files.readAllBytes(folder.resolve(NEWEST))));
  }

  private TrainingState state(int step) {
    TrainingResult.Step done = new TrainingResult.Step(0.5, 1);
    return new TrainingState(
        step,
        List.of(done, done).subList(0, step),
        List.of(new Measurement(1, "CLIP score", Double.NaN)),
        Map.of(
            "w", manager.create(new float[] {step, 2, 3}), "n", manager.create(new int[] {step})),
        Map.of("best", "0.25"));
  }

  private static void repair(JsonObject header, byte[] data) {
    JsonObject metadata = header.getAsJsonObject("__metadata__");
    JsonObject json =
        JsonParser.parseString(metadata.get("ablation.checkpoint").getAsString()).getAsJsonObject();
    JsonObject sums = new JsonObject();
    JsonObject forms = new JsonObject();
    for (String name : header.keySet()) {
      if (!name.equals("__metadata__")) {
        JsonArray offsets = header.getAsJsonObject(name).getAsJsonArray("data_offsets");
        CRC32C crc = new CRC32C();
        int begin = offsets.get(0).getAsInt();
        crc.update(data, begin, offsets.get(1).getAsInt() - begin);
        sums.addProperty(name, "%08x".formatted(crc.getValue()));
        String shape = header.getAsJsonObject(name).getAsJsonArray("shape").toString();
        forms.addProperty(
            name,
            header.getAsJsonObject(name).get("dtype").getAsString()
                + " "
                + shape.replace('[', '(').replace(']', ')').replace(",", ", "));
      }
    }
    json.add("crc32c", sums);
    json.add("forms", forms);
    String text = json.toString();
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    metadata.add("ablation.checkpoint", new JsonPrimitive(text));
    metadata.addProperty("ablation.checkpoint.crc32c", "%08x".formatted(crc.getValue()));
  }

  @Override
  protected int usualInputs() {
    return 200;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    for (String name : List.of(BEFORE, "plan.json")) {
      if (!Files.exists(folder.resolve(name))) {
        Files.copy(made.resolve("sound").resolve(name), folder.resolve(name));
      }
    }
    try (RunFolder run = RunFolder.open(Checkpoints.in(folder), PLAN, text -> {});
        NDManager scope = manager.newSubManager()) {
      TrainingState state = run.state(scope).orElseThrow();
      assertThat(run.step()).hasValue(state.step());
      if (run.newest().orElseThrow().endsWith(BEFORE)) {
        assertThat(state.step()).isEqualTo(1);
      }
    } catch (CheckpointMismatchException e) {
      return; // a sound checkpoint of another plan
    } finally {
      Files.deleteIfExists(folder.resolve(NEWEST + ".damaged"));
    }
  }
}
