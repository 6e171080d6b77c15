package dev.ablation.djl.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What people also exchange in files that are called LoRA, by the names of their tensors. None of
 * it is a product of two factors for each weight.
 */
final class OtherAdapters {
  private static final Map<String, Pattern> BY_TENSOR = new LinkedHashMap<>();

  static {
    add("LoHa (Hadamard products)", "hada_(w[12]_[ab]|t[12])");
    add("LoKr (Kronecker products)", "lokr_(w[12](_[ab])?|t2)");
    add("DoRA (magnitudes beside the factors)", "dora_scale|lora_magnitude_vector(\\..+)?");
    add("GLoRA (generalized LoRA)", "[ab][12]\\.weight");
    add("(IA)3 (scales of activations)", "on_input|ia3_l(\\..+)?");
    add("BOFT (butterfly orthogonal fine-tuning)", "boft_[RrSs](\\..+)?|boft_blocks");
    add("OFT (orthogonal fine-tuning)", "oft_(blocks|diag|[RrSs])(\\..+)?");
    add("VeRA (shared random factors)", "vera_lambda_[bd](\\..+)?|vera_[AB](\\..+)?");
    add("LoCon with a core (three factors)", "lora_mid\\.weight");
    add("differences in full", "diff|diff_b|set_weight|set_bias");
    add(
        "x-labs' LoRA of FLUX (factors beside the joint attention)",
        "processor\\.(qkv|proj)_lora[12]?\\.(down|up)\\.weight");
    add("norms of LyCORIS", "w_norm|b_norm");
    add("LoRA with biases", "lora_[AB](\\.[\\w-]+)?\\.bias|lora_(up|down)\\.bias");
    add("LoRA of embeddings", "lora_embedding_[AB](\\..+)?");
    add("an embedding beside the LoRA", "bundle_emb\\..+|emb_params|string_to_param\\..+");
    add("a scale in place of alpha", "scale");
  }

  private OtherAdapters() {}

  private static void add(String name, String tensor) {
    BY_TENSOR.put(name, Pattern.compile("(?:.+\\.)?(?:" + tensor + ")"));
  }

  /** Names each kind that some of the tensors are of, with an example. */
  static List<String> found(Set<String> tensors) {
    List<String> found = new ArrayList<>();
    BY_TENSOR.forEach((kind, pattern) ->
        tensors.stream()
            .filter(tensor -> pattern.matcher(tensor).matches())
            .findFirst()
            .ifPresent(tensor -> found.add("%s, such as '%s'".formatted(kind, tensor))));
    return found;
  }
}
