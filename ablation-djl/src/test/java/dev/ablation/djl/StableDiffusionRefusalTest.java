package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Copies of a golden pipeline, each broken in one thing. Loading says what is wrong and where, and
 * leaves no arrays and no open files behind.
 */
class StableDiffusionRefusalTest {
  private static final LoadOptions OPTIONS =
      LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device")));

  private static final String INDEX = "model_index.json";
  private static final String UNET = "unet/config.json";
  private static final String VAE = "vae/config.json";
  private static final String TEXT = "text_encoder/config.json";
  private static final String SCHEDULER = "scheduler/scheduler_config.json";

  private interface Change {
    void in(PipelineCopy copy) throws IOException;
  }

  @TempDir private Path temp;
  private PipelineCopy copy;

  @BeforeAll
  static void loadTheEngine() throws IOException {
    StableDiffusion.load(PipelineCopy.golden(), OPTIONS).close();
  }

  @BeforeEach
  void copyPipeline() throws IOException {
    copy = PipelineCopy.into(temp.resolve("model"));
  }

  private static Arguments refused(String name, Change change, String... words) {
    return Arguments.of(name, change, words);
  }

  /** A key of a file with a value, written as JSON, that cannot be used. */
  private static Arguments key(String file, String key, String value, String... words) {
    String[] all = Arrays.copyOf(words, words.length + 2);
    all[words.length] = Path.of(file).toString();
    all[words.length + 1] = key;
    return refused(file + ": " + key + " = " + value, c -> c.set(file, key, value), all);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({
    "indexes",
    "missing",
    "weightFiles",
    "unetConfigs",
    "vaeConfigs",
    "textConfigs",
    "schedulers",
    "tokenizers",
    "parts",
    "weights"
  })
  void isRefused(String name, Change change, String[] words) throws IOException {
    change.in(copy);
    Footprint before = Footprint.of(copy.root());
    assertThatThrownBy(() -> StableDiffusion.load(copy.root(), OPTIONS))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(copy.root().toString())
        .hasMessageContainingAll(words);
    before.check(copy.root());
  }

  static Stream<Arguments> indexes() {
    return Stream.of(
        key(
            INDEX,
            "_class_name",
            "\"StableDiffusionXLPipeline\"",
            "StableDiffusionXLPipeline",
            "[StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline,"
                + " StableDiffusionPipeline]"),
        key(INDEX, "_class_name", "[\"pipe\", \"My\"]", "string"),
        key(INDEX, "vae", "[null, null]", "[AutoencoderKL]"),
        key(INDEX, "vae", "null", "[AutoencoderKL]", "absent"),
        key(INDEX, "vae", "\"AutoencoderKL\"", "pair"),
        key(INDEX, "unet", "[\"diffusers\"]", "[UNet2DConditionModel]"),
        key(
            INDEX,
            "text_encoder",
            "[\"transformers\", \"T5EncoderModel\"]",
            "T5EncoderModel",
            "[CLIPTextModel]"),
        key(
            INDEX,
            "tokenizer",
            "[\"transformers\", \"T5Tokenizer\"]",
            "T5Tokenizer",
            "[CLIPTokenizer, CLIPTokenizerFast]"),
        key(INDEX, "scheduler", "[null, null]", "pair"),
        refused("no pipeline", c -> c.remove(INDEX, "_class_name"), INDEX, "_class_name", "absent"),
        refused("no unet", c -> c.remove(INDEX, "unet"), INDEX, "unet", "UNet2DConditionModel"),
        refused("index that is no JSON", c -> write(c, INDEX, "{"), INDEX, "not JSON"),
        refused("index that is a list", c -> write(c, INDEX, "[]"), INDEX, "object"));
  }

  static Stream<Arguments> missing() {
    return Stream.of(
            INDEX,
            UNET,
            VAE,
            TEXT,
            SCHEDULER,
            "tokenizer/vocab.json",
            "tokenizer/merges.txt",
            "unet",
            "vae",
            "text_encoder",
            "scheduler",
            "tokenizer")
        .map(file -> refused("without " + file, c -> c.delete(file), Path.of(file).toString()));
  }

  static Stream<Arguments> weightFiles() {
    List<Arguments> cases = new ArrayList<>();
    for (String part : PipelineCopy.NETWORKS) {
      String stem = PipelineCopy.stem(part);
      String pickle = part.equals("text_encoder") ? "pytorch_model.bin" : stem + ".bin";
      cases.add(
          refused(
              "without weights of " + part,
              c -> Files.delete(c.weightFile(part)),
              part,
              stem + ".safetensors"));
      cases.add(
          refused(
              "pickle as weights of " + part,
              c -> Files.move(c.weightFile(part), c.path(part).resolve(pickle)),
              part,
              pickle,
              "pickle",
              "from_pretrained",
              "safetensors.torch"));
      cases.add(
          refused(
              "pickle under the name of safetensors in " + part,
              c -> Files.write(c.weightFile(part), new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0}),
              part,
              "pickle",
              "Convert"));
      cases.add(
          refused(
              "cut weights of " + part,
              c -> {
                byte[] bytes = Files.readAllBytes(c.weightFile(part));
                Files.write(c.weightFile(part), Arrays.copyOf(bytes, bytes.length - 1));
              },
              part,
              stem + ".safetensors"));
      cases.add(
          refused(
              "missing shard of " + part,
              c -> {
                c.shard(part, 2);
                c.delete(part + "/" + stem + "-00002-of-00002.safetensors");
              },
              part,
              "00002-of-00002"));
      cases.add(
          refused(
              "folder in place of the weights of " + part,
              c -> {
                Files.delete(c.weightFile(part));
                Files.createDirectory(c.weightFile(part));
              },
              part,
              stem + ".safetensors"));
    }
    return cases.stream();
  }

