package dev.ablation.djl.lora;

import dev.ablation.djl.dit.SingleFileNames;
import dev.ablation.djl.flux.FluxSingleFile;
import dev.ablation.djl.internal.checkpoint.LdmUnet;
import dev.ablation.djl.sd3.SD3SingleFile;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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

  private static final Pattern BLOCK =
      Pattern.compile("transformer\\.transformer_blocks\\.(\\d{1,4})\\..*");

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
          "lycoris_", List.of("unet", "transformer"),
          "lora_te_", List.of("text_encoder"),
          "lora_te1_", List.of("text_encoder"),
          "lora_te2_", List.of("text_encoder_2"),
          "lora_te3_", List.of("text_encoder_3", "text_encoder_2")); // T5, in FLUX the second

  /** The same for names with dots, of ComfyUI and of peft. */
  private static final Map<String, List<String>> DOTTED =
      Map.of(
          "model.diffusion_model.", List.of("unet", "transformer"),
          "diffusion_model.", List.of("unet", "transformer"),
          "text_encoders.clip_l.transformer.", List.of("text_encoder"),
          "text_encoders.clip_g.transformer.", List.of("text_encoder_2"),
          "text_encoders.t5xxl.transformer.", List.of("text_encoder_3", "text_encoder_2"));

  private static final String PEFT = "base_model.model.";

  /**
   * A module of the model and the rows of a tensor's up factor that change it; none stands for all.
   */
  record Target(String module, List<SingleFileNames.Part> rows) {}

  /** Modules of the attention's first naming in the text encoder. */
  private static final Map<String, String> OLD_TEXT_MODULES =
      Map.of("to_q", "q_proj", "to_k", "k_proj", "to_v", "v_proj", "to_out.0", "out_proj");

  private final Set<String> modules = new HashSet<>();

  /** Modules by the names of the original code, which keeps some of them in one. */
  private final Map<String, List<Target>> originals = new HashMap<>();

  private final Map<String, String> byUnderscores = new HashMap<>();
  private final Set<String> components = new LinkedHashSet<>();

  LoraKeys(Weights weights) {
    for (WeightInfo info : weights.list()) {
      components.add(info.component());
      if (info.name().endsWith(WEIGHT) && info.shape().dimension() > 1) {
        modules.add(module(info.name()));
      }
    }
    addOriginals("unet", unetNames(weights));
    addOriginals("transformer", transformerNames());
    // Underscores mean dots or themselves, so names are looked up, not parsed.
    originals.keySet().forEach(module -> byUnderscores.put(module.replace('.', '_'), module));
    modules.forEach(module -> byUnderscores.put(module.replace('.', '_'), module));
  }

  private Function<String, List<SingleFileNames.Part>> unetNames(Weights weights) {
    Set<String> names =
        weights.list().stream()
            .filter(info -> info.component().equals("unet"))
            .map(info -> info.name().substring(info.name().indexOf('.') + 1))
            .collect(Collectors.toSet());
    LdmUnet unet = new LdmUnet(names);
    return weight -> List.of(new SingleFileNames.Part(unet.name(weight), 0, 1, 1));
  }

  private Function<String, List<SingleFileNames.Part>> transformerNames() {
    boolean flux =
        modules.stream().anyMatch(module -> module.startsWith("transformer.single_transformer"));
    int layers =
        modules.stream()
            .map(BLOCK::matcher)
            .filter(Matcher::matches)
            .mapToInt(block -> Integer.parseInt(block.group(1)) + 1)
            .max()
            .orElse(0);
    return (flux ? FluxSingleFile.transformer() : SD3SingleFile.transformer(layers))::parts;
  }

  private void addOriginals(
      String component, Function<String, List<SingleFileNames.Part>> namesOfWeights) {
    for (String module : modules) {
      if (module.startsWith(component + ".")) {
        List<SingleFileNames.Part> parts;
        try {
          parts = namesOfWeights.apply(module.substring(component.length() + 1) + WEIGHT);
        } catch (IllegalArgumentException e) {
          continue; // a module that the original code does not have
        }
        String original = component + "." + module(parts.get(0).tensor());
        boolean whole = parts.size() == 1 && parts.get(0).of() == 1;
        if (!original.equals(module)) {
          originals
              .computeIfAbsent(original, key -> new ArrayList<>())
              .add(new Target(module, whole ? List.of() : parts));
        }
      }
    }
  }

  /** Returns the modules of the model that a module of {@link Key} stands for. */
  List<Target> targets(String module) {
    return modules.contains(module)
        ? List.of(new Target(module, List.of()))
        : originals.getOrDefault(module, List.of());
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
          case "unet" -> "lora_unet_";
          case "transformer" -> "lora_transformer_";
          case "text_encoder" -> components.contains("text_encoder_2") ? "lora_te1_" : "lora_te_";
          case "text_encoder_2" -> isT5(module) ? "lora_te3_" : "lora_te2_";
          case "text_encoder_3" -> "lora_te3_";
          default -> "";
        };
    return prefix.isEmpty()
        ? Optional.empty()
        : Optional.of(prefix + module.substring(dot + 1).replace('.', '_'));
  }

  private static boolean isT5(String module) {
    return module.contains(".encoder.block.") || module.endsWith(".shared");
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
            .flatMap(component -> Stream.ofNullable(byUnderscores.get(component + "_" + rest)))
            .findFirst();
      }
    }
    for (Map.Entry<String, List<String>> prefix : DOTTED.entrySet()) {
      if (spelled.startsWith(prefix.getKey())) {
        String rest = spelled.substring(prefix.getKey().length());
        return prefix.getValue().stream()
            .map(component -> component + "." + rest)
            .filter(module -> !targets(module).isEmpty())
            .findFirst();
      }
    }
    if (spelled.startsWith(PEFT)) {
      return find(spelled.substring(PEFT.length()));
    }
    String module = spelled.replace(".processor.", ".");
    if (module.endsWith(".to_out")) {
      module += ".0"; // "to_out_lora" of the first naming
    }
    if (modules.contains(module)) {
      return Optional.of(module);
    }
    // The oldest files have no prefix, nor have peft's of one network.
    for (String component : List.of("unet.", "transformer.", "text_encoder.")) {
      if (!targets(component + module).isEmpty()) {
        return Optional.of(component + module);
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
