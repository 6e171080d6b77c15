package dev.ablation.djl.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.Finite;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.WriteOptions;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Low-rank deltas as LoRA files (safetensors), for any model whose weights carry diffusers' names.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="lora-file"}
 *
 * <p>Files hold A and B of each module and, where the model's own reader would not know it, alpha.
 * Beside them this library keeps the delta's provenance in the header, which other tools pass over.
 */
public final class LoraFile {

  /** The name under which diffusers looks for the file in a folder. */
  public static final String DEFAULT_NAME = "pytorch_lora_weights.safetensors";

  /** Widths of the text embeddings, by which kohya's scripts distinguish the families. */
  private static final int WIDTH_OF_VERSION_1 = 768;

  private static final int WIDTH_OF_VERSION_2 = 1024;
  private static final int WIDTH_OF_XL = 2048;

  private static final Logger LOG = LoggerFactory.getLogger(LoraFile.class);

  private LoraFile() {}

  /**
   * Writes a delta in the spelling of diffusers and peft, {@code
   * unet.mid_block.attentions.0.proj_in.lora_A.weight}: {@code load_lora_weights} reads it. Alpha,
   * where it is not the rank, is in the header ({@code lora_adapter_metadata}); tools that read
   * tensors alone, such as ComfyUI, take it for the rank: write {@linkplain #saveKohya the other
   * spelling} for them.
   *
   * @param delta that is {@link WeightDelta#isLowRank()}
   * @param file must not exist
   * @throws IllegalArgumentException if a difference of the delta is not held in two factors
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public static void save(WeightDelta delta, Path file) throws IOException {
    Map<String, LoraFactors> changes = changes(delta);
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    changes.forEach((module, change) -> {
      arrays.put(module + ".lora_A.weight", change.down());
      arrays.put(module + ".lora_B.weight", change.up());
    });
    Map<String, String> header = header(delta);
    if (AdapterMetadata.isNeededFor(changes)) {
      header.put(AdapterMetadata.KEY, AdapterMetadata.of(changes));
    }
    SafetensorsWriter.write(file, arrays, header, WriteOptions.defaults().refusingExisting());
  }

  /**
   * Writes a delta in the spelling of kohya's scripts, {@code
   * lora_unet_mid_block_attentions_0_proj_in.lora_down.weight}, with alpha beside each pair: most
   * user interfaces read it.
   *
   * @param delta that is {@link WeightDelta#isLowRank()}
   * @param model model for the delta; its version is stored in the header
   * @param file must not exist
   * @throws IllegalArgumentException if a difference of the delta is not held in two factors
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public static void saveKohya(WeightDelta delta, DiffusionModel model, Path file)
      throws IOException {
    Map<String, LoraFactors> changes = changes(delta);
    LoraKeys keys = new LoraKeys(model.weights());
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      changes.forEach((module, change) -> {
        String name =
            keys.kohya(module)
                .orElseThrow(() ->
                    new IllegalArgumentException(
                        "module '" + module + "' has no name in kohya's spelling"));
        arrays.put(name + ".lora_down.weight", change.down());
        arrays.put(name + ".lora_up.weight", change.up());
        arrays.put(name + ".alpha", scope.create((float) AdapterMetadata.alpha(change)));
      });
      Map<String, String> header = header(delta);
      header.putAll(kohyaHeader(changes, model));
      SafetensorsWriter.write(file, arrays, header, WriteOptions.defaults().refusingExisting());
    }
  }

  private static Map<String, LoraFactors> changes(WeightDelta delta) {
    Map<String, LoraFactors> changes = new TreeMap<>();
    List<String> others = new ArrayList<>();
    for (String name : delta.names()) {
      Optional<LoraFactors> factors = delta.lowRank(name);
      if (factors.isPresent() && name.endsWith(LoraKeys.WEIGHT)) {
        changes.put(LoraKeys.module(name), factors.get());
      } else {
        others.add(name);
      }
    }
    if (!others.isEmpty()) {
      throw new IllegalArgumentException(
          ("a LoRA file holds low-rank changes alone, as training(t -> t.lora(...)) makes them; of"
                  + " the delta's %d weights %d are none, such as %s")
              .formatted(delta.names().size(), others.size(), others.get(0)));
    }
    return changes;
  }

  private static Map<String, String> header(WeightDelta delta) {
    Map<String, String> header = new TreeMap<>();
    header.put("format", "pt");
    header.put(WeightDelta.PROVENANCE_KEY, delta.provenance().toJson());
    return header;
  }

  /** The inputs of the key projections of the text in cross-attention; 0 if there are none. */
  private static long textWidth(DiffusionModel model) {
    AttentionProjection key = AttentionProjection.cross(Projection.KEY);
    return model.weights().list().stream()
        .filter(info -> info.component().equals("unet"))
        .filter(info -> info.projection().filter(key::equals).isPresent())
        .filter(info -> info.shape().dimension() == 2)
        .mapToLong(info -> info.shape().get(1))
        .findFirst()
        .orElse(0);
  }