  static Stream<Arguments> unetConfigs() {
    return Stream.of(
        refused(
            "no sample_size", c -> c.remove(UNET, "sample_size"), UNET, "sample_size", "default"),
        key(UNET, "sample_size", "0", "positive"),
        key(UNET, "sample_size", "\"64\"", "integer"),
        key(UNET, "sample_size", "64.5", "integer"),
        key(UNET, "sample_size", "99999999999", "32 bits"),
        key(UNET, "addition_embed_type", "\"text_time\"", "text_time", "does not support"),
        key(UNET, "class_embed_type", "\"timestep\"", "timestep", "does not support"),
        key(UNET, "num_class_embeds", "7", "does not support"),
        key(UNET, "encoder_hid_dim", "64", "does not support"),
        key(UNET, "encoder_hid_dim_type", "\"text_proj\"", "does not support"),
        key(UNET, "time_cond_proj_dim", "256", "does not support"),
        key(UNET, "timestep_post_act", "\"silu\"", "does not support"),
        key(UNET, "time_embedding_act_fn", "\"silu\"", "does not support"),
        key(UNET, "cross_attention_norm", "\"layer_norm\"", "does not support"),
        key(UNET, "reverse_transformer_layers_per_block", "[[1]]", "does not support"),
        key(UNET, "only_cross_attention", "true", "does not support"),
        key(UNET, "only_cross_attention", "[true]", "true, false or a list"),
        key(UNET, "dual_cross_attention", "true", "does not support"),
        key(UNET, "dual_cross_attention", "\"yes\"", "true or false"),
        key(UNET, "center_input_sample", "true", "does not support"),
        key(UNET, "class_embeddings_concat", "true", "does not support"),
        key(UNET, "resnet_skip_time_act", "true", "does not support"),
        key(UNET, "mid_block_only_cross_attention", "true", "does not support"),
        key(UNET, "mid_block_type", "\"UNetMidBlock2D\"", "UNetMidBlock2DCrossAttn"),
        key(UNET, "mid_block_type", "null", "UNetMidBlock2DCrossAttn"),
        key(UNET, "resnet_time_scale_shift", "\"scale_shift\"", "'default'"),
        key(UNET, "time_embedding_type", "\"fourier\"", "'positional'"),
        key(UNET, "attention_type", "\"gated\"", "'default'"),
        key(UNET, "act_fn", "\"tanh\"", "tanh", "silu", "gelu"),
        refused(
            "unknown block of the unet",
            c -> replaceFirst(c, UNET, "down_block_types", "AttnDownBlock2D"),
            UNET,
            "down_block_types",
            "AttnDownBlock2D",
            "CrossAttnDownBlock2D"),
        key(UNET, "up_block_types", "[\"UpBlock2D\"]", "one for each of block_out_channels"),
        key(UNET, "block_out_channels", "[]", "positive"),
        key(UNET, "block_out_channels", "[0, 32]", "positive"),
        key(UNET, "block_out_channels", "[33, 32]", "even"),
        key(UNET, "block_out_channels", "\"320\"", "list"),
        key(UNET, "layers_per_block", "0", "positive"),
        key(UNET, "layers_per_block", "[1]", "integer"),
        key(UNET, "attention_head_dim", "0", "positive"),
        key(UNET, "attention_head_dim", "[-2]", "integer"),
        key(UNET, "transformer_layers_per_block", "-1", "positive"),
        key(UNET, "transformer_layers_per_block", "[[1]]", "integer"),
        key(UNET, "norm_num_groups", "0", "positive"),
        key(UNET, "norm_num_groups", "7", "multiple"),
        key(UNET, "norm_eps", "\"small\"", "number"),
        key(UNET, "in_channels", "0", "positive"),
        key(UNET, "out_channels", "-4", "positive"),
        key(UNET, "cross_attention_dim", "[32, 32]", "integer"),
        key(UNET, "conv_in_kernel", "4", "odd"),
        key(UNET, "downsample_padding", "-1", "negative"),
        key(UNET, "time_embedding_dim", "0", "positive"),
        key(UNET, "use_linear_projection", "1", "true or false"),
        refused(
            "a key twice",
            c -> write(c, UNET, "{\"sample_size\": 64, \"sample_size\": 64}"),
            UNET,
            "sample_size"),
        refused(
            "config that is not UTF-8",
            c -> Files.write(c.path(UNET), new byte[] {'{', (byte) 0xff, '}'}),
            UNET));
  }

