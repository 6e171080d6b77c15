package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.singlefile.DerivedFolder;
import dev.ablation.djl.internal.singlefile.FileContent;
import dev.ablation.djl.internal.singlefile.FilePart;
import dev.ablation.djl.internal.singlefile.Prediction;
import dev.ablation.djl.internal.singlefile.Shapes;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One file with the weights of several networks. Configurations and tokenizers are derived from it
 * or those of the published models, unless the options name a folder; they are written to a
 * temporary folder, so that everything else reads them as those of any checkpoint.
 */
final class SingleFileSource implements CheckpointSource {
  private static final Logger LOG = LoggerFactory.getLogger(SingleFileSource.class);

  private static final String UNET = "unet";

  private final Path file;
  private final Checkpoint checkpoint;
  private final FileContent content;
  private final Replacements replacements;
  private final boolean averages;
  private final @Nullable Path config;
  private final Path derived;

  private SingleFileSource(
      Path file, Checkpoint checkpoint, Replacements replacements, LoadOptions options)
      throws IOException {
    this.file = file;
    this.checkpoint = checkpoint;
    this.replacements = replacements;
    averages = options.ema();
    config = options.config().orElse(null);
    content = FileContent.of(file, checkpoint);
    checkOptions(options);
    Set<String> absent = absent(options);
    Prediction prediction = Prediction.of(content, checkpoint, options);
    if (LOG.isInfoEnabled()) {
      LOG.info(
          "{} is {}; configurations {}",
          file,
          content.description(prediction),
          config == null ? "follow from its shapes" : "come from " + config);
    }
    derived = Files.createTempDirectory("ablation-single-file");
    try {
      writeDerived(prediction, absent, options);
    } catch (IOException | RuntimeException | Error e) {
      delete(derived);
      throw e;
    }
  }