  /** The least that kohya's scripts rely on. */
  private static Map<String, String> kohyaHeader(
      Map<String, LoraFactors> changes, DiffusionModel model) {
    Map<String, String> header = new TreeMap<>();
    long width = textWidth(model);
    header.put("ss_v2", width == WIDTH_OF_VERSION_2 ? "True" : "False");
    if (width == WIDTH_OF_VERSION_1) {
      header.put("ss_base_model_version", "sd_v1");
    } else if (width == WIDTH_OF_VERSION_2) {
      boolean velocity = model.predictionType() == PredictionType.V_PREDICTION;
      header.put("ss_base_model_version", velocity ? "sd_v2_v" : "sd_v2");
    } else if (width == WIDTH_OF_XL) {
      header.put("ss_base_model_version", "sdxl_base_v1-0");
    }
    header.put("ss_network_module", "networks.lora");
    header.put("ss_network_args", "{}");
    LoraFactors any = changes.values().iterator().next();
    header.put("ss_network_dim", Integer.toString(any.rank()));
    header.put("ss_network_alpha", Double.toString(AdapterMetadata.alpha(any)));
    return header;
  }

  /**
   * Reads a LoRA file in the spelling of diffusers, of its older versions or of kohya's scripts.
   *
   * @param file a safetensors file
   * @param model that it is for: the names of its modules are looked up there
   * @return a low-rank delta, owned by the caller. Of a file that this library wrote it has the
   *     provenance; else the header's texts are its settings, and it fits every model that has the
   *     weights. Layers of a text encoder that has fewer are skipped, with a warning in the log.
   * @throws IOException if the file cannot be read, holds what the model has no place for, what is
   *     no plain LoRA or a change that is not finite; the message names it
   */
  public static WeightDelta load(Path file, DiffusionModel model) throws IOException {
    return FileReading.of(
        file,
        () -> {
          try (SafetensorsFile tensors = SafetensorsFile.open(file);
              NDManager scope = model.manager().newSubManager()) {
            Map<String, LoraFactors> changes = read(tensors, model, scope);
            return WeightDelta.ofLowRank(changes, model.manager(), provenance(tensors));
          }
        });
  }

