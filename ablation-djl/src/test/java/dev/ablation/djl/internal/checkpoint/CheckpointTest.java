package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {

  private static final String STEM = WeightFiles.DIFFUSERS_STEM;

  @TempDir private Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  private void weights(String file, float... values) throws IOException {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (float value : values) {
      arrays.put("w" + (int) value, manager.create(value));
    }
    SafetensorsWriter.write(folder.resolve(file), arrays, Map.of());
  }

  private void index(String file, Map<String, String> shardOf) throws IOException {
    Files.writeString(
        folder.resolve(file),
        new TreeMap<>(shardOf)
            .entrySet().stream()
                .map(e -> "    \"" + e.getKey() + "\": \"" + e.getValue() + "\"")
                .collect(
                    Collectors.joining(
                        ",\n",
                        "{\n  \"metadata\": {\"total_size\": 7},\n  \"weight_map\": {\n",
                        "\n  }\n}\n")));
  }

  private static String shard(String infix, int number, int count) {
    return String.format("%s%s-%05d-of-%05d.safetensors", STEM, infix, number, count);
  }

  private Checkpoint open(String variant) throws IOException {
    return Checkpoint.open(folder, STEM, variant);
  }

  private void assertHolds(Checkpoint checkpoint, int... values) throws IOException {
    assertThat(checkpoint.tensors()).hasSize(values.length);
    for (int value : values) {
      assertThat(checkpoint.readFloat32("w" + value, manager).getFloat()).isEqualTo(value);
      assertThat(checkpoint.read("w" + value, manager).getFloat()).isEqualTo(value);
      assertThat(checkpoint.metadataOf("w" + value)).containsEntry("format", "pt");
    }
  }

  @Test
  void oneFileIsOpened() throws IOException {
    weights(STEM + ".safetensors", 1, 2);
    weights("other.safetensors", 3);
    try (Checkpoint checkpoint = open(null)) {
      assertHolds(checkpoint, 1, 2);
      assertThat(checkpoint.files()).containsExactly(folder.resolve(STEM + ".safetensors"));
      assertThatThrownBy(() -> checkpoint.read("w3", manager))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("name", "w3", folder.toString());
    }
    try (Checkpoint checkpoint = Checkpoint.openFile(folder.resolve("other.safetensors"))) {
      assertHolds(checkpoint, 3);
    }
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "none",
      value = {
        "none, '', .safetensors.index.json",
        "fp16, .fp16, .safetensors.index.fp16.json",
        "fp16, '', .safetensors.fp16.index.json"
      })
  void shardsAreOpenedTogether(String variant, String infix, String indexEnd) throws IOException {
    // The older spelling puts the variant behind the number.
    boolean legacy = indexEnd.endsWith("fp16.index.json");
    String first = shard(infix, 1, 2);
    String second = shard(infix, 2, 2);
    if (legacy) {
      first = first.replace(".safetensors", ".fp16.safetensors");
      second = second.replace(".safetensors", ".fp16.safetensors");
    }
    weights(first, 1, 2);
    weights(second, 3);
    index(STEM + indexEnd, Map.of("w1", first, "w2", first, "w3", second));
    weights(STEM + (variant == null ? "" : "." + variant) + ".safetensors", 9); // the index wins
    WeightFiles found = WeightFiles.find(folder, STEM, variant);
    assertThat(found.variant()).isEqualTo(variant);
    assertThat(found.index()).isEqualTo(folder.resolve(STEM + indexEnd));
    assertThat(found.files()).containsExactly(folder.resolve(first), folder.resolve(second));
    NDArray array;
    try (Checkpoint checkpoint = Checkpoint.open(found)) {
      assertHolds(checkpoint, 1, 2, 3);
      array = checkpoint.readFloat32("w3", manager);
      Map<String, TensorSource> sources = new LinkedHashMap<>();
      checkpoint.tensors().keySet().forEach(name -> sources.put(name, checkpoint.source(name)));
      Path whole = folder.resolve("whole.safetensors");
      SafetensorsWriter.writeSources(whole, sources, Map.of(), WriteOptions.defaults());
      try (Checkpoint copy = Checkpoint.openFile(whole)) {
        assertHolds(copy, 1, 2, 3);
      }
    }
    assertThat(array.getFloat()).isEqualTo(3);
  }

  @Test
  void everyDifferenceOfIndexAndShardsIsTold() throws IOException {
    weights(shard("", 1, 2), 1, 2, 6);
    weights(shard("", 2, 2), 3, 4, 6);
    index(
        STEM + ".safetensors.index.json",
        Map.of(
            "w1",
            shard("", 1, 2),
            "w2",
            shard("", 2, 2),
            "w3",
            shard("", 2, 2),
            "w5",
            shard("", 1, 2),
            "w6",
            shard("", 1, 2)));
    assertThatThrownBy(() -> open(null))
        .isInstanceOfSatisfying(
            InvalidCheckpointException.class,
            e -> {
              assertThat(e.path()).isEqualTo(folder.resolve(STEM + ".safetensors.index.json"));
              assertThat(e.problems())
                  .hasSize(4)
                  .anySatisfy(p -> assertThat(p).contains("'w2'", "00002-of", "is in", "00001-of"))
                  .anySatisfy(p -> assertThat(p).contains("'w5'", "in no shard"))
                  .anySatisfy(p -> assertThat(p).contains("'w4'", "not in the index"))
                  .anySatisfy(p -> assertThat(p).contains("'w6'", "both"));
              assertThat(e.problems()).allSatisfy(p -> assertThat(e).hasMessageContaining(p));
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x.safetensors",
        "/etc/x.safetensors",
        "a/x.safetensors",
        "a\\\\x.safetensors",
        "C:x.safetensors",
        "..",
        ".x.safetensors",
        "",
        "x.bin",
        "missing.safetensors",
        "x\\u0000.safetensors"
      })
  void shardsArePlainNamesOfExistingFiles(String name) throws IOException {
    weights("x.safetensors", 1);
    index(STEM + ".safetensors.index.json", Map.of("w1", name));
    assertThatThrownBy(() -> open(null))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(STEM + ".safetensors.index.json", "shard");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{}}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"x.safetensors\"}}"
      })
  void malformedIndexesAreRefused(String text) throws IOException {
    weights("x.safetensors", 1);
    Path index = Files.writeString(folder.resolve(STEM + ".safetensors.index.json"), text);
    assertThatThrownBy(() -> open(null))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining(index.toString());
  }

  @Test
  void aVariantIsTakenAsAsked() throws IOException {
    weights(STEM + ".safetensors", 1);
    weights(STEM + ".fp16.safetensors", 2);
    weights(STEM + ".non_ema.safetensors", 3);
    try (Checkpoint plain = open(null);
        Checkpoint fp16 = open("fp16");
        Checkpoint nonEma = open("non_ema")) {
      assertHolds(plain, 1);
      assertHolds(fp16, 2);
      assertHolds(nonEma, 3);
    }
    assertThatThrownBy(() -> open("bf16"))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(STEM + ".bf16.safetensors", "fp16", "non_ema");
    assertThatThrownBy(() -> open("../fp16"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("variant");
  }

  @Test
  void theOnlyVariantIsTakenWhenNoneIsAsked() throws IOException {
    weights(STEM + ".fp16.safetensors", 2);
    Files.writeString(folder.resolve(STEM + ".bin"), "never read");
    WeightFiles found = WeightFiles.find(folder, STEM, null);
    assertThat(found.variant()).isEqualTo("fp16");
    assertThat(found.files()).containsExactly(folder.resolve(STEM + ".fp16.safetensors"));
    weights(STEM + ".bf16.safetensors", 3);
    assertThatThrownBy(() -> open(null))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(STEM + ".safetensors", "[bf16, fp16]");
  }

  @Test
  void theOnlyVariantMayBeSharded() throws IOException {
    weights(shard(".fp16", 1, 2), 1);
    weights(shard(".fp16", 2, 2), 2);
    assertThatThrownBy(() -> open(null)).hasMessageContaining("no index for the shards");
    index(
        STEM + ".safetensors.index.fp16.json",
        Map.of("w1", shard(".fp16", 1, 2), "w2", shard(".fp16", 2, 2)));
    try (Checkpoint checkpoint = open(null)) {
      assertHolds(checkpoint, 1, 2);
    }
  }

  @Test
  void weightsWithoutTheVariantAreNotASubstitute() throws IOException {
    weights(STEM + ".safetensors", 1);
    assertThatThrownBy(() -> open("fp16"))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(STEM + ".fp16.safetensors", "without a variant");
  }

  @ParameterizedTest
  @ValueSource(strings = {"diffusion_pytorch_model.bin", "delta.pt", "model.ckpt", "a.pth"})
  void picklesAreNamedAndRefused(String name) throws IOException {
    Files.writeString(folder.resolve(name), "never read");
    assertThatThrownBy(() -> open(null))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(
            folder.toString(), name, "pickle", "from safetensors.torch import save_file");
  }

  @Test
  void emptyAndMissingFoldersAreTold() throws IOException {
    Path file = Files.writeString(folder.resolve("config.json"), "{}");
    assertThatThrownBy(() -> open(null))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(folder.toString(), STEM + ".safetensors", "[config.json]");
    assertThatThrownBy(() -> Checkpoint.open(folder.resolve("unet"), STEM, null))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("unet");
    assertThatThrownBy(() -> Checkpoint.open(file, STEM, null))
        .isInstanceOf(NotDirectoryException.class);
  }

  @Test
  void aSecondMalformedShardLeavesNothingOpen() throws IOException {
    weights(shard("", 1, 2), 1);
    Path second = Files.writeString(folder.resolve(shard("", 2, 2)), "short");
    index(STEM + ".safetensors.index.json", Map.of("w1", shard("", 1, 2), "w2", shard("", 2, 2)));
    assertThatThrownBy(() -> open(null))
        .isInstanceOf(MalformedSafetensorsException.class)
        .hasMessageContaining(second.toString());
    for (Path path : List.of(second, folder.resolve(shard("", 1, 2)))) {
      Files.delete(path);
    }
  }
}
