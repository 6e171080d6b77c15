package dev.ablation.djl.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Splitter;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.dit.SingleFileNames;
import dev.ablation.djl.internal.torchfile.NamedTensors;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.Finite;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraFactors;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.WriteOptions;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
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

  // Keys of SPM's code.
  private static final String PROMPTS = "prompts";
  private static final String RANK = "rank";
  private static final String ALPHA = "alpha";

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
    save(delta, file, Dtype.F32);
  }

  /**
   * Writes a delta as {@link #save(WeightDelta, Path)} in another number format.
   *
   * @param delta that is {@link WeightDelta#isLowRank()}
   * @param file must not exist
   * @param floats {@link Dtype#F32}, {@link Dtype#F16} or {@link Dtype#BF16}
   * @throws IllegalArgumentException if a difference of the delta is not held in two factors
   * @throws ArithmeticException if a number is too large for the format
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public static void save(WeightDelta delta, Path file, Dtype floats) throws IOException {
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
    SafetensorsWriter.write(file, arrays, header, options(floats));
  }

  private static WriteOptions options(Dtype floats) {
    return WriteOptions.defaults().storingFloatsAs(floats).refusingExisting();
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
    saveKohya(delta, model, file, Dtype.F32);
  }

  /**
   * Writes a delta as {@link #saveKohya(WeightDelta, DiffusionModel, Path)} in another number
   * format. Most files that people exchange are in float16.
   *
   * @param delta that is {@link WeightDelta#isLowRank()}
   * @param model model for the delta; its version is stored in the header
   * @param file must not exist
   * @param floats {@link Dtype#F32}, {@link Dtype#F16} or {@link Dtype#BF16}
   * @throws IllegalArgumentException if a difference of the delta is not held in two factors
   * @throws ArithmeticException if a number is too large for the format
   * @throws java.nio.file.FileAlreadyExistsException if the file exists
   * @throws IOException if it cannot be written
   */
  public static void saveKohya(WeightDelta delta, DiffusionModel model, Path file, Dtype floats)
      throws IOException {
    Map<String, LoraFactors> changes = changes(delta);
    LoraKeys keys = new LoraKeys(model.weights());
    try (NDManager scope = model.newScope()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      changes.forEach((module, change) -> {
        String name =
            keys.kohya(module)
                .orElseThrow(() ->
                    new IllegalArgumentException(
                        "module '" + module + "' has no name in kohya's spelling"));
        double alpha = AdapterMetadata.alpha(change);
        NDArray up = change.up();
        if (floats != Dtype.F32 && alpha != Math.rint(alpha)) {
          up = up.mul((float) change.scale()); // alpha would be rounded with the factors
          up.attach(scope);
          alpha = change.rank();
        }
        arrays.put(name + ".lora_down.weight", change.down());
        arrays.put(name + ".lora_up.weight", up);
        arrays.put(
            name + ".alpha",
            floats == Dtype.F32 ? scope.create((float) alpha) : scope.create((long) alpha));
      });
      Map<String, String> header = header(delta);
      header.putAll(kohyaHeader(changes, model));
      delta.gate().ifPresent(gate -> header.putAll(spmHeader(changes, gate)));
      SafetensorsWriter.write(file, arrays, header, options(floats));
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
          ("a LoRA file holds low-rank changes alone, as training(t -> t.lora(...)) or"
                  + " LowRankApproximation makes them; of the delta's %d weights %d are none, such"
                  + " as %s")
              .formatted(delta.names().size(), others.size(), others.get(0)));
    }
    return changes;
  }

  private static Map<String, String> header(WeightDelta delta) {
    Map<String, String> header = new TreeMap<>();
    header.put("format", "pt");
    header.put(WeightDelta.PROVENANCE_KEY, delta.provenance().toJson());
    delta.gate().ifPresent(gate -> header.put(WeightDelta.GATE_KEY, gate.toJson()));
    return header;
  }

  /** The least that kohya's scripts rely on. */
  private static Map<String, String> kohyaHeader(
      Map<String, LoraFactors> changes, DiffusionModel model) {
    Map<String, String> header = new TreeMap<>();
    long width = Family.textWidth(model);
    header.put("ss_v2", width == Family.WIDTH_OF_VERSION_2 ? "True" : "False");
    if (width == Family.WIDTH_OF_VERSION_1) {
      header.put("ss_base_model_version", "sd_v1");
    } else if (width == Family.WIDTH_OF_VERSION_2) {
      boolean velocity = model.predictionType() == PredictionType.V_PREDICTION;
      header.put("ss_base_model_version", velocity ? "sd_v2_v" : "sd_v2");
    } else if (width == Family.WIDTH_OF_XL) {
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
   * What the published code of SPM reads beside the tensors: the names of the targets, between
   * commas, and rank and alpha of all. Names with commas cannot be told there.
   */
  private static Map<String, String> spmHeader(Map<String, LoraFactors> changes, ConceptGate gate) {
    if (gate.targets().stream().anyMatch(name -> name.contains(","))) {
      return Map.of();
    }
    LoraFactors any = changes.values().iterator().next();
    return Map.of(
        PROMPTS,
        String.join(",", gate.targets()),
        RANK,
        Integer.toString(any.rank()),
        ALPHA,
        Double.toString(AdapterMetadata.alpha(any)));
  }

  /** The gate of a file of this library or of SPM's code; empty for any other. */
  private static Optional<ConceptGate> gate(Map<String, String> header) {
    String own = header.get(WeightDelta.GATE_KEY);
    if (own != null) {
      return Optional.of(ConceptGate.fromJson(own));
    }
    String prompts = header.get(PROMPTS);
    if (prompts == null || !header.containsKey(RANK) || !header.containsKey(ALPHA)) {
      return Optional.empty();
    }
    List<String> names = Splitter.on(',').trimResults().omitEmptyStrings().splitToList(prompts);
    return names.isEmpty() ? Optional.empty() : Optional.of(new ConceptGate(names, 0));
  }

  /**
   * Reads a LoRA file: of diffusers and its older versions, of peft, of kohya's scripts, ComfyUI
   * and the tools that write like them. The names may be those of diffusers or those of the
   * original code, which keeps queries, keys and values of a transformer together.
   *
   * @param file safetensors, or a pickle of {@code torch.save}, of which nothing is run. Beside a
   *     file {@code adapter_model.*} peft's {@code adapter_config.json} is read
   * @param model that it is for: the names of its modules are looked up there
   * @return a low-rank delta, owned by the caller. Of a file that this library wrote it has the
   *     provenance; else the header's texts are its settings, and it fits every model that has the
   *     weights. Layers of a text encoder that has fewer are skipped, with a warning in the log.
   * @throws IOException if the file cannot be read, is for another family of models, is no plain
   *     LoRA (the message says what it is, such as LoHa) or holds a change that is not finite
   */
  public static WeightDelta load(Path file, DiffusionModel model) throws IOException {
    return FileReading.of(
        file,
        () -> {
          try (NamedTensors tensors = NamedTensors.open(file);
              NDManager scope = model.newScope()) {
            Map<String, LoraFactors> changes = read(tensors, model, scope);
            WeightDelta delta =
                WeightDelta.ofLowRank(changes, model.manager(), provenance(tensors));
            Optional<ConceptGate> gate = gate(tensors.metadata());
            if (gate.isEmpty()) {
              return delta;
            }
            try (delta) {
              return delta.gatedBy(gate.get());
            }
          }
        });
  }

  /**
   * Adds a LoRA file to a model for good: its weights, their hashes and with them the provenance of
   * every later run are those of the sum. So a fine-tuned model becomes the base of an ablation.
   * For a change that can be taken back, use {@link #load} and {@link WeightDelta#applyTo}.
   *
   * {@snippet class="dev.ablation.djl.lora.LoraMergeTest" region="merge"}
   *
   * @param file see {@link #load}
   * @param model to change
   * @param weight what the change is multiplied by, finite; 1 for the file's own strength
   * @throws IllegalArgumentException if the weight is not finite
   * @throws dev.ablation.delta.DeltaMismatchException if this library wrote the file for another
   *     base model
   * @throws IOException see {@link #load}
   */
  public static void merge(Path file, DiffusionModel model, double weight) throws IOException {
    if (!Double.isFinite(weight)) {
      throw new IllegalArgumentException("weight must be finite, was " + weight);
    }
    try (WeightDelta delta = load(file, model);
        WeightDelta scaled = delta.scaledBy(weight);
        WeightDelta.Applied applied = scaled.applyTo(model)) {
      applied.keep();
    }
  }

  private static Map<String, LoraFactors> read(
      NamedTensors tensors, DiffusionModel model, NDManager scope) throws IOException {
    LoraKeys keys = new LoraKeys(model.weights());
    Map<String, Map<LoraKeys.Kind, NDArray>> modules = new TreeMap<>();
    Set<String> unknown = new LinkedHashSet<>();
    Set<Integer> layers = new TreeSet<>();
    for (String name : tensors.names()) {
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
      throw new IllegalArgumentException(misfit(tensors, unknown, model));
    }
    if (!layers.isEmpty()) {
      LOG.warn(
          "{}: the layers {} are skipped, because the text encoder of '{}' does not have them",
          tensors.path(),
          layers,
          model.descriptor().name());
    }
    AdapterMetadata metadata = metadata(tensors);
    Map<String, Shape> shapes = new LinkedHashMap<>();
    model.weights().list().forEach(info -> shapes.put(info.name(), info.shape()));
    Map<String, LoraFactors> found = new TreeMap<>();
    for (Map.Entry<String, Map<LoraKeys.Kind, NDArray>> module : modules.entrySet()) {
      for (LoraKeys.Target target : keys.targets(module.getKey())) {
        String weight = target.module() + LoraKeys.WEIGHT;
        Shape shape = Objects.requireNonNull(shapes.get(weight), weight);
        LoraFactors change;
        try {
          change = change(weight, shape, target, module, metadata);
        } catch (IllegalArgumentException e) {
          throw new IllegalArgumentException(e.getMessage() + compared(tensors, model), e);
        }
        if (found.put(weight, change) != null) {
          throw new IllegalArgumentException("'" + weight + "' is changed twice, in two spellings");
        }
      }
    }
    Map<String, LoraFactors> changes = new LinkedHashMap<>();
    for (String weight : shapes.keySet()) {
      LoraFactors change = found.get(weight);
      if (change != null) {
        changes.put(weight, change);
      }
    }
    return changes;
  }

  private static String compared(NamedTensors tensors, DiffusionModel model) {
    return Family.compared(tensors.names(), tensors::shape, tensors.metadata(), model);
  }

  private static String misfit(NamedTensors tensors, Set<String> unknown, DiffusionModel model) {
    List<String> others = OtherAdapters.found(unknown);
    String rule =
        "a LoRA file must hold pairs of factors for modules of model '%s' and nothing else"
            .formatted(model.descriptor().name());
    if (!others.isEmpty()) {
      return "%s; this one holds %s, which cannot be read"
          .formatted(rule, String.join("; ", others));
    }
    return "%s; %d of %d tensors are something else: %s%s"
        .formatted(
            rule,
            unknown.size(),
            tensors.names().size(),
            unknown.stream().limit(5).toList(),
            compared(tensors, model));
  }

  /** The configuration of the adapter, in the header or in peft's file. */
  private static AdapterMetadata metadata(NamedTensors tensors) throws IOException {
    String header = tensors.metadata().get(AdapterMetadata.KEY);
    Path config = tensors.path().resolveSibling("adapter_config.json");
    boolean peft = Objects.toString(tensors.path().getFileName()).startsWith("adapter_model.");
    return header == null && peft && Files.exists(config)
        ? AdapterMetadata.read(config)
        : AdapterMetadata.parse(tensors.path(), header == null ? "{}" : header);
  }

  private static LoraFactors change(
      String weight,
      Shape shape,
      LoraKeys.Target target,
      Map.Entry<String, Map<LoraKeys.Kind, NDArray>> module,
      AdapterMetadata metadata)
      throws IOException {
    NDArray down = module.getValue().get(LoraKeys.Kind.DOWN);
    NDArray up = module.getValue().get(LoraKeys.Kind.UP);
    if (down == null || up == null) {
      throw new IllegalArgumentException(
          "both factors of '%s' must be there, one is missing".formatted(weight));
    }
    Shape a = down.getShape();
    long first = a.dimension() > 0 && a.size() > 0 ? a.get(0) : 0;
    int rank = first > Integer.MAX_VALUE ? 0 : (int) first;
    // A convolution of size 1 may come as a matrix and the other way round.
    Shape expectedA = LoraFactors.downShape(shape, rank);
    Shape expectedB = LoraFactors.upShape(ofWhole(shape, target), rank);
    if (rank < 1
        || !trimmed(a).equals(trimmed(expectedA))
        || !trimmed(up.getShape()).equals(trimmed(expectedB))) {
      throw new IllegalArgumentException(
          "factors of '%s' must be %s and %s, were %s and %s"
              .formatted(weight, expectedA, expectedB, a, up.getShape()));
    }
    NDArray alpha = module.getValue().get(LoraKeys.Kind.ALPHA);
    if (alpha != null && alpha.size() != 1) {
      throw new IllegalArgumentException(
          "alpha of '%s' must be one number, was of shape %s".formatted(weight, alpha.getShape()));
    }
    double scale =
        alpha == null
            ? metadata.scale(module.getKey(), rank)
            : alpha.toFloatArray()[0] / (double) rank;
    Finite.checkProduct(down, up, rank, scale, weight);
    return new LoraFactors(
        down.reshape(expectedA), rows(up, target).reshape(LoraFactors.upShape(shape, rank)), scale);
  }

  /** The shape of the tensor that holds a weight's rows among others. */
  private static Shape ofWhole(Shape weight, LoraKeys.Target target) {
    if (target.rows().isEmpty()) {
      return weight;
    }
    long shares = target.rows().stream().mapToLong(part -> part.to() - (long) part.from()).sum();
    long[] whole = weight.getShape().clone();
    whole[0] = whole[0] * target.rows().get(0).of() / shares;
    return new Shape(whole);
  }

  /** The rows of the up factor that change one module. */
  private static NDArray rows(NDArray up, LoraKeys.Target target) {
    if (target.rows().isEmpty()) {
      return up;
    }
    NDList parts = new NDList();
    for (SingleFileNames.Part part : target.rows()) {
      long share = up.getShape().get(0) / part.of();
      parts.add(up.get(share * part.from() + ":" + share * part.to()));
    }
    return NDArrays.concat(parts, 0);
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

  private static Provenance provenance(NamedTensors tensors) {
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
