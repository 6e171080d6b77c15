package dev.ablation.djl.clip;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.image.ImageTransform;
import dev.ablation.image.ImageTransform.Fit;
import dev.ablation.image.Resampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Reads {@code preprocessor_config.json}: how an image becomes the vision model's input. */
final class ClipPreprocessor {
  private static final double BYTE = 1 / 255.0;

  private final JsonConfig json;
  private final int imageSize;

  private ClipPreprocessor(JsonConfig json, int imageSize) {
    this.json = json;
    this.imageSize = imageSize;
  }

  /** Names of the files that may have it, the first one that is there counts. */
  static final List<String> FILES = List.of("preprocessor_config.json", "processor_config.json");

  /** There is no default: with another one than that of training, all scores would be wrong. */
  static Optional<ImageTransform> read(Path folder, int imageSize) throws IOException {
    Path file = folder.resolve(FILES.get(0));
    if (Files.exists(file)) {
      return Optional.of(new ClipPreprocessor(JsonConfig.read(file), imageSize).transform());
    }
    Path whole = folder.resolve(FILES.get(1));
    if (Files.exists(whole)) {
      JsonConfig json = JsonConfig.read(whole);
      if (json.has(IMAGE_PROCESSOR)) {
        return Optional.of(
            new ClipPreprocessor(json.section(IMAGE_PROCESSOR), imageSize).transform());
      }
    }
    return Optional.empty();
  }

  private static final String IMAGE_PROCESSOR = "image_processor";

  private ImageTransform transform() throws InvalidCheckpointException {
    ImageTransform standard = ImageTransform.clip(imageSize);
    boolean resizes = json.boolOr("do_resize", true);
    boolean crops = json.boolOr("do_center_crop", true);
    Fit fit = resizes ? fit() : Fit.AS_IS;
    int size = resizes ? size() : 0;
    int crop = crops ? square("crop_size", imageSize) : 0;
    if (crops ? crop != imageSize : fit == Fit.BOTH_SIDES && size != imageSize) {
      throw json.invalid(
          crops ? "crop_size" : "size", "image_size of the vision model, " + imageSize);
    }
    if (fit == Fit.SHORTER_SIDE && crop > size) {
      throw json.invalid("crop_size", "at most size " + size);
    }
    if (!json.boolOr("do_rescale", true)
        || Math.abs(json.doubleOr("rescale_factor", BYTE) - BYTE) > 1e-9) {
      throw json.invalid(
          json.has("rescale_factor") ? "rescale_factor" : "do_rescale",
          "1/255, which maps to 0..1");
    }
    boolean normalises = json.boolOr("do_normalize", true);
    return new ImageTransform(
        fit,
        size,
        resampling(),
        true,
        crop,
        normalises ? channels("image_mean", standard.mean()) : List.of(0.0, 0.0, 0.0),
        normalises ? channels("image_std", standard.std()) : List.of(1.0, 1.0, 1.0));
  }

  private Fit fit() throws InvalidCheckpointException {
    return isObject("size") && !json.section("size").has("shortest_edge")
        ? Fit.BOTH_SIDES
        : Fit.SHORTER_SIDE;
  }

  private int size() throws InvalidCheckpointException {
    return isObject("size") && json.section("size").has("shortest_edge")
        ? json.section("size").positiveIntOr("shortest_edge", imageSize)
        : square("size", imageSize);
  }

  /** A number, or an object whose height and width are equal. */
  private int square(String key, int otherwise) throws InvalidCheckpointException {
    if (!isObject(key)) {
      return json.positiveIntOr(key, otherwise);
    }
    JsonConfig section = json.section(key);
    int height = section.positiveIntOr("height", otherwise);
    if (section.positiveIntOr("width", otherwise) != height) {
      throw json.invalid(key, "a square");
    }
    return height;
  }

  private boolean isObject(String key) {
    try {
      var unused = json.section(key);
      return json.has(key);
    } catch (InvalidCheckpointException e) {
      return false;
    }
  }

  private List<Double> channels(String key, List<Double> otherwise)
      throws InvalidCheckpointException {
    if (!json.has(key)) {
      return otherwise;
    }
    List<Double> values = json.requireDoubles(key);
    if (values.size() != 3 || (key.equals("image_std") && values.stream().anyMatch(v -> v <= 0))) {
      throw json.invalid(key, "three numbers, deviations positive");
    }
    return values;
  }

  /** Pillow's numbers of the filters. */
  private Resampling resampling() throws InvalidCheckpointException {
    return switch (json.intOr("resample", 3)) {
      case 1 -> Resampling.LANCZOS;
      case 2 -> Resampling.BILINEAR;
      case 3 -> Resampling.BICUBIC;
      case 4 -> Resampling.BOX;
      case 5 -> Resampling.HAMMING;
      default -> throw json.invalid("resample", "a filter of Pillow, 1 to 5");
    };
  }
}