  static Stream<Arguments> vaeConfigs() {
    return Stream.of(
        refused(
            "unknown block of the vae",
            c -> replaceFirst(c, VAE, "down_block_types", "AttnDownEncoderBlock2D"),
            VAE,
            "down_block_types",
            "AttnDownEncoderBlock2D",
            "DownEncoderBlock2D"),
        refused(
            "no types of the vae's blocks",
            c -> c.remove(VAE, "up_block_types"),
            VAE,
            "up_block_types",
            "UpDecoderBlock2D"),
        key(VAE, "act_fn", "\"tanh\"", "tanh", "silu"),
        key(VAE, "latents_mean", "[0.1, 0.1, 0.1, 0.1]", "does not support"),
        key(VAE, "latents_std", "[0.1, 0.1, 0.1, 0.1]", "does not support"),
        key(VAE, "scaling_factor", "0", "not zero"),
        key(VAE, "scaling_factor", "1e999", "finite"),
        key(VAE, "scaling_factor", "\"0.18215\"", "number"),
        key(VAE, "layers_per_block", "0", "positive"),
        key(VAE, "norm_num_groups", "7", "multiple"),
        key(VAE, "latent_channels", "0", "positive"),
        key(VAE, "in_channels", "-3", "positive"),
        key(VAE, "block_out_channels", "[]", "positive"),
        key(VAE, "mid_block_add_attention", "\"no\"", "true or false"));
  }

  static Stream<Arguments> textConfigs() {
    return Stream.of(
        key(TEXT, "hidden_act", "\"tanh\"", "tanh", "quick_gelu"),
        key(TEXT, "num_attention_heads", "0", "positive"),
        key(TEXT, "num_attention_heads", "7", "divisor"),
        key(TEXT, "num_hidden_layers", "0", "positive"),
        key(TEXT, "hidden_size", "-32", "positive"),
        key(TEXT, "vocab_size", "0", "positive"),
        key(TEXT, "intermediate_size", "0", "positive"),
        key(TEXT, "max_position_embeddings", "1", "at least 2"),
        key(TEXT, "layer_norm_eps", "false", "number"),
        key(TEXT, "eos_token_id", "[2]", "integer"));
  }

