package dev.ablation.djl.lora;

import ai.djl.ndarray.types.Shape;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Families of models, by what tells their adapters apart: names, and widths of the text. */
final class Family {
  static final long WIDTH_OF_VERSION_1 = 768;
  static final long WIDTH_OF_VERSION_2 = 1024;
  static final long WIDTH_OF_XL = 2048;
  private static final long WIDTH_OF_REFINER = 1280;

  private static final String FLUX = "FLUX.1";
  private static final String VERSION_3 = "Stable Diffusion 3";
  private static final String XL = "Stable Diffusion XL";

  private static final Map<Long, String> BY_WIDTH =
      Map.of(
          WIDTH_OF_VERSION_1, "Stable Diffusion 1.x",
          WIDTH_OF_VERSION_2, "Stable Diffusion 2.x",
          WIDTH_OF_XL, XL,
          WIDTH_OF_REFINER, "the refiner of Stable Diffusion XL");

  private static final Pattern FLUX_NAMES =
      Pattern.compile(".*(single_transformer_blocks|single_blocks|double_blocks)[._].*");
  private static final Pattern VERSION_3_NAMES =
      Pattern.compile(".*joint_blocks[._].*|.*transformer_blocks[._]\\d+[._]attn[._]add_.*");
  private static final Pattern TEXT_KEY =
      Pattern.compile(".*attn2[._](processor\\.)?to_[kv](_lora)?\\..*(down|lora_A).*");
  private static final Pattern SECOND_TEXT_ENCODER =
      Pattern.compile("(lora_te2_|text_encoder_2\\.).*");

  private Family() {}

  /** The family that an adapter is for, as far as names, shapes and header tell. */
  static Optional<String> of(
      Set<String> tensors, Function<String, Shape> shapes, Map<String, String> header) {
    if (any(tensors, FLUX_NAMES)) {
      return Optional.of(FLUX);
    }
    if (any(tensors, VERSION_3_NAMES)) {
      return Optional.of(VERSION_3);
    }
    Optional<String> byWidth =
        tensors.stream()
            .filter(tensor -> TEXT_KEY.matcher(tensor).matches())
            .map(shapes)
            .filter(shape -> shape.dimension() >= 2)
            .map(shape -> ofWidth(shape.get(1)))
            .findFirst();
    if (byWidth.isPresent()) {
      return byWidth;
    }
    if (any(tensors, SECOND_TEXT_ENCODER)) {
      return Optional.of(XL);
    }
    return Optional.ofNullable(
            header.getOrDefault(
                "ss_base_model_version", header.getOrDefault("modelspec.architecture", "")))
        .filter(text -> !text.isBlank())
        .map(text -> "'" + text + "'");
  }

  /** The family of a model. */
  static Optional<String> of(DiffusionModel model) {
    for (WeightInfo info : model.weights().list()) {
      if (FLUX_NAMES.matcher(info.name()).matches()) {
        return Optional.of(FLUX);
      }
      if (VERSION_3_NAMES.matcher(info.name()).matches()) {
        return Optional.of(VERSION_3);
      }
    }
    long width = textWidth(model);
    return width == 0 ? Optional.empty() : Optional.of(ofWidth(width));
  }

  /** The inputs of the key projections of the text in cross-attention; 0 if there are none. */
  static long textWidth(DiffusionModel model) {
    AttentionProjection key = AttentionProjection.cross(Projection.KEY);
    return model.weights().list().stream()
        .filter(info -> info.component().equals("unet"))
        .filter(info -> info.projection().filter(key::equals).isPresent())
        .filter(info -> info.shape().dimension() == 2)
        .mapToLong(info -> info.shape().get(1))
        .findFirst()
        .orElse(0);
  }

  private static String ofWidth(long width) {
    return BY_WIDTH.getOrDefault(width, "a UNet whose text has " + width + " numbers a token");
  }

  private static boolean any(Set<String> names, Pattern pattern) {
    return names.stream().anyMatch(name -> pattern.matcher(name).matches());
  }

  /** A sentence for a message about an adapter that does not fit; empty if nothing is known. */
  static String compared(
      Set<String> tensors,
      Function<String, Shape> shapes,
      Map<String, String> header,
      DiffusionModel model) {
    Optional<String> file = of(tensors, shapes, header);
    if (file.isEmpty()) {
      return "";
    }
    String own = of(model).orElse("of another family");
    return file.get().equals(own)
        ? ""
        : "; the file looks like a LoRA for %s, the model is %s".formatted(file.get(), own);
  }
}
