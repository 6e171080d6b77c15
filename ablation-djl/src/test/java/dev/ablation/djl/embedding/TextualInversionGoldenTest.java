package dev.ablation.djl.embedding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.StableDiffusionXL;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentSize;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Files of textual inversion, by the ids and states that diffusers gets from them. */
class TextualInversionGoldenTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final Path FILES = GOLDEN.resolve("formats").resolve("textual-inversion");
  private static final float TOLERANCE = 2e-5f;

  private static Path pipeline(String name) {
    return GOLDEN.resolve("pipelines").resolve(name);
  }

  private static LoadOptions options(TextualInversion added) {
    return LoadOptions.defaults().device(Golden.device()).textualInversion(added);
  }

  @TestFactory
  Stream<DynamicTest> files() throws IOException {
    JsonObject expected =
        JsonParser.parseString(Files.readString(FILES.resolve("expected.json"))).getAsJsonObject();
    List<DynamicTest> tests = new ArrayList<>();
    List<Path> files;
    try (Stream<Path> list = Files.list(FILES)) {
      files =
          list.filter(file -> !file.getFileName().toString().startsWith("expected"))
              .sorted()
              .toList();
    }
    for (Path file : files) {
      String name = file.getFileName().toString();
      tests.add(
          expected.has(name)
              ? dynamicTest(name, () -> check(file, expected.getAsJsonObject(name)))
              : dynamicTest(name, () -> checkXl(file)));
    }
    assertThat(files.stream().map(file -> file.getFileName().toString()))
        .containsAll(expected.keySet())
        .isNotEmpty();
    return tests.stream();
  }

  /** The prompt as a user writes it, from the one whose tokens stand for one vector each. */
  private static String prompt(String replaced, String token, int vectors) {
    StringBuilder all = new StringBuilder(token);
    for (int i = 1; i < vectors; i++) {
      all.append(' ').append(token).append('_').append(i);
    }
    assertThat(replaced).contains(all);
    return replaced.replace(all, token);
  }

  private void check(Path file, JsonObject expected) throws IOException {
    String name = file.getFileName().toString();
    String replaced = expected.get("prompt").getAsString();
    int count = expected.get("n1").getAsInt() - expected.get("n0").getAsInt();
    TextualInversion read = TextualInversion.load(file);
    if (!replaced.contains(read.token())) { // it was loaded for another token than the file's
      read = TextualInversion.load(file, replaced.replaceAll(".*(<[^>]+>) .*", "$1"));
    }
    TextualInversion added = read;
    assertThat(added.tokens()).hasSize(count);
    try (StableDiffusion model = StableDiffusion.load(pipeline("tiny-sd1"), options(added));
        SafetensorsFile states = SafetensorsFile.open(FILES.resolve("expected.safetensors"));
        NDManager scope = model.manager().newSubManager()) {
      String prompt = prompt(replaced, added.token(), count);
      int[] ids =
          expected.getAsJsonArray("ids").asList().stream()
              .mapToInt(JsonElement::getAsInt)
              .toArray();
      assertThat(model.tokenizer().encode(prompt)).containsExactly(ids);
      long[] stored = states.read("input_ids." + name, scope).toLongArray();
      assertThat(model.tokenizer().encode(List.of(prompt), scope).toLongArray())
          .containsExactly(stored);
      List<Long> rows =
          expected.getAsJsonArray("rows").asList().stream().map(JsonElement::getAsLong).toList();
      WeightInfo table =
          model.weights().list().stream()
              .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
              .findFirst()
              .orElseThrow();
      assertThat(List.of(table.shape().get(0), table.shape().get(1))).isEqualTo(rows);
      NDArray last = model.weights().get(table.name()).get(expected.get("n0").getAsInt() + ":");
      float[][] vectors = added.vectors(0);
      for (int i = 0; i < count; i++) {
        assertThat(last.get(i).toFloatArray()).containsExactly(vectors[i]);
      }
      String states1 = "last_hidden." + name;
      String same = states.tensors().containsKey(states1) ? states1 : sameStates(states, count);
      NDArray hidden =
          GradMode.with(
              false,
              () ->
                  model
                      .textEncoder()
                      .applyAll(new NDList(model.tokenizer().encode(List.of(prompt), scope)))
                      .get(0));
      assertThat(hidden.toFloatArray())
          .containsExactly(states.readFloat32(same, scope).toFloatArray(), within(TOLERANCE));
    }
  }

  /** All files with several vectors hold the same ones, as the README says. */
  private static String sameStates(SafetensorsFile states, int count) {
    assertThat(count).isGreaterThan(1);
    return states.tensors().keySet().stream()
        .filter(key -> key.startsWith("last_hidden.") && !key.contains("1d"))
        .findFirst()
        .orElseThrow();
  }

  private void checkXl(Path file) throws IOException {
    TextualInversion added = TextualInversion.load(file);
    assertThat(added.textEncoders()).isEqualTo(2);
    assertThat(file.getFileName().toString()).startsWith(added.token());
    try (StableDiffusionXL model = StableDiffusionXL.load(pipeline("tiny-sdxl"), options(added));
        NDManager scope = model.manager().newSubManager()) {
      List<WeightInfo> tables =
          model.weights().list().stream()
              .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
              .toList();
      assertThat(tables).hasSize(2);
      for (int i = 0; i < 2; i++) {
        float[][] vectors = added.vectors(i);
        long rows = tables.get(i).shape().get(0);
        NDArray table = model.weights().get(tables.get(i).name());
        for (int k = 0; k < vectors.length; k++) {
          assertThat(table.get(rows - vectors.length + k).toFloatArray())
              .containsExactly(vectors[k]);
        }
      }
      LatentSize size =
          new LatentSize(model.descriptor().latentHeight(), model.descriptor().latentWidth());
      Conditioning with = model.encode(List.of("a " + added.token() + " cat"), size, scope);
      Conditioning without = model.encode(List.of("a cat"), size, scope);
      assertThat(with.textEmbeddings().toFloatArray())
          .isNotEqualTo(without.textEmbeddings().toFloatArray());
    }
  }
}
