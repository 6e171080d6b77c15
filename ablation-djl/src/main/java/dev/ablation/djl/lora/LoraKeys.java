package dev.ablation.djl.lora;

import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The spellings of a tensor's name in LoRA files, for the modules of one model. A module is named
 * like its weight without {@code .weight}, the component's name first: {@code
 * unet.mid_block.attentions.0.proj_in}.
 */
final class LoraKeys {
  static final String WEIGHT = ".weight";

  /** What a tensor is of its module's change. */
  enum Kind {
    DOWN,
    UP,
    ALPHA
  }

  /** A tensor of a module. */
  record Key(String module, Kind kind) {}

  /**
   * The end of a name, which tells what the tensor is; the rest names the module. peft writes the
   * adapter's name too, {@code lora_A.default_0.weight}.
   */
  private static final Pattern END =
      Pattern.compile(
          "(?<module>.+?)(?:\\.lora_linear_layer|\\.lora|_lora)?"
              + "(?:\\.(?<down>lora_A(?:\\.[\\w-]+)?|lora_down|down)\\.weight"
              + "|\\.(?<up>lora_B(?:\\.[\\w-]+)?|lora_up|up)\\.weight"
              + "|(?<alpha>\\.alpha))");

  private static final Pattern LAYER = Pattern.compile("[._]layers[._](\\d{1,4})[._]");

  /**
   * kohya's prefixes and the components that they may mean, the first one that the model has. Some
   * tools count the text encoder of Stable Diffusion 1; transformers are trained under the prefix
   * of the UNet too.
   */
  private static final Map<String, List<String>> COMPONENTS =
      Map.of(
          "lora_unet_", List.of("unet", "transformer"),
          "lora_transformer_", List.of("transformer"),
          "lora_te_", List.of("text_encoder"),
          "lora_te1_", List.of("text_encoder"),
          "lora_te2_", List.of("text_encoder_2"),
          "lora_te3_", List.of("text_encoder_3"));

  /** Modules of the attention's first naming in the text encoder. */
  private static final Map<String, String> OLD_TEXT_MODULES =
      Map.of("to_q", "q_proj", "to_k", "k_proj", "to_v", "v_proj", "to_out.0", "out_proj");

  private final Set<String> modules = new HashSet<>();
  private final Map<String, String> byUnderscores = new HashMap<>();
  private final Set<String> components = new LinkedHashSet<>();

  LoraKeys(Weights weights) {
    for (WeightInfo info : weights.list()) {
      components.add(info.component());
      if (info.name().endsWith(WEIGHT) && info.shape().dimension() > 1) {
        String module = module(info.name());
        modules.add(module);
        // Underscores mean dots or themselves, so names are looked up, not parsed.
        byUnderscores.put(module.replace('.', '_'), module);
      }
    }
  }

  /** Returns the module of a weight. */
  static String module(String weight) {
    return weight.substring(0, weight.length() - WEIGHT.length());
  }

  /** Returns kohya's name of a module, if its component has one. */
  Optional<String> kohya(String module) {
    int dot = module.indexOf('.');
    String prefix =
        switch (dot < 0 ? "" : module.substring(0, dot)) {
          case "unet", "transformer" -> "lora_unet_";
          case "text_encoder" -> components.contains("text_encoder_2") ? "lora_te1_" : "lora_te_";
          case "text_encoder_2" -> "lora_te2_";
          case "text_encoder_3" -> "lora_te3_";
          default -> "";
        };
    return prefix.isEmpty()
        ? Optional.empty()
        : Optional.of(prefix + module.substring(dot + 1).replace('.', '_'));
  }

  /** Understands a tensor's name; empty if it is none of a module of the model. */
  Optional<Key> parse(String tensor) {
    Matcher end = END.matcher(tensor);
    if (!end.matches()) {
      return Optional.empty();
    }
    Kind kind =
        end.group("down") != null ? Kind.DOWN : end.group("up") != null ? Kind.UP : Kind.ALPHA;
    return find(end.group("module")).map(module -> new Key(module, kind));
  }

  /**
   * Finds the layer of a tensor that would be part of a text encoder if the encoder had more
   * layers.
   */
  OptionalInt surplusTextLayer(String tensor) {
    Matcher layer = LAYER.matcher(tensor);
    if (!layer.find()) {
      return OptionalInt.empty();
    }
    String inFirst = tensor.substring(0, layer.start(1)) + "0" + tensor.substring(layer.end(1));
    return parse(inFirst).filter(key -> key.module().startsWith("text_encoder")).isPresent()
        ? OptionalInt.of(Integer.parseInt(layer.group(1)))
        : OptionalInt.empty();
  }

  private Optional<String> find(String spelled) {
    for (Map.Entry<String, List<String>> prefix : COMPONENTS.entrySet()) {
      if (spelled.startsWith(prefix.getKey())) {
        String rest = spelled.substring(prefix.getKey().length());
        return prefix.getValue().stream()
            .filter(components::contains)
            .findFirst()
            .map(component -> byUnderscores.get(component + "_" + rest));
      }
    }
    String module = spelled.replace(".processor.", ".");
    if (module.endsWith(".to_out")) {
      module += ".0"; // "to_out_lora" of the first naming
    }
    if (modules.contains(module)) {
      return Optional.of(module);
    }
    for (String denoiser : List.of("unet.", "transformer.")) {
      if (modules.contains(denoiser + module)) { // the oldest files, which have no prefix
        return Optional.of(denoiser + module);
      }
    }
    for (Map.Entry<String, String> old : OLD_TEXT_MODULES.entrySet()) {
      if (module.endsWith(".self_attn." + old.getKey())) {
        module = module.substring(0, module.length() - old.getKey().length()) + old.getValue();
        break;
      }
    }
    // transformers 5.6 dropped "text_model." from the names of its modules
    String flat = module.replaceFirst("^(text_encoder(_2)?)\\.", "$1.text_model.");
    return modules.contains(module)
        ? Optional.of(module)
        : Optional.of(flat).filter(modules::contains);
  }
}
