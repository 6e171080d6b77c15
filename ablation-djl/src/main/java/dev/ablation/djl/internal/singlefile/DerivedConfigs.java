package dev.ablation.djl.internal.singlefile;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SingleFileLayout;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.ModelFamily;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Configurations of networks, from the shapes of their tensors. What shapes do not show, such as
 * the number of attention heads, is that of the published models.
 */
final class DerivedConfigs {
  /** Width of the refiner's added conditions: a pooled embedding of 1280 and 5 numbers of 256. */
  static final int REFINER_CONDITIONS = 2560;

  /** OpenCLIP-H, of whose 24 layers Stable Diffusion 2 uses 23. */
  private static final int OPEN_CLIP_H = 1024;

  private static final int OPEN_CLIP_H_USED = 23;

  private static final int HEAD_WIDTH = 64;
  private static final int SD1_HEADS = 8;
  private static final int GROUPS = 32;
  private static final int NUMBERS = 6;
  private static final int NUMBER_WIDTH = 256;
  private static final int PATCH = 2;
  private static final String PROJECTION_IN = "proj_in.weight";

  private final ModelFamily family;

  DerivedConfigs(ModelFamily family) {
    this.family = family;
  }

  /** Whether the transformers of a UNet project tokens instead of pixels, as from version 2 on. */
  static boolean hasLinearProjection(Shapes unet) throws InvalidCheckpointException {
    for (String block : List.of("middle_block.1.", "input_blocks.1.1.")) {
      if (unet.has(block + PROJECTION_IN)) {
        return unet.shape(block + PROJECTION_IN).dimension() == 2;
      }
    }
    return false;
  }

  private static JsonObject network(String className) {
    JsonObject json = new JsonObject();
    json.addProperty("_class_name", className);
    json.addProperty("_diffusers_version", "0.30.0");
    return json;
  }

  private static JsonArray array(List<? extends Number> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }

  private static JsonArray types(List<Boolean> attention, String with, String without) {
    JsonArray array = new JsonArray();
    attention.forEach(attends -> array.add(attends ? with : without));
    return array;
  }

  /** One number for all levels where they agree. */
  private static void addPerLevel(JsonObject json, String key, List<Integer> values) {
    if (values.stream().distinct().count() == 1) {
      json.addProperty(key, values.get(0));
    } else {
      json.add(key, array(values));
    }
  }

  /** The published number of groups, where it divides all channels. */
  private static int groups(List<Integer> channels) {
    BigInteger groups = BigInteger.valueOf(GROUPS);
    for (int count : channels) {
      groups = groups.gcd(BigInteger.valueOf(count));
    }
    return groups.intValue();
  }

  private static int heads(int width) {
    return width % HEAD_WIDTH == 0 ? width / HEAD_WIDTH : 1;
  }

  /** The levels of a UNet on the way down. */
  private static final class Levels {
    final List<Integer> channels = new ArrayList<>();
    final List<Integer> layers = new ArrayList<>();
    final List<Integer> depths = new ArrayList<>();

    static Levels of(Shapes shapes) throws InvalidCheckpointException {
      Levels levels = new Levels();
      int layers = 0;
      int width = 0;
      int depth = 0;
      for (int block = 1; ; block++) {
        String name = "input_blocks." + block + ".";
        if (shapes.has(name + "0.in_layers.2.weight")) {
          layers++;
          width = shapes.size(name + "0.out_layers.3.weight", 0);
          depth = Math.max(depth, shapes.numbers(name + "1.transformer_blocks.").size());
        } else {
          levels.channels.add(width);
          levels.layers.add(layers);
          levels.depths.add(depth);
          layers = 0;
          depth = 0;
          if (!shapes.has(name + "0.op.weight")) {
            return levels;
          }
        }
      }
    }
  }

