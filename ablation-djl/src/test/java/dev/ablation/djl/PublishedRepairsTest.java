package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.load.JsonConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the published pipelines repair or pass over. */
class PublishedRepairsTest {
  private static JsonConfig json(String text) throws IOException {
    return JsonConfig.parse(Path.of("config.json"), text);
  }

  @ParameterizedTest
  @CsvSource({
    "0.7.0.dev0, 32, 64",
    "0.8.1, 32, 64",
    "0.6.0, 96, 96",
    "0.9.0, 32, 32",
    "0.9.0.dev0, 32, 32",
    "0.10.2, 32, 32",
    "0.81.0, 32, 32",
    "1.0, 32, 32"
  })
  void raisesTheSizeOfVersionsBefore09(String version, int size, int expected) throws IOException {
    JsonConfig json =
        json("{\"_diffusers_version\": \"%s\", \"sample_size\": %d}".formatted(version, size));
    assertThat(StableDiffusionPipeline.withRepairedSize(json).requireInt("sample_size"))
        .isEqualTo(expected);
  }

  @Test
  void leavesTheSizeWhereNoVersionIsStated() throws IOException {
    JsonConfig json = json("{\"sample_size\": 32}");
    assertThat(StableDiffusionPipeline.withRepairedSize(json).requireInt("sample_size"))
        .isEqualTo(32);
  }

  @Test
  void readsTheTextPartOfAWholeClip() throws IOException {
    JsonConfig json =
        json("{\"model_type\": \"clip\", \"text_config\": {\"num_hidden_layers\": 7}}");
    assertThat(ClipTextConfig.of(json).layers()).isEqualTo(7);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "text_projection.weight",
        "logit_scale",
        "visual_projection.weight",
        "vision_model.encoder.layers.0.mlp.fc1.weight",
        "model_ema.decay",
        "loss.logvar"
      })
  void passesOverWhatATextEncoderDoesNotUse(String extra) {
    for (String weight :
        new String[] {"text_model.final_layer_norm.bias", "final_layer_norm.bias"}) {
      TensorMapping mapping = NetworkNames.CLIP_TEXT.inFolder(Set.of(weight, extra));
      assertThat(mapping.pieces(extra)).isEmpty();
      assertThat(mapping.pieces(weight))
          .singleElement()
          .satisfies(
              piece -> assertThat(piece.weight()).isEqualTo("text_model.final_layer_norm.bias"));
    }
    assertThat(NetworkNames.UNET.inFolder(Set.of()).pieces("text_projection.weight")).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"num_hidden_layers\": 100000",
        "\"hidden_size\": 2147483647",
        "\"vocab_size\": 1e9999999999"
      })
  void refusesSizesBeyondAnyPublishedModel(String key) throws IOException {
    JsonConfig json = json("{" + key + "}");
    org.assertj.core.api.Assertions.assertThatIOException()
        .isThrownBy(() -> ClipTextConfig.of(json))
        .withMessageStartingWith("config.json: " + key.substring(1, key.indexOf(':') - 1));
  }
}