  static Stream<Arguments> schedulers() {
    return Stream.of(
        refused(
            "unsupported scheduler",
            c -> c.set(INDEX, "scheduler", "[\"diffusers\", \"EDMEulerScheduler\"]"),
            SCHEDULER,
            "EDMEulerScheduler",
            "DDIMScheduler",
            "PNDMScheduler"),
        key(SCHEDULER, "prediction_type", "\"flow\"", "flow", "epsilon", "v_prediction"),
        key(SCHEDULER, "beta_schedule", "\"sigmoid\"", "sigmoid", "scaled_linear"),
        key(SCHEDULER, "beta_start", "\"small\"", "number"),
        refused("scheduler that is no JSON", c -> write(c, SCHEDULER, "{"), SCHEDULER),
        refused("scheduler that is a list", c -> write(c, SCHEDULER, "[]"), SCHEDULER, "object"),
        refused(
            "scheduler that is not UTF-8",
            c -> Files.write(c.path(SCHEDULER), new byte[] {'{', (byte) 0xff, '}'}),
            SCHEDULER,
            "UTF-8"));
  }

  static Stream<Arguments> tokenizers() {
    return Stream.of(
        refused(
            "vocabulary that is no JSON",
            c -> write(c, "tokenizer/vocab.json", "{"),
            "vocab.json",
            "JSON"),
        refused(
            "merges of other tokens",
            c -> write(c, "tokenizer/merges.txt", "#version: 0.2\n\u00e4\u00e4 b\n"),
            "merges.txt",
            "line 2"),
        refused(
            "pad token outside the vocabulary",
            c -> {
              Files.deleteIfExists(c.path("tokenizer/special_tokens_map.json"));
              c.set("tokenizer/tokenizer_config.json", "pad_token", "\"<pad>\"");
            },
            "tokenizer",
            "<pad>"));
  }

  /** Parts that are sound but belong to other models. */
  static Stream<Arguments> parts() {
    return Stream.of(
        refused(
            "texts of another width",
            c -> c.edit(TEXT, json -> json.addProperty("hidden_size", 2 * width(json))),
            "cross_attention_dim",
            "hidden_size"),
        refused(
            "latents of another depth",
            c -> c.set(VAE, "latent_channels", "16"),
            "latent_channels",
            "in_channels",
            "16"),
        refused(
            "a unet for inpainting",
            c -> c.set(UNET, "in_channels", "7"),
            "in_channels (7)",
            "latent_channels"),
        refused(
            "a tokenizer with more tokens than the text encoder has rows",
            c -> {
              c.edit(
                  TEXT,
                  json -> json.addProperty("vocab_size", json.get("vocab_size").getAsInt() - 1));
              c.weights(
                  "text_encoder",
                  (tensors, manager) ->
                      tensors.replaceAll((name, tensor) ->
                          name.endsWith("token_embedding.weight")
                              ? tensor.get(new NDIndex(":-1")).duplicate()
                              : tensor));
            },
            "tokenizer",
            "vocab_size"));
  }