  /**
   * A UNet.
   *
   * @param pooled width of the pooled embedding among the added conditions; 0 if it is not known
   * @param sampleSize height and width of the latents
   */
  JsonObject unet(Shapes shapes, int pooled, int sampleSize) throws InvalidCheckpointException {
    Levels levels = Levels.of(shapes);
    int mid = shapes.numbers("middle_block.1.transformer_blocks.").size();
    boolean linear = hasLinearProjection(shapes);
    JsonObject json = network("UNet2DConditionModel");
    json.addProperty("in_channels", shapes.size("input_blocks.0.0.weight", 1));
    json.addProperty("out_channels", shapes.size("out.2.weight", 0));
    json.addProperty("sample_size", sampleSize);
    json.add("block_out_channels", array(levels.channels));
    addPerLevel(json, "layers_per_block", levels.layers);
    json.add(
        "down_block_types",
        types(
            levels.depths.stream().map(depth -> depth > 0).toList(),
            "CrossAttnDownBlock2D",
            "DownBlock2D"));
    json.add(
        "up_block_types",
        types(upAttention(shapes, levels.layers), "CrossAttnUpBlock2D", "UpBlock2D"));
    List<Integer> depths = new ArrayList<>();
    for (int i = 0; i < levels.depths.size(); i++) {
      boolean last = i == levels.depths.size() - 1;
      depths.add(Math.max(1, last ? Math.max(mid, levels.depths.get(i)) : levels.depths.get(i)));
    }
    addPerLevel(json, "transformer_layers_per_block", depths);
    json.addProperty("cross_attention_dim", crossAttention(shapes));
    json.addProperty("use_linear_projection", linear);
    addPerLevel(
        json,
        "attention_head_dim", // the number of heads, under its published name
        linear
            ? levels.channels.stream().map(DerivedConfigs::heads).toList()
            : Collections.nCopies(levels.channels.size(), SD1_HEADS));
    json.addProperty("norm_num_groups", groups(levels.channels));
    addConditions(json, shapes, pooled);
    return json;
  }

  private static List<Boolean> upAttention(Shapes shapes, List<Integer> layers) {
    List<Boolean> attention = new ArrayList<>();
    int block = 0;
    for (int level = layers.size() - 1; level >= 0; level--) {
      String name = "output_blocks." + block + ".1.transformer_blocks.";
      attention.add(!shapes.numbers(name).isEmpty());
      block += layers.get(level) + 1;
    }
    return attention;
  }

  private static int crossAttention(Shapes shapes) throws InvalidCheckpointException {
    String end = "transformer_blocks.0.attn2.to_k.weight";
    if (shapes.has("middle_block.1." + end)) {
      return shapes.size("middle_block.1." + end, 1);
    }
    for (int block : shapes.numbers("input_blocks.")) {
      String name = "input_blocks." + block + ".1." + end;
      if (shapes.has(name)) {
        return shapes.size(name, 1);
      }
    }
    throw new InvalidCheckpointException(
        shapes.file(), "the UNet must have cross-attention, " + end + " is nowhere");
  }

  private static void addConditions(JsonObject json, Shapes shapes, int pooled)
      throws InvalidCheckpointException {
    if (!shapes.has("label_emb.0.0.weight")) {
      return;
    }
    int width = shapes.size("label_emb.0.0.weight", 1);
    boolean known = pooled > 0 && width > pooled && (width - pooled) % NUMBERS == 0;
    json.addProperty("addition_embed_type", "text_time");
    json.addProperty("addition_time_embed_dim", known ? (width - pooled) / NUMBERS : NUMBER_WIDTH);
    json.addProperty("projection_class_embeddings_input_dim", width);
  }

  /** An autoencoder, with the names of the original code or of a folder. */
  JsonObject vae(Shapes shapes, @Nullable SingleFileLayout layout)
      throws InvalidCheckpointException {
    String level = layout == null ? "encoder.down_blocks." : "encoder.down.";
    String block = layout == null ? ".resnets." : ".block.";
    String attention =
        layout == null
            ? "encoder.mid_block.attentions.0.group_norm.weight"
            : "encoder.mid.attn_1.norm.weight";
    List<Integer> channels = new ArrayList<>();
    int layers = 0;
    for (int i : shapes.numbers(level)) {
      TreeSet<Integer> blocks = shapes.numbers(level + i + block);
      layers = Math.max(layers, blocks.size());
      channels.add(shapes.size(level + i + block + "0.conv2.weight", 0));
    }
    int count = channels.size();
    JsonObject json = network("AutoencoderKL");
    json.addProperty("in_channels", shapes.size("encoder.conv_in.weight", 1));
    json.addProperty("out_channels", shapes.size("decoder.conv_out.weight", 0));
    json.addProperty("latent_channels", shapes.size("decoder.conv_in.weight", 1));
    json.add("block_out_channels", array(channels));
    json.add("down_block_types", types(Collections.nCopies(count, true), "DownEncoderBlock2D", ""));
    json.add("up_block_types", types(Collections.nCopies(count, true), "UpDecoderBlock2D", ""));
    json.addProperty("layers_per_block", layers);
    json.addProperty("norm_num_groups", groups(channels));
    json.addProperty("mid_block_add_attention", shapes.has(attention));
    json.addProperty("use_quant_conv", shapes.has("quant_conv.weight"));
    json.addProperty("use_post_quant_conv", shapes.has("post_quant_conv.weight"));
    json.addProperty("force_upcast", true);
    switch (family) {
      case STABLE_DIFFUSION_1 -> addScaling(json, 0.18215, null, 512);
      case STABLE_DIFFUSION_2 -> addScaling(json, 0.18215, null, 768);
      case STABLE_DIFFUSION_XL, STABLE_DIFFUSION_XL_REFINER ->
          addScaling(json, 0.13025, null, 1024);
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5 -> addScaling(json, 1.5305, 0.0609, 1024);
      case FLUX_1_DEV, FLUX_1_SCHNELL -> addScaling(json, 0.3611, 0.1159, 1024);
    }
    return json;
  }

