package dev.ablation.djl.internal.singlefile;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a network predicts, and how that was found out. No tensor says it of Stable Diffusion 2.x,
 * whose versions predict the noise or the velocity.
 *
 * @param type what it predicts
 * @param source how it was found out, to end a sentence
 */
public record Prediction(PredictionType type, String source) {

  /** Where the last transformer of a UNet at the published size of version 2 keeps a bias. */
  private static final String BIAS = "output_blocks.11.1.transformer_blocks.0.norm1.bias";

  /** The deviation of that bias which ComfyUI takes for the limit between both. */
  private static final double LIMIT = 0.09;

  private static final Pattern PARAMETERIZATION =
      Pattern.compile("(?m)^\\s*parameterization:\\s*[\"']?([A-Za-z0-9_]+)");

  /**
   * Finds out what a network predicts: from the options, a configuration of the same name beside
   * the file, the file's metadata, and then from its tensors.
   *
   * @param content of the file
   * @param checkpoint the file, open
   * @param options may say it
   * @return the prediction
   * @throws IOException if a file cannot be read
   */
  public static Prediction of(FileContent content, Checkpoint checkpoint, LoadOptions options)
      throws IOException {
    if (options.prediction().isPresent()) {
      return new Prediction(options.prediction().get(), "as LoadOptions.prediction says");
    }
    Prediction found = ofYaml(content.file());
    if (found == null) {
      found = ofMetadata(content);
    }
    if (found != null) {
      return found;
    }
    if (content.tensors().containsKey("v_pred")) {
      return new Prediction(PredictionType.V_PREDICTION, "as the file's tensor v_pred says");
    }
    if (content.family() == ModelFamily.STABLE_DIFFUSION_2) {
      return ofStatistics(content, checkpoint);
    }
    return new Prediction(PredictionType.EPSILON, "as usual in this family");
  }

  private static @Nullable Prediction ofYaml(Path file) throws IOException {
    String name = String.valueOf(file.getFileName()).replaceFirst("\\.[^.]*$", "");
    Path yaml = file.resolveSibling(name + ".yaml");
    if (!Files.isRegularFile(yaml)) {
      return null;
    }
    try {
      Matcher line = PARAMETERIZATION.matcher(TextFile.read(yaml));
      if (!line.find()) {
        return new Prediction(PredictionType.EPSILON, "the default of " + yaml.getFileName());
      }
      PredictionType type = type(line.group(1));
      if (type == null) {
        throw new InvalidCheckpointException(
            yaml, "parameterization must be eps or v, was " + line.group(1));
      }
      return new Prediction(type, "as " + yaml.getFileName() + " says");
    } catch (TextFormatException e) {
      throw new InvalidCheckpointException(yaml, "is not text: " + e.getMessage());
    }
  }

  private static @Nullable Prediction ofMetadata(FileContent content) {
    String text = content.metadata().get("modelspec.prediction_type");
    PredictionType type = text == null ? null : type(text);
    return type == null
        ? null
        : new Prediction(type, "as the file's modelspec.prediction_type says");
  }

  private static @Nullable PredictionType type(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "eps", "epsilon" -> PredictionType.EPSILON;
      case "v", "v_prediction", "vpred", "v-prediction" -> PredictionType.V_PREDICTION;
      default -> null;
    };
  }

  private static Prediction ofStatistics(FileContent content, Checkpoint checkpoint)
      throws IOException {
    String name = Objects.requireNonNull(content.parts().get("unet")).prefix() + BIAS;
    if (content.unetChannels() != 4) {
      return new Prediction(PredictionType.EPSILON, "as usual with more channels");
    }
    if (!content.tensors().containsKey(name)) {
      return new Prediction(PredictionType.V_PREDICTION, "as diffusers assumes of this family");
    }
    double deviation;
    try (NDManager manager = TorchRuntime.engine().newBaseManager(Device.cpu());
        NDArray bias = checkpoint.readFloat32(name, manager)) {
      deviation = deviation(bias.toFloatArray());
    }
    return new Prediction(
        deviation > LIMIT ? PredictionType.V_PREDICTION : PredictionType.EPSILON,
        "since the deviation of a bias is %.3f, the limit being %s".formatted(deviation, LIMIT));
  }

  private static double deviation(float[] values) {
    double mean = 0;
    for (float value : values) {
      mean += value / values.length;
    }
    double squares = 0;
    for (float value : values) {
      squares += (value - mean) * (value - mean) / values.length;
    }
    return Math.sqrt(squares);
  }

  /** {@return the type as configurations spell it} */
  public String text() {
    return switch (type) {
      case V_PREDICTION -> "v_prediction";
      case SAMPLE -> "sample";
      default -> "epsilon";
    };
  }
}
