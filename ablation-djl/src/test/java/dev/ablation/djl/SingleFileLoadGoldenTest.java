package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.SingleFiles.Pair;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.golden.Golden;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.model.SingleFileExport;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Second golden set: single files are the models of the folders, rounded to what they store. */
class SingleFileLoadGoldenTest {
  private static final Map<Dtype, Kernel> ROUNDED =
      Map.of(
          Dtype.F16,
          Kernel.of("(x): return torch.to(torch.to(x, 5), 6)"),
          Dtype.BF16,
          Kernel.of("(x): return torch.to(torch.to(x, 15), 6)"));

  @TempDir private Path temp;

  static Stream<Pair> models() {
    return SingleFiles.models().stream();
  }

  private static Dtype stored(Path file) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.openFile(file)) {
      Set<Dtype> dtypes = new TreeSet<>();
      checkpoint.tensors().values().forEach(tensor -> dtypes.add(tensor.dtype()));
      assertThat(dtypes).as("formats of %s", file).hasSize(1);
      return dtypes.iterator().next();
    }
  }

  private static float[] rounded(float[] values, Dtype dtype, NDManager manager) {
    Kernel kernel = ROUNDED.get(dtype);
    if (kernel == null) {
      return values;
    }
    try (NDArray array = manager.create(values)) {
      return GradMode.with(false, () -> kernel.call(array)).toFloatArray();
    }
  }

  /** What the file holds equals the folder's, rounded; the rest is the folder's. */
  private static void compare(DiffusionModel single, Pair pair) throws IOException {
    Dtype dtype = stored(pair.file());
    Set<String> inside = SingleFile.inspect(pair.file()).components();
    try (DiffusionModel whole = DiffusionPipeline.load(pair.folder(), SingleFiles.OPTIONS)) {
      Map<String, float[]> actual = SingleFiles.weights(single);
      Map<String, float[]> expected = new HashMap<>(SingleFiles.weights(whole));
      if (!inside.contains("text_encoder_3") && !single.getClass().equals(Flux.class)) {
        expected.keySet().removeIf(name -> name.startsWith("text_encoder_3."));
      }
      assertThat(actual.keySet()).isEqualTo(expected.keySet()).hasSizeGreaterThan(100);
      actual.forEach((name, values) -> {
        boolean isInside = inside.contains(name.substring(0, name.indexOf('.')));
        assertThat(values)
            .as(name)
            .isEqualTo(
                isInside
                    ? rounded(expected.get(name), dtype, whole.manager())
                    : expected.get(name));
      });
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void aFileWithTheConfigurationOfTheFolderIsItsModel(Pair pair) throws IOException {
    LoadOptions options = SingleFiles.beside(pair).config(pair.folder());
    try (DiffusionModel single = DiffusionPipeline.load(pair.file(), options)) {
      compare(single, pair);
      assertThat(single.descriptor().name()).isEqualTo(pair.name());
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void configurationsFollowFromShapes(Pair pair) throws IOException {
    Path exported = temp.resolve("exported");
    try (DiffusionModel single = DiffusionPipeline.load(pair.file(), SingleFiles.beside(pair))) {
      compare(single, pair);
      single.capability(CheckpointExport.class).orElseThrow().export(exported);
    }
    // All that shapes show, and what belongs to the family, equals the published configuration.
    for (String component : SingleFile.inspect(pair.file()).components()) {
      JsonObject derived = Golden.object(exported.resolve(component).resolve("config.json"));
      JsonObject published = Golden.object(pair.folder().resolve(component).resolve("config.json"));
      for (String key : SHOWN) {
        JsonElement expected = published.get(key);
        if (expected != null && !expected.isJsonNull()) {
          assertThat(spread(derived.get(key)))
              .as(component + "." + key)
              .isEqualTo(spread(expected));
        }
      }
    }
    JsonObject derived = Golden.object(exported.resolve("scheduler/scheduler_config.json"));
    JsonObject published = Golden.object(pair.folder().resolve("scheduler/scheduler_config.json"));
    for (String key : published.keySet()) {
      if (!key.equals("_diffusers_version") && derived.has(key)) {
        assertThat(derived.get(key)).as(key).isEqualTo(published.get(key));
      }
    }
  }

  /** One number for all levels is the same as a list of it. */
  private static String spread(JsonElement value) {
    if (value != null && value.isJsonArray()) {
      Set<String> different = new TreeSet<>();
      value.getAsJsonArray().forEach(element -> different.add(element.toString()));
      if (different.size() == 1) {
        return different.iterator().next();
      }
    }
    return String.valueOf(value);
  }

  private static final List<String> SHOWN =
      List.of(
          "in_channels",
          "latent_channels",
          "block_out_channels",
          "layers_per_block",
          "down_block_types",
          "up_block_types",
          "transformer_layers_per_block",
          "cross_attention_dim",
          "use_linear_projection",
          "addition_embed_type",
          "addition_time_embed_dim",
          "projection_class_embeddings_input_dim",
          "mid_block_add_attention",
          "use_quant_conv",
          "use_post_quant_conv",
          "scaling_factor",
          "shift_factor",
          "vocab_size",
          "hidden_size",
          "hidden_act",
          "intermediate_size",
          "num_hidden_layers",
          "max_position_embeddings",
          "eos_token_id",
          "d_model",
          "d_kv",
          "d_ff",
          "num_heads",
          "relative_attention_num_buckets",
          "num_layers",
          "num_single_layers",
          "joint_attention_dim",
          "caption_projection_dim",
          "pooled_projection_dim",
          "pos_embed_max_size",
          "patch_size",
          "dual_attention_layers",
          "qk_norm",
          "guidance_embeds",
          "axes_dims_rope");

  /** The same prediction to the bit, from the file and from the model that is exported of it. */
  @ParameterizedTest
  @MethodSource("models")
  void aFileThatIsWrittenHasTheTensorsOfTheOneThatWasRead(Pair pair) throws IOException {
    Path written = temp.resolve("written.safetensors");
    Dtype dtype = stored(pair.file());
    LoadOptions options = SingleFiles.beside(pair);
    float[] expected;
    try (DiffusionModel model =
        DiffusionPipeline.load(pair.file(), options.config(pair.folder()))) {
      expected = prediction(model);
      model
          .capability(SingleFileExport.class)
          .orElseThrow()
          .export(written, WriteOptions.defaults().storingFloatsAs(dtype), Map.of("note", "a"));
    }
    try (Checkpoint before = Checkpoint.openFile(pair.file());
        Checkpoint after = Checkpoint.openFile(written)) {
      List<String> names = new ArrayList<>(before.tensors().keySet());
      if (!pair.folder().toString().contains("flux")) {
        assertThat(after.tensors().keySet()).containsAll(names);
      } else {
        assertThat(after.tensors().keySet()).isEqualTo(before.tensors().keySet());
      }
      for (String name : names) {
        assertThat(after.tensors().get(name).shape())
            .as(name)
            .isEqualTo(before.tensors().get(name).shape());
        assertThat(SingleFiles.bytes(after, name))
            .as(name)
            .isEqualTo(SingleFiles.bytes(before, name));
      }
      assertThat(after.metadataOf(names.get(0)))
          .containsEntry("format", "pt")
          .containsEntry("note", "a")
          .containsKey("modelspec.architecture");
    }
    // What shapes do not show is in the header: no configuration is needed.
    try (DiffusionModel again = DiffusionPipeline.load(written, options)) {
      assertThat(prediction(again)).isEqualTo(expected);
    }
  }

  private static float[] prediction(DiffusionModel model) {
    try (NDManager scope = model.manager().newSubManager()) {
      int side = 8;
      Conditioning text = model.encode(List.of("a cat"), new LatentSize(side, side), scope);
      NDArray latents =
          scope
              .arange(model.descriptor().latentChannels() * side * side)
              .toType(DataType.FLOAT32, true)
              .div(1000)
              .sin()
              .reshape(new Shape(1, model.descriptor().latentChannels(), side, side));
      NDArray time = scope.create(new float[] {500}).toDevice(Golden.device(), true);
      return model.predict(latents, time, text).toFloatArray();
    }
  }

  /** Half precision is kept, not widened, also where tensors are split. */
  @ParameterizedTest
  @MethodSource("models")
  void weightsStayInTheFormatOfTheFile(Pair pair) throws IOException {
    LoadOptions options =
        SingleFiles.beside(pair).weightDtype(WeightDtype.AS_STORED).config(pair.folder());
    try (DiffusionModel single = DiffusionPipeline.load(pair.file(), options)) {
      compare(single, pair);
    }
  }

  /** The autoencoder of FLUX.1 in a file of its own, as it is published. */
  @Test
  void anAutoencoderComesFromAFile() throws IOException {
    Path vae = FlowGolden.path("singlefile/tiny-flux-ae.safetensors");
    Pair pair =
        SingleFiles.models().stream()
            .filter(model -> model.name().contains("flux"))
            .findFirst()
            .orElseThrow();
    LoadOptions options = SingleFiles.beside(pair).component("vae", vae);
    try (DiffusionModel single = DiffusionPipeline.load(pair.file(), options)) {
      compare(single, pair);
    }
    // Also in place of a folder's.
    try (DiffusionModel whole = DiffusionPipeline.load(pair.folder(), SingleFiles.OPTIONS);
        DiffusionModel replaced =
            DiffusionPipeline.load(pair.folder(), SingleFiles.OPTIONS.component("vae", vae))) {
      Map<String, float[]> expected = SingleFiles.weights(whole);
      SingleFiles.weights(replaced)
          .forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
    }
  }
}
