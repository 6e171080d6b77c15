package dev.ablation.djl.internal.pipeline;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkFiles;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A component that is a network: its configuration, then the network itself, then its weights.
 *
 * @param <C> its configuration
 * @param <N> the network
 */
public final class Network<C, N extends Layer> {
  private final String name;
  private final NetworkNames names;
  private final JsonConfig json;
  private final C config;
  private final Function<C, N> constructor;
  private @Nullable Checkpoint checkpoint;
  private @Nullable N layer;
  private @Nullable NetworkFiles files;

  private Network(
      String name, NetworkNames names, JsonConfig json, C config, Function<C, N> constructor) {
    this.name = name;
    this.names = names;
    this.json = json;
    this.config = config;
    this.constructor = constructor;
  }

  /**
   * Describes a component that is a network.
   *
   * @param name its key in the index
   * @param className the published class
   * @param names how its tensors are named
   * @param reader of its {@code config.json}
   * @param constructor of the network
   * @param <C> its configuration
   * @param <N> the network
   * @return the component
   */
  public static <C, N extends Layer> Component<Network<C, N>> component(
      String name,
      String className,
      NetworkNames names,
      ConfigReader<C> reader,
      Function<C, N> constructor) {
    return new Component<>(
        name,
        Set.of(className),
        (source, published) -> {
          JsonConfig json = source.config(name);
          return new Network<>(name, names, json, reader.read(json), constructor);
        });
  }

  /** {@return the component's name} */
  public String name() {
    return name;
  }

  /** {@return the configuration} */
  public C config() {
    return config;
  }

  /** {@return the network; its weights are loaded when the pipeline is filled} */
  public N layer() {
    if (layer == null) {
      throw new IllegalStateException(name + " has not been built");
    }
    return layer;
  }

  /** {@return the beginning of the names of its weight files in a folder} */
  public String stem() {
    return names.stem();
  }

  /** Opens the weights' files, whose number of tensors bounds what may be built. */
  void locate(CheckpointSource source) throws IOException {
    checkpoint = source.weights(name, names);
  }

  /** Builds the network, without weights. */
  void build() throws InvalidCheckpointException {
    int tensors = checkpoint().tensors().size();
    long layers = LayerCount.of(json);
    if (layers > tensors) {
      throw new InvalidCheckpointException(
          json.path(),
          "the layers must be at most as many as the tensors in the file, %d, were %d"
              .formatted(tensors, layers));
    }
    try {
      layer = constructor.apply(config);
    } catch (IllegalArgumentException e) {
      throw new InvalidCheckpointException(json.path(), String.valueOf(e.getMessage()));
    }
  }

  /** Compares the network with its files and notes what does not fit. */
  void open(CheckpointSource source, List<String> problems) throws IOException {
    Map<String, Weight> weights = new LinkedHashMap<>();
    layer().forEachWeight(weights::put);
    Checkpoint checkpoint = checkpoint();
    files =
        NetworkFiles.of(
            name,
            checkpoint,
            weights,
            source.mapping(name, names, checkpoint.tensors().keySet(), weights.keySet()),
            problems);
  }

  private Checkpoint checkpoint() {
    if (checkpoint == null) {
      throw new IllegalStateException(name + " has not been located");
    }
    return checkpoint;
  }

  /** Loads the weights. */
  void fill(NDManager manager, WeightDtype dtype) throws IOException {
    if (files == null) {
      throw new IllegalStateException(name + " has not been opened");
    }
    files.fill(manager, dtype);
  }

  /** Loads the weights into the memory of the host; they get to the device in each call. */
  void fillOffloaded(NDManager manager) throws IOException {
    layer().forEachWeight((name, weight) -> weight.computeOn(manager.getDevice()));
    fill(manager.newSubManager(Device.cpu()), WeightDtype.AS_STORED);
  }

  /**
   * Reads a configuration.
   *
   * @param <C> the configuration
   */
  @FunctionalInterface
  public interface ConfigReader<C> {
    /**
     * Reads a configuration.
     *
     * @param json the component's {@code config.json}
     * @return the configuration
     * @throws InvalidCheckpointException naming the key, if a value cannot be used
     */
    C read(JsonConfig json) throws InvalidCheckpointException;
  }
}