  /** Opens a file and finds out what it is. */
  static SingleFileSource open(Path file, LoadOptions options) throws IOException {
    Path config = options.config().orElse(null);
    if (config != null && !Files.isDirectory(config)) {
      throw new InvalidCheckpointException(config, "LoadOptions.config must name a folder");
    }
    Replacements replacements = new Replacements(options);
    Checkpoint checkpoint = FileContent.open(file, options.access());
    try {
      return new SingleFileSource(file, checkpoint, replacements, options);
    } catch (IOException | RuntimeException | Error e) {
      try {
        replacements.close();
        checkpoint.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  private void checkOptions(LoadOptions options) throws IOException {
    ModelFamily family = content.family();
    if (family == ModelFamily.STABLE_DIFFUSION_XL_REFINER) {
      throw new InvalidCheckpointException(
          file,
          "is the refiner of Stable Diffusion XL, which improves images and draws none: use the base"
              + " model");
    }
    if (averages && !content.hasAverages()) {
      throw new InvalidCheckpointException(
          file, "LoadOptions.ema must be false: the file has no averaged weights (model_ema.)");
    }
    if (family.isFlow() && options.prediction().isPresent()) {
      throw new InvalidCheckpointException(
          file,
          "LoadOptions.prediction must be absent: %s always predicts the velocity of its flow"
              .formatted(family.title()));
    }
    Path index = config == null ? null : config.resolve("model_index.json");
    if (index != null && Files.exists(index)) {
      String name = JsonConfig.read(index).requireString("_class_name");
      if (!content.fitsPipeline(name)) {
        throw new InvalidCheckpointException(
            file,
            "is a checkpoint of %s; LoadOptions.config names %s, which is of %s"
                .formatted(family.title(), config, name));
      }
    }
  }

  /** The networks that are neither in the file nor named by the options, and can be left out. */
  private Set<String> absent(LoadOptions options) throws InvalidCheckpointException {
    Set<String> missing = new TreeSet<>(content.missing());
    missing.removeIf(replacements::has);
    if (!missing.isEmpty()) {
      throw new InvalidCheckpointException(
          file,
          "is a checkpoint of %s without %s: LoadOptions.component(\"%s\", path) names a file or a folder that has it%s"
              .formatted(
                  content.family().title(),
                  String.join(", ", missing),
                  missing.iterator().next(),
                  missing.size() > 1 ? ", and so on" : ""));
    }
    Set<String> absent = new TreeSet<>(content.optional());
    absent.removeIf(component ->
        (content.parts().containsKey(component) || replacements.has(component))
            && !options.without().contains(component));
    return absent;
  }

  private void writeDerived(Prediction prediction, Set<String> absent, LoadOptions options)
      throws IOException {
    Map<String, Shapes> shapes = new HashMap<>();
    Map<String, FilePart> parts = new HashMap<>(content.parts());
    for (String component : content.parts().keySet()) {
      shapes.put(component, content.shapes(component));
    }
    for (Map.Entry<String, NetworkNames> network : content.networks().entrySet()) {
      String component = network.getKey();
      Path other = replacements.file(component);
      if (other != null) {
        Checkpoint opened = replacements.weights(component, network.getValue());
        FilePart part = replacements.part(component, network.getValue(), opened.tensors().keySet());
        parts.put(component, part);
        shapes.put(component, new Shapes(other, part.prefix(), opened.tensors()));
      }
    }
    Set<String> elsewhere = new TreeSet<>();
    for (String component : content.components()) {
      if (elsewhere(component) != null) {
        elsewhere.add(component);
      }
    }
    new DerivedFolder(content, prediction, shapes, parts)
        .write(derived, absent, elsewhere, config, options.prediction().isPresent());
  }

  /** The folder of a component whose small files are given, or {@code null}. */
  private @Nullable Path elsewhere(String component) {
    Path replaced = replacements.folder(component);
    if (replaced != null) {
      return replaced;
    }
    if (config == null) {
      return null;
    }
    Path folder = config.resolve(component);
    boolean network = content.networks().containsKey(component);
    return Files.exists(network ? folder.resolve("config.json") : folder) ? folder : null;
  }

  @Override
  public Path path() {
    return file;
  }

  @Override
  public Optional<String> family() {
    return Optional.of(content.family().title());
  }

  @Override
  public Path indexFile() {
    return derived.resolve("model_index.json");
  }

  @Override
  public JsonConfig index() throws IOException {
    return parse(indexFile(), file.resolve("model_index.json"));
  }

  @Override
  public Path folder(String component) {
    Path written = derived.resolve(component);
    return Files.exists(written)
        ? written
        : Objects.requireNonNullElse(elsewhere(component), written);
  }

  @Override
  public JsonConfig config(String component) throws IOException {
    Path path = folder(component).resolve("config.json");
    return path.startsWith(derived)
        ? parse(path, file.resolve(component).resolve("config.json"))
        : JsonConfig.read(path);
  }

  /** Messages name the file, not the temporary folder. */
  private static JsonConfig parse(Path path, Path name) throws IOException {
    try {
      return JsonConfig.parse(name, TextFile.read(path));
    } catch (TextFormatException e) {
      throw new InvalidCheckpointException(name, "is not JSON: " + e.getMessage());
    }
  }

  @Override
  public Checkpoint weights(String component, NetworkNames names) throws IOException {
    return replacements.has(component) ? replacements.weights(component, names) : checkpoint;
  }

  @Override
  public TensorMapping mapping(
      String component, NetworkNames names, Set<String> tensors, Set<String> weights)
      throws InvalidCheckpointException {
    if (replacements.has(component)) {
      return replacements.mapping(component, names, tensors, weights);
    }
    if (averages && component.equals(UNET)) {
      return FilePart.averaged().mapping(names, tensors, weights, tensor -> false);
    }
    FilePart part = Objects.requireNonNull(content.parts().get(component), component);
    Predicate<String> passedOver =
        tensor ->
            FileContent.isIgnored(tensor)
                || content.parts().values().stream()
                    .anyMatch(other ->
                        other.prefix().length() > part.prefix().length() && other.owns(tensor));
    return part.mapping(names, tensors, weights, passedOver);
  }

  @Override
  public void checkLeftovers(List<String> problems) {
    for (String tensor : checkpoint.tensors().keySet()) {
      if (!FileContent.isIgnored(tensor)
          && content.parts().values().stream().noneMatch(part -> part.owns(tensor))) {
        problems.add("unexpected tensor " + tensor + ", which belongs to no component");
      }
    }
  }

  @Override
  public void close() throws IOException {
    delete(derived);
    replacements.close();
    checkpoint.close();
  }

  private static void delete(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(folder)) {
      files = new ArrayList<>(walk.sorted(Comparator.reverseOrder()).toList());
    }
    for (Path path : files) {
      Files.deleteIfExists(path);
    }
  }
}