  private static void addScaling(
      JsonObject json, double factor, @Nullable Double shift, int sampleSize) {
    json.addProperty("scaling_factor", factor);
    json.addProperty("shift_factor", shift);
    json.addProperty("sample_size", sampleSize);
  }

  /** A text encoder of CLIP. */
  JsonObject clip(Shapes shapes, String component, @Nullable SingleFileLayout layout)
      throws InvalidCheckpointException {
    boolean open = layout != null;
    String text = shapes.has("text_model.embeddings.token_embedding.weight") ? "text_model." : "";
    String tokens =
        open ? "model.token_embedding.weight" : text + "embeddings.token_embedding.weight";
    String positions =
        open ? "model.positional_embedding" : text + "embeddings.position_embedding.weight";
    String layer = open ? "model.transformer.resblocks." : text + "encoder.layers.";
    String inner = open ? "0.mlp.c_fc.weight" : "0.mlp.fc1.weight";
    int width = shapes.size(tokens, 1);
    boolean laterFamily =
        component.equals("text_encoder_2") || family == ModelFamily.STABLE_DIFFUSION_2;
    JsonObject json = new JsonObject();
    JsonArray architectures = new JsonArray();
    String className = Family.networkClass(family, component, NetworkNames.CLIP_TEXT);
    architectures.add(className);
    json.add("architectures", architectures);
    json.addProperty("model_type", "clip_text_model");
    json.addProperty("vocab_size", shapes.size(tokens, 0));
    json.addProperty("hidden_size", width);
    json.addProperty("intermediate_size", shapes.size(layer + inner, 0));
    json.addProperty("num_hidden_layers", layers(shapes.numbers(layer).size(), width));
    json.addProperty("num_attention_heads", heads(width));
    json.addProperty("max_position_embeddings", shapes.size(positions, 0));
    json.addProperty("hidden_act", laterFamily ? "gelu" : "quick_gelu");
    json.addProperty("layer_norm_eps", 1e-5);
    json.addProperty("bos_token_id", 0);
    json.addProperty("eos_token_id", 2); // as published: the position of the highest id
    json.addProperty("pad_token_id", 1);
    json.addProperty("projection_dim", projection(shapes, width, open));
    json.addProperty("torch_dtype", "float32");
    return json;
  }

  /**
   * The file of Stable Diffusion 2 has a layer that is not used, unless a converter left it out.
   */
  private int layers(int found, int width) {
    if (family != ModelFamily.STABLE_DIFFUSION_2) {
      return found;
    }
    return width == OPEN_CLIP_H ? Math.min(found, OPEN_CLIP_H_USED) : Math.max(1, found - 1);
  }

  private static int projection(Shapes shapes, int width, boolean open)
      throws InvalidCheckpointException {
    String name = open ? "model.text_projection" : "text_projection.weight";
    return shapes.has(name) ? shapes.size(name, open ? 1 : 0) : width;
  }