  private static Map<String, LoraFactors> read(
      SafetensorsFile tensors, DiffusionModel model, NDManager scope) throws IOException {
    LoraKeys keys = new LoraKeys(model.weights());
    Map<String, Map<LoraKeys.Kind, NDArray>> modules = new TreeMap<>();
    List<String> unknown = new ArrayList<>();
    Set<Integer> layers = new TreeSet<>();
    for (String name : tensors.tensors().keySet()) {
      Optional<LoraKeys.Key> key = keys.parse(name);
      OptionalInt surplus = key.isEmpty() ? keys.surplusTextLayer(name) : OptionalInt.empty();
      if (surplus.isPresent()) {
        layers.add(surplus.getAsInt());
      } else if (key.isEmpty()) {
        unknown.add(name);
      } else {
        NDArray array = tensors.readFloat32(name, scope);
        Map<LoraKeys.Kind, NDArray> ofModule =
            modules.computeIfAbsent(
                key.get().module(), module -> new EnumMap<>(LoraKeys.Kind.class));
        if (ofModule.put(key.get().kind(), array) != null) {
          throw new IllegalArgumentException(
              "tensor '" + name + "' stands there twice, in two spellings");
        }
      }
    }
    if (!unknown.isEmpty() || modules.isEmpty()) {
      throw new IllegalArgumentException(
          ("a LoRA file must hold pairs of factors for modules of model '%s' and nothing else (no"
                  + " DoRA, LoHa, LoKr or biases); %d of %d tensors are something else: %s")
              .formatted(
                  model.descriptor().name(),
                  unknown.size(),
                  tensors.tensors().size(),
                  unknown.stream().limit(5).toList()));
    }
    if (!layers.isEmpty()) {
      LOG.warn(
          "{}: the layers {} are skipped, because the text encoder of '{}' does not have them",
          tensors.path(),
          layers,
          model.descriptor().name());
    }
    AdapterMetadata metadata =
        AdapterMetadata.parse(
            tensors.path(), tensors.metadata().getOrDefault(AdapterMetadata.KEY, "{}"));
    Map<String, LoraFactors> changes = new LinkedHashMap<>();
    for (WeightInfo info : model.weights().list()) {
      String weight = info.name();
      Map<LoraKeys.Kind, NDArray> factors =
          weight.endsWith(LoraKeys.WEIGHT) ? modules.get(LoraKeys.module(weight)) : null;
      if (factors != null) {
        changes.put(weight, change(info, factors, metadata));
      }
    }
    return changes;
  }

  private static LoraFactors change(
      WeightInfo weight, Map<LoraKeys.Kind, NDArray> factors, AdapterMetadata metadata)
      throws IOException {
    NDArray down = factors.get(LoraKeys.Kind.DOWN);
    NDArray up = factors.get(LoraKeys.Kind.UP);
    if (down == null || up == null) {
      throw new IllegalArgumentException(
          "both factors of '%s' must be there, one is missing".formatted(weight.name()));
    }
    Shape a = down.getShape();
    Shape b = up.getShape();
    long first = a.dimension() > 0 && a.size() > 0 ? a.get(0) : 0;
    int rank = first > Integer.MAX_VALUE ? 0 : (int) first;
    // A convolution of size 1 may come as a matrix and the other way round.
    Shape expectedA = LoraFactors.downShape(weight.shape(), rank);
    Shape expectedB = LoraFactors.upShape(weight.shape(), rank);
    if (rank < 1
        || !trimmed(a).equals(trimmed(expectedA))
        || !trimmed(b).equals(trimmed(expectedB))) {
      throw new IllegalArgumentException(
          "factors of '%s' must be %s and %s, were %s and %s"
              .formatted(weight.name(), expectedA, expectedB, a, b));
    }
    NDArray alpha = factors.get(LoraKeys.Kind.ALPHA);
    if (alpha != null && alpha.size() != 1) {
      throw new IllegalArgumentException(
          "alpha of '%s' must be one number, was of shape %s"
              .formatted(weight.name(), alpha.getShape()));
    }
    double scale =
        alpha == null
            ? metadata.scale(LoraKeys.module(weight.name()), rank)
            : alpha.toFloatArray()[0] / (double) rank;
    Finite.checkProduct(down, up, rank, scale, weight.name());
    return new LoraFactors(down.reshape(expectedA), up.reshape(expectedB), scale);
  }

  /** Without axes of length 1 at the end beyond the second. */
  private static List<Long> trimmed(Shape shape) {
    List<Long> dimensions = new ArrayList<>();
    for (long dimension : shape.getShape()) {
      dimensions.add(dimension);
    }
    while (dimensions.size() > 2 && dimensions.get(dimensions.size() - 1) == 1) {
      dimensions.remove(dimensions.size() - 1);
    }
    return dimensions;
  }

  private static Provenance provenance(SafetensorsFile tensors) {
    String own = tensors.metadata().get(WeightDelta.PROVENANCE_KEY);
    if (own != null) {
      return Provenance.fromJson(own);
    }
    Map<String, String> settings = new TreeMap<>(tensors.metadata());
    settings.remove(AdapterMetadata.KEY);
    settings.put("lora.file", Objects.toString(tensors.path().getFileName()));
    String base = settings.getOrDefault("ss_sd_model_name", "unknown");
    return new Provenance("unknown", base, "unknown", Map.of(), settings, Map.of());
  }
}