  static Stream<Arguments> weights() {
    return Stream.of(
        refused(
            "NaN in the unet",
            c -> poison(c, "unet", "conv_in.bias", Float.NaN),
            "unet",
            "conv_in.bias",
            "NaN or infinity"),
        refused(
            "infinity in the vae",
            c -> poison(c, "vae", "decoder.conv_out.weight", Float.POSITIVE_INFINITY),
            "vae",
            "decoder.conv_out.weight",
            "NaN or infinity"),
        refused(
            "negative infinity in the text encoder",
            c -> poison(c, "text_encoder", "final_layer_norm.weight", Float.NEGATIVE_INFINITY),
            "text_encoder",
            "final_layer_norm.weight",
            "NaN or infinity"),
        refused(
            "NaN in float16",
            c -> {
              poison(c, "unet", "conv_in.bias", Float.NaN);
              c.store("unet", WriteOptions.defaults().storingFloatsAs(Dtype.F16));
            },
            "unet",
            "conv_in.bias",
            "NaN or infinity"),
        refused(
            "infinity in bfloat16",
            c -> {
              poison(c, "unet", "conv_in.bias", Float.POSITIVE_INFINITY);
              c.store("unet", WriteOptions.defaults().storingFloatsAs(Dtype.BF16));
            },
            "unet",
            "conv_in.bias",
            "NaN or infinity"),
        refused(
            "a float64 beyond float32",
            c ->
                c.weights(
                    "unet",
                    (tensors, manager) ->
                        tensors.computeIfPresent(
                            "conv_in.bias",
                            (name, tensor) -> tensor.toType(DataType.FLOAT64, true).add(1e300))),
            "unet",
            "conv_in.bias",
            "NaN or infinity"),
        refused(
            "complex weights",
            c ->
                c.rawHeader(
                    "unet",
                    0,
                    header -> {
                      JsonObject bias = header.getAsJsonObject("conv_norm_out.bias");
                      long count = bias.getAsJsonArray("shape").get(0).getAsLong();
                      bias.addProperty("dtype", "C64");
                      bias.add("shape", JsonParser.parseString("[" + count / 2 + "]"));
                    }),
            "unet",
            "conv_norm_out.bias",
            "C64",
            "float32",
            "shape"),
        refused(
            "the same weight in both spellings",
            c ->
                c.weights(
                    "vae",
                    (tensors, manager) -> {
                      for (String name : List.copyOf(tensors.keySet())) {
                        if (name.contains(".to_q.")) {
                          tensors.put(name.replace(".to_q.", ".query."), tensors.get(name));
                        } else if (name.contains(".query.")) {
                          tensors.put(name.replace(".query.", ".to_q."), tensors.get(name));
                        }
                      }
                    }),
            "vae",
            ".query.weight",
            ".to_q.weight",
            "one weight"),
        refused(
            "text encoder names with and without prefix",
            c ->
                c.weights(
                    "text_encoder",
                    (tensors, manager) -> {
                      String name = find(tensors, "final_layer_norm.bias");
                      NDArray tensor = tensors.remove(name);
                      tensors.put(
                          name.startsWith("text_model.")
                              ? name.substring("text_model.".length())
                              : "text_model." + name,
                          tensor);
                    }),
            "text_encoder",
            "final_layer_norm.bias",
            "unexpected"),
        refused(
            "an index that names another shard",
            c -> {
              c.shard("unet", 2);
              c.edit(
                  "unet/diffusion_pytorch_model.safetensors.index.json",
                  json ->
                      json.getAsJsonObject("weight_map")
                          .addProperty(
                              "conv_in.bias",
                              "diffusion_pytorch_model-00002-of-00002.safetensors"));
            },
            "unet",
            "conv_in.bias",
            "00002-of-00002"));
  }

  private static int width(JsonObject json) {
    return json.get("hidden_size").getAsInt();
  }

  private static void write(PipelineCopy copy, String file, String text) throws IOException {
    Files.writeString(copy.path(file), text);
  }

  private static void replaceFirst(PipelineCopy copy, String file, String key, String text)
      throws IOException {
    copy.edit(
        file, json -> json.getAsJsonArray(key).set(0, JsonParser.parseString("\"" + text + "\"")));
  }

  private static String find(Map<String, NDArray> tensors, String ending) {
    return tensors.keySet().stream()
        .filter(name -> name.endsWith(ending))
        .findFirst()
        .orElseThrow();
  }

  private static void poison(PipelineCopy copy, String part, String ending, float value)
      throws IOException {
    copy.weights(
        part,
        (tensors, manager) -> {
          NDArray tensor = tensors.get(find(tensors, ending));
          float[] values = tensor.toFloatArray();
          values[values.length - 1] = value;
          tensors.put(find(tensors, ending), manager.create(values, tensor.getShape()));
        });
  }

  private InvalidCheckpointException invalid() throws IOException {
    Footprint before = Footprint.of(copy.root());
    InvalidCheckpointException e =
        catchThrowableOfType(
            InvalidCheckpointException.class, () -> StableDiffusion.load(copy.root(), OPTIONS));
    assertThat(e).hasMessageContaining(copy.root().toString());
    before.check(copy.root());
    return e;
  }

