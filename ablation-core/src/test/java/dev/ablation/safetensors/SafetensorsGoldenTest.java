package dev.ablation.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.fail;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Sound, odd and malformed files, each with a note that says what a reader should do with it. */
class SafetensorsGoldenTest {

  private static final Path FOLDER =
      Path.of(System.getProperty("ablation.golden"), "formats", "malformed");

  @TestFactory
  Stream<DynamicTest> everyFileGetsTheVerdictOfItsNote() throws IOException {
    List<Path> notes;
    try (Stream<Path> files = Files.list(FOLDER)) {
      notes = files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
    assertThat(notes).as("notes in %s", FOLDER).isNotEmpty();
    List<String> named = notes.stream().map(SafetensorsGoldenTest::fileOf).toList();
    try (Stream<Path> files = Files.list(FOLDER)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .filteredOn(name -> name.endsWith(".safetensors"))
          .as("every file has a note")
          .containsExactlyInAnyOrderElementsOf(named);
    }
    return notes.stream().map(note -> DynamicTest.dynamicTest(fileOf(note), () -> check(note)));
  }

  private static String fileOf(Path note) {
    return note.getFileName().toString().replaceFirst("\\.json$", ".safetensors");
  }

  private static void check(Path noteFile) throws IOException {
    JsonObject note = JsonParser.parseString(Files.readString(noteFile)).getAsJsonObject();
    String verdict = note.get("our_reader_should").getAsString();
    Path file = FOLDER.resolve(note.get("file").getAsString());
    assertThat(Files.size(file)).isEqualTo(note.get("bytes").getAsLong());
    switch (verdict) {
      case "accept" -> readAll(file, note);
      case "reject" -> reject(file);
      case "accept-or-reject" -> {
        boolean accepted;
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
          accepted = opened.path().equals(file);
        } catch (MalformedSafetensorsException e) {
          accepted = false;
        }
        if (accepted) {
          readAll(file, note);
        } else {
          reject(file);
        }
      }
      default -> fail("unknown verdict " + verdict + " in " + noteFile);
    }
  }

  private static void reject(Path file) {
    assertThatThrownBy(() -> SafetensorsFile.open(file).close())
        .isInstanceOfSatisfying(
            MalformedSafetensorsException.class,
            e -> {
              assertThat(e.path()).isEqualTo(file);
              assertThat(e.detail()).isNotBlank();
              assertThat(e).hasMessageContaining(file.toString()).hasMessageContaining(e.detail());
              assertThat(e.rule().id()).isNotBlank();
            });
  }

  private static void readAll(Path file, JsonObject note) throws IOException {
    JsonElement expected = note.getAsJsonObject("reference_load_file").get("detail");
    try (SafetensorsFile opened = SafetensorsFile.open(file);
        NDManager manager =
            NDManager.newBaseManager(Device.fromName(System.getProperty("ablation.device")))) {
      for (TensorEntry entry : opened.tensors().values()) {
        if (entry.dtype().arrayType().isPresent()) {
          NDArray array = opened.read(entry.name(), manager);
          assertThat(array.getShape()).isEqualTo(entry.shape());
          assertThat(array.toByteBuffer().remaining()).isEqualTo((int) entry.byteSize());
        }
        opened.readBytes(entry.name(), 0, ByteBuffer.allocate((int) entry.byteSize()));
      }
      if (!expected.isJsonObject()) {
        return; // the reference reader refused what ours may take
      }
      Map<String, JsonElement> tensors = expected.getAsJsonObject().asMap();
      assertThat(opened.tensors().keySet()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
      tensors.forEach((name, element) -> {
        JsonArray dtypeAndShape = element.getAsJsonArray();
        long[] shape =
            dtypeAndShape.get(1).getAsJsonArray().asList().stream()
                .mapToLong(JsonElement::getAsLong)
                .toArray();
        assertThat(opened.tensor(name).shape().getShape()).isEqualTo(shape);
      });
    }
  }
}
