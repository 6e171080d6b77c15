package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkFiles;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import dev.ablation.djl.internal.checkpoint.WeightFiles;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.djl.t5.T5Tokenizer;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.golden.Golden;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.Tolerance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;

/**
 * The second directory of reference values, of the models that are trained by flow matching, and
 * their components. What it lacks fails the test that asks for it.
 */
public final class FlowGolden {
  /** Text encoders and prompt embeddings. */
  public static final Tolerance TEXT = Tolerance.relL2(5e-6).andMaxAbs(5e-5);

  /** Single modules, and transformers at small timesteps. */
  public static final Tolerance PRECISE = Tolerance.relL2(5e-6);

  /** Outputs of the autoencoder. */
  public static final Tolerance VAE = Tolerance.relL2(1e-5);

  private FlowGolden() {}

  /**
   * A model and the reference values of it.
   *
   * @param name of the folder with the values
   * @param data that folder
   * @param model the model folder, in diffusers' layout
   */
  public record Family(String name, Path data, Path model) {
    /** Returns a file of values, which exists. */
    public TensorFile file(String file) throws IOException {
      return TensorFile.of(existing(data.resolve(file + ".safetensors")));
    }

    /** Returns whether there is such a file of values. */
    public boolean has(String file) {
      return Files.exists(data.resolve(file + ".safetensors"));
    }

    /** Returns the names of the components of a class, in the order of the index. */
    public List<String> components(String className) {
      List<String> names = new ArrayList<>();
      Golden.object(model.resolve("model_index.json"))
          .asMap()
          .forEach((name, value) -> {
            if (value.isJsonArray() && Golden.strings(value).get(1).equals(className)) {
              names.add(name);
            }
          });
      return names;
    }

    /** Returns the only component of a class. */
    public String component(String className) {
      List<String> names = components(className);
      assertThat(names).as("%s of %s", className, model).hasSize(1);
      return names.get(0);
    }
  }

  /** The tests of one family, made when its turn comes. */
  @FunctionalInterface
  public interface FamilyTests {
    /** Makes the tests. */
    Stream<? extends DynamicNode> of(Family family) throws IOException;
  }

  /** Returns a file or folder of the directory. */
  public static Path path(String path) {
    String directory = System.getProperty("ablation.golden2");
    if (directory == null) {
      throw new AssertionError("the system property ablation.golden2 names no directory");
    }
    return existing(Path.of(directory).resolve(path));
  }

  private static Path existing(Path path) {
    if (!Files.exists(path)) {
      throw new AssertionError("the golden directory lacks " + path);
    }
    return path;
  }

  /** Returns the models of a pipeline class, each with the folder whose name ends its own. */
  public static List<Family> families(String pipelineClass) {
    List<Family> families = new ArrayList<>();
    for (String name : folders(path("pipelines"))) {
      Path model = path("pipelines").resolve(name);
      String className =
          Golden.object(existing(model.resolve("model_index.json")))
              .get("_class_name")
              .getAsString();
      if (className.equals(pipelineClass)) {
        String data =
            folders(path(".")).stream()
                .filter(folder -> name.equals(folder) || name.endsWith("-" + folder))
                .findFirst()
                .orElseThrow(
                    () -> new AssertionError("the golden directory lacks values of " + name));
        families.add(new Family(data, path(data), model));
      }
    }
    assertThat(families).as("models of %s", pipelineClass).isNotEmpty();
    return families;
  }

  /** Returns the names of the folders in a folder, sorted. */
  public static List<String> folders(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(Files::isDirectory)
          .map(file -> file.getFileName().toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Makes a container for each family; its tests are made when it runs. */
  public static Stream<DynamicContainer> containers(List<Family> families, FamilyTests tests) {
    return families.stream()
        .map(family ->
            DynamicContainer.dynamicContainer(
                family.name(),
                Stream.of(family)
                    .flatMap(one -> {
                      try {
                        return tests.of(one);
                      } catch (IOException e) {
                        throw new UncheckedIOException(e);
                      }
                    })));
  }

  /** Makes containers for the families that have a file of values, of which there must be one. */
  public static Stream<DynamicContainer> containers(
      List<Family> families, String file, FamilyTests tests) {
    List<Family> with = families.stream().filter(family -> family.has(file)).toList();
    assertThat(with).as("families with " + file).isNotEmpty();
    return containers(with, tests);
  }

  /** Returns a manager on the device that the tests are told to use, closed by the caller. */
  public static NDManager manager() {
    TorchRuntime.useThreads(1); // the models are tiny
    return TorchRuntime.engine().newBaseManager(Golden.device());
  }

  /** Reads the configuration of a component. */
  public static JsonConfig config(Family family, String component) throws IOException {
    return JsonConfig.read(family.model().resolve(component).resolve("config.json"));
  }

  /** Fills a network of diffusers with the weights of a component. */
  public static <L extends Layer> L fill(
      L network, Family family, String component, NDManager manager) throws IOException {
    return fill(
        network,
        family.model().resolve(component),
        WeightFiles.DIFFUSERS_STEM,
        tensors -> Optional::of,
        manager);
  }

  private static <L extends Layer> L fill(
      L network,
      Path folder,
      String stem,
      Function<Set<String>, Function<String, Optional<String>>> naming,
      NDManager manager)
      throws IOException {
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    List<String> problems = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.open(folder, stem, null)) {
      Function<String, Optional<String>> names = naming.apply(checkpoint.tensors().keySet());
      NetworkFiles files =
          NetworkFiles.of(
              folder.toString(),
              checkpoint,
              weights,
              tensor -> names.apply(tensor).map(TensorPiece::whole).stream().toList(),
              problems);
      assertThat(problems).isEmpty();
      files.fill(manager, WeightDtype.FLOAT32);
    }
    assertThat(problems).isEmpty();
    return network;
  }

  /** Opens a CLIP text encoder. */
  public static ClipTextEncoder clip(Family family, String component, NDManager manager)
      throws IOException {
    JsonConfig json = config(family, component);
    boolean projection = family.components("CLIPTextModelWithProjection").contains(component);
    ClipTextModel model =
        new ClipTextModel(
            ClipTextConfig.of(json), projection ? json.requireInt("projection_dim") : 0);
    fill(
        model,
        family.model().resolve(component),
        WeightFiles.TRANSFORMERS_STEM,
        tensors -> name -> name.endsWith("position_ids") ? Optional.empty() : Optional.of(name),
        manager);
    return new ClipTextEncoder(
        ClipTokenizer.load(tokenizer(family, component), model.config().contextLength()), model);
  }

  /** Opens the T5 encoder. */
  public static T5TextEncoder t5(Family family, NDManager manager) throws IOException {
    String component = family.component("T5EncoderModel");
    T5EncoderModel model = new T5EncoderModel(T5Config.of(config(family, component)));
    fill(
        model,
        family.model().resolve(component),
        WeightFiles.TRANSFORMERS_STEM,
        T5EncoderModel::naming,
        manager);
    return new T5TextEncoder(T5Tokenizer.load(tokenizer(family, component), 512), model);
  }

  private static Path tokenizer(Family family, String textEncoder) {
    return family.model().resolve(textEncoder.replace("text_encoder", "tokenizer"));
  }

  /** Opens the autoencoder. */
  public static AutoencoderKL vae(Family family, NDManager manager) throws IOException {
    String component = family.component("AutoencoderKL");
    return fill(
        new AutoencoderKL(VaeConfig.of(config(family, component))), family, component, manager);
  }
}
