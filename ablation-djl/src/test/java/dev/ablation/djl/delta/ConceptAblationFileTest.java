package dev.ablation.djl.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConceptAblationFileTest {
  private static final String KEY = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
  private static final String TABLE = "text_encoder.text_model.embeddings.token_embedding.weight";

  @TempDir Path folder;

  private StableDiffusion model;

  @BeforeEach
  void open() throws IOException {
    Path golden = Path.of(System.getProperty("ablation.golden"));
    model =
        StableDiffusion.load(
            golden.resolve("pipelines").resolve("tiny-sd1"),
            LoadOptions.defaults().device(Golden.device()));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private Path write(Map<String, NDArray> tensors) throws IOException {
    Path file = folder.resolve("delta.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    return file;
  }

  @Test
  void becomesADeltaLikeAnyOther() throws IOException {
    Path file = Path.of(System.getProperty("ablation.golden"), "formats", "delta", "delta.bin");
    // @start region="load"
    try (WeightDelta delta = ConceptAblationFile.load(file, model)) {
      delta.save(folder.resolve("delta.ablation.safetensors"));
    }
    // @end
    try (WeightDelta delta =
        WeightDelta.load(folder.resolve("delta.ablation.safetensors"), model.manager())) {
      assertThat(delta.differencesFrom(model)).isEmpty();
      assertThat(delta.norm()).isPositive();
      assertThat(delta.provenance().settings()).containsEntry("delta.file", "delta.bin");
    }
  }

  @Test
  void textEncodersComeWithAndWithoutTheOuterName() throws IOException {
    try (NDManager scope = model.manager().newSubManager()) {
      String layer = "encoder.layers.0.self_attn.q_proj.bias";
      Shape shape = model.weights().get("text_encoder.text_model." + layer).getShape();
      for (String name : new String[] {"text_encoder.", "text_encoder.text_model."}) {
        Map<String, NDArray> tensors = new HashMap<>();
        tensors.put(name + layer, scope.ones(shape));
        tensors.put(name + "embeddings.position_ids", scope.ones(new Shape(1, 77)));
        try (WeightDelta delta = ConceptAblationFile.load(write(tensors), model)) {
          assertThat(delta.names()).containsExactly("text_encoder.text_model." + layer);
        }
      }
    }
  }

  @Test
  void rowsOfEmbeddingsReplaceTheLastOnes() throws IOException {
    try (NDManager scope = model.manager().newSubManager()) {
      Shape table = model.weights().get(TABLE).getShape();
      Path file = write(Map.of("embed", scope.full(new Shape(2, table.get(1)), 7)));
      try (WeightDelta delta = ConceptAblationFile.load(file, model)) {
        assertThat(delta.names()).containsExactly(TABLE);
        delta.applied(
            model,
            () -> {
              NDArray now = model.weights().get(TABLE);
              NDArray last = now.get((table.get(0) - 2) + ":");
              assertThat(last.toFloatArray()).containsOnly(new float[] {7}, within(1e-5f));
              return assertThat(now.get("0").toFloatArray())
                  .isNotEqualTo(last.get("0").toFloatArray());
            });
      }
      Path tooMany = write(Map.of("embed", scope.ones(new Shape(table.get(0) + 1, table.get(1)))));
      assertThatIOException()
          .isThrownBy(() -> ConceptAblationFile.load(tooMany, model))
          .withMessageContaining("embed");
    }
  }

  @Test
  void everythingWithoutAPlaceIsNamedAtOnce() throws IOException {
    try (NDManager scope = model.manager().newSubManager()) {
      Path file =
          write(
              Map.of(
                  KEY + ".weight",
                  scope.ones(new Shape(1, 1)),
                  "unet.other",
                  scope.ones(new Shape(1)),
                  "text_encoder.other",
                  scope.ones(new Shape(1))));
      assertThatIOException()
          .isThrownBy(() -> ConceptAblationFile.load(file, model))
          .withMessageStartingWith(file + ": 3 of 3 tensors")
          .withMessageContaining(KEY)
          .withMessageContaining("unet.other: the model has no such weight")
          .withMessageContaining("text_encoder.other");
    }
  }

  @Test
  void numbersMustBeFinite() throws IOException {
    try (NDManager scope = model.manager().newSubManager()) {
      Shape shape = model.weights().get(KEY + ".weight").getShape();
      Path file = write(Map.of(KEY + ".weight", scope.full(shape, Float.NaN)));
      assertThatIOException()
          .isThrownBy(() -> ConceptAblationFile.load(file, model))
          .withMessageContaining("finite");
    }
  }
}