  /** The encoder of T5 1.1. */
  static JsonObject t5(Shapes shapes) throws InvalidCheckpointException {
    String tokens = shapes.has("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight";
    String attention = "encoder.block.0.layer.0.SelfAttention.";
    int heads = shapes.size(attention + "relative_attention_bias.weight", 1);
    JsonObject json = new JsonObject();
    JsonArray architectures = new JsonArray();
    architectures.add("T5EncoderModel");
    json.add("architectures", architectures);
    json.addProperty("model_type", "t5");
    json.addProperty("vocab_size", shapes.size(tokens, 0));
    json.addProperty("d_model", shapes.size(tokens, 1));
    json.addProperty("d_kv", Math.max(1, shapes.size(attention + "q.weight", 0) / heads));
    json.addProperty("d_ff", shapes.size("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 0));
    json.addProperty("num_layers", shapes.numbers("encoder.block.").size());
    json.addProperty("num_heads", heads);
    json.addProperty(
        "relative_attention_num_buckets",
        shapes.size(attention + "relative_attention_bias.weight", 0));
    json.addProperty("relative_attention_max_distance", 128);
    json.addProperty("layer_norm_epsilon", 1e-6);
    json.addProperty("feed_forward_proj", "gated-gelu");
    json.addProperty("dense_act_fn", "gelu_new");
    json.addProperty("is_gated_act", true);
    json.addProperty("is_encoder_decoder", true);
    json.addProperty("tie_word_embeddings", false);
    json.addProperty("pad_token_id", 0);
    json.addProperty("eos_token_id", 1);
    json.addProperty("decoder_start_token_id", 0);
    json.addProperty("torch_dtype", "float32");
    return json;
  }

  /** The transformer of Stable Diffusion 3 and 3.5. */
  static JsonObject sd3(Shapes shapes) throws InvalidCheckpointException {
    String block = "joint_blocks.0.x_block.";
    int width = shapes.size("x_embedder.proj.weight", 0);
    int patch = shapes.size("x_embedder.proj.weight", 2);
    boolean norm = shapes.has(block + "attn.ln_q.weight");
    int headWidth = norm ? shapes.size(block + "attn.ln_q.weight", 0) : HEAD_WIDTH;
    TreeSet<Integer> blocks = shapes.numbers("joint_blocks.");
    List<Integer> dual =
        blocks.stream()
            .filter(i -> shapes.has("joint_blocks." + i + ".x_block.attn2.qkv.weight"))
            .toList();
    JsonObject json = network("SD3Transformer2DModel");
    json.addProperty("sample_size", 128);
    json.addProperty("patch_size", patch);
    json.addProperty("in_channels", shapes.size("x_embedder.proj.weight", 1));
    json.addProperty("out_channels", shapes.size("final_layer.linear.weight", 0) / (patch * patch));
    json.addProperty("num_layers", blocks.size());
    boolean divides = width % headWidth == 0;
    json.addProperty("num_attention_heads", divides ? width / headWidth : 1);
    json.addProperty("attention_head_dim", divides ? headWidth : width);
    json.addProperty("joint_attention_dim", shapes.size("context_embedder.weight", 1));
    json.addProperty("caption_projection_dim", width);
    json.addProperty("pooled_projection_dim", shapes.size("y_embedder.mlp.0.weight", 1));
    json.addProperty("pos_embed_max_size", side(shapes));
    json.add("dual_attention_layers", array(dual));
    if (norm) {
      json.addProperty("qk_norm", "rms_norm");
    } else {
      json.add("qk_norm", JsonNull.INSTANCE);
    }
    return json;
  }

  private static int side(Shapes shapes) throws InvalidCheckpointException {
    Shape table = shapes.shape("pos_embed");
    int tokens = shapes.size("pos_embed", 1);
    int side = (int) Math.round(Math.sqrt(tokens));
    if (side * side != tokens) {
      throw new InvalidCheckpointException(
          shapes.file(), "tensor pos_embed must have a square number of positions, has " + table);
    }
    return side;
  }

  /** The transformer of FLUX.1. */
  static JsonObject flux(Shapes shapes) throws InvalidCheckpointException {
    int width = shapes.size("img_in.weight", 0);
    int head = shapes.size("double_blocks.0.img_attn.norm.query_norm.scale", 0);
    JsonObject json = network("FluxTransformer2DModel");
    json.addProperty("patch_size", 1);
    json.addProperty("in_channels", shapes.size("img_in.weight", 1));
    json.addProperty("out_channels", shapes.size("final_layer.linear.weight", 0));
    json.addProperty("num_layers", shapes.numbers("double_blocks.").size());
    json.addProperty("num_single_layers", shapes.numbers("single_blocks.").size());
    json.addProperty("attention_head_dim", head);
    json.addProperty("num_attention_heads", Math.max(1, width / head));
    json.addProperty("joint_attention_dim", shapes.size("txt_in.weight", 1));
    json.addProperty("pooled_projection_dim", shapes.size("vector_in.in_layer.weight", 1));
    json.addProperty("guidance_embeds", shapes.has("guidance_in.in_layer.weight"));
    json.add("axes_dims_rope", array(axes(head)));
    return json;
  }

  /** An eighth of a head for the first axis and half of the rest for each other; all even. */
  private static List<Integer> axes(int head) {
    int first = Math.max(PATCH, head / 8);
    while (first < head && ((first & 1) != 0 || (head - first) % (2 * PATCH) != 0)) {
      first++;
    }
    int other = (head - first) / 2;
    return List.of(first, other, other);
  }
}