  @Test
  void everyMissingUnexpectedAndMisshapenTensorIsTold() throws IOException {
    for (String part : PipelineCopy.NETWORKS) {
      String bias = part.equals("vae") ? "decoder.conv_in.bias" : "conv_in.bias";
      String name = part.equals("text_encoder") ? "final_layer_norm.bias" : bias;
      String other = part.equals("text_encoder") ? "final_layer_norm.weight" : "conv_out.bias";
      copy.weights(
          part,
          (tensors, manager) -> {
            tensors.remove(find(tensors, name));
            tensors.put(find(tensors, other), manager.zeros(new Shape(3, 1)));
            String prefix =
                tensors.keySet().stream().anyMatch(n -> n.startsWith("text_model."))
                    ? "text_model."
                    : "";
            tensors.put(prefix + "extra.first", manager.zeros(new Shape(1)));
            tensors.put(prefix + "extra.second", manager.zeros(new Shape(1)));
          });
    }
    List<String> problems = invalid().problems();
    assertThat(problems).hasSize(12);
    for (String part : PipelineCopy.NETWORKS) {
      List<String> own = problems.stream().filter(p -> p.startsWith(part + ": ")).toList();
      assertThat(own)
          .hasSize(4)
          .anySatisfy(p -> assertThat(p).contains("missing tensor", "bias", "shape"))
          .anySatisfy(p -> assertThat(p).contains("unexpected tensor", "extra.first"))
          .anySatisfy(p -> assertThat(p).contains("unexpected tensor", "extra.second"))
          .anySatisfy(p -> assertThat(p).contains("must have shape", "has (3, 1)"));
    }
  }

  @Test
  void everyTensorThatIsNotFiniteIsTold() throws IOException {
    poison(copy, "unet", "conv_in.bias", Float.NaN);
    poison(copy, "unet", "conv_out.weight", Float.POSITIVE_INFINITY);
    poison(copy, "vae", "encoder.conv_out.bias", Float.NEGATIVE_INFINITY);
    poison(copy, "text_encoder", "token_embedding.weight", Float.NaN);
    assertThat(invalid().problems())
        .hasSize(4)
        .allSatisfy(p -> assertThat(p).contains("must be finite"))
        .anySatisfy(p -> assertThat(p).contains("unet", "conv_in.bias"))
        .anySatisfy(p -> assertThat(p).contains("unet", "conv_out.weight"))
        .anySatisfy(p -> assertThat(p).contains("vae", "encoder.conv_out.bias"))
        .anySatisfy(p -> assertThat(p).contains("text_encoder", "token_embedding.weight"));
  }

  @Test
  void bothMismatchesOfPartsAreTold() throws IOException {
    copy.set(UNET, "cross_attention_dim", "7");
    copy.set(UNET, "in_channels", "7");
    assertThat(invalid().problems()).hasSize(2);
  }

  /** What a configuration says must show in the shapes that are asked for. */
  @ParameterizedTest
  @ValueSource(strings = {"layers_per_block", "norm_num_groups", "time_embedding_dim"})
  void configurationsThatDoNotFitTheWeightsAreTold(String key) throws IOException {
    int value = key.equals("norm_num_groups") ? 1 : key.equals("layers_per_block") ? 5 : 40;
    copy.set(UNET, key, String.valueOf(value));
    if (key.equals("norm_num_groups")) {
      // The groups change no shape, so this loads.
      StableDiffusion.load(copy.root(), OPTIONS).close();
    } else {
      assertThat(invalid().problems()).hasSizeGreaterThan(3);
    }
  }

  @Test
  void aFolderThatDoesNotExistIsTold() {
    assertThatThrownBy(() -> StableDiffusion.load(temp.resolve("nowhere"), OPTIONS))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContainingAll(temp.resolve("nowhere").toString(), "no such checkpoint folder");
  }

  @Test
  void aNetworkAloneIsNoModel() {
    Path file = copy.weightFile("unet");
    assertThatThrownBy(() -> StableDiffusion.load(file, OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(file.toString(), "is a UNet alone", "folder of a pipeline");
  }

  @Test
  void aPartInPlaceOfThePipelineIsTold() {
    assertThatThrownBy(() -> StableDiffusion.load(copy.path("unet"), OPTIONS))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContainingAll(copy.path("unet").toString(), "model_index.json");
  }

  @Test
  void wrongOptionsAreRefusedWhereTheyAreGiven() {
    assertThatThrownBy(() -> OPTIONS.threads(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("threads", "-1");
    assertThatThrownBy(() -> OPTIONS.variant(" "))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("variant");
    assertThatThrownBy(() -> StableDiffusion.load(copy.root(), OPTIONS.variant("../x")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("variant", "../x");
  }
}
