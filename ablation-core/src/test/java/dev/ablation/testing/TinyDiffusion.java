package dev.ablation.testing;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.ModelViews;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A text-to-image diffusion model that is complete but tiny: words are looked up in a table, and
 * each pixel of the latents attends to them. Its weights are random numbers of a seed; what it
 * draws means nothing, but depends on prompt, timestep and every weight. It uses the operations of
 * DJL's {@code NDArray} alone and has every capability.
 */
public final class TinyDiffusion implements DiffusionModel {
  private static final int CHANNELS = 3;
  private static final int HEIGHT = 4;
  private static final int WIDTH = 6;
  private static final int POSITIONS = 16;

  /** D, the width of a text embedding. */
  public static final int TEXT_WIDTH = 8;

  private static final int INNER = 5;
  private static final int VOCABULARY = 997;
  static final String TABLE = "text.table";
  private static final String PROJECTION = "text.projection";
  private static final String QUERY = "network.query";
  private static final String KEY = "network.key";
  private static final String VALUE = "network.value";
  private static final String OUTPUT = "network.output";
  private static final String SKIP = "network.skip";
  private static final String TIME = "network.time";

  // @start region="adapter"
  private final ModelDescriptor descriptor;
  private final NDManager manager;
  private final NoiseSchedule schedule = NoiseSchedule.linear(100, 0.001, 0.06);
  private final TinyTokenizer tokenizer = new TinyTokenizer(POSITIONS, VOCABULARY);
  private final TinyWeights weights;
  private final Map<Class<?>, Object> capabilities = new HashMap<>();
  private boolean stopStartToken;
  private boolean closed;

  private TinyDiffusion(String name, NDManager manager) {
    this.manager = manager;
    weights = new TinyWeights();
    descriptor = new ModelDescriptor(name, CHANNELS, HEIGHT, WIDTH, manager.getDevice());
    capabilities.put(PromptTokenizer.class, tokenizer);
    capabilities.put(LatentCodec.class, new TinyCodec(CHANNELS));
    capabilities.put(CheckpointExport.class, new TinyExport(name, weights));
    TinyTraining training = new TinyTraining(manager, weights, stop -> stopStartToken = stop);
    capabilities.put(Differentiable.class, training);
    capabilities.put(LoraTraining.class, training);
    capabilities.put(InputDifferentiable.class, training);
    capabilities.put(ModelViews.class, (ModelViews) () -> new TinyDiffusion(this));
  }

  /** A view: the same arrays, other bindings. */
  private TinyDiffusion(TinyDiffusion model) {
    manager = model.manager;
    descriptor = model.descriptor;
    weights = new TinyWeights(model.weights);
    capabilities.put(PromptTokenizer.class, tokenizer);
    capabilities.put(LatentCodec.class, new TinyCodec(CHANNELS));
  }

  @Override
  public ModelDescriptor descriptor() {
    return descriptor;
  }

  @Override
  public NDManager manager() {
    return manager;
  }

  @Override
  public NoiseSchedule schedule() {
    return schedule;
  }

  @Override
  public PredictionType predictionType() {
    return PredictionType.EPSILON;
  }

  @Override
  public Weights weights() {
    return weights;
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("prompts must not be empty");
    }
    // An NDScope closes what is made inside of it, but for what is taken out of it.
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      // Copied, since the backward pass reads the rows when a Java buffer may be gone already.
      NDArray rows = scope.create(tokenizer.rows(prompts)).duplicate();
      NDArray words = weights.computed(TABLE).get(rows);
      NDArray states =
          words
              .reshape(prompts.size(), POSITIONS, TEXT_WIDTH)
              .matMul(weights.computed(PROJECTION))
              .tanh();
      NDScope.unregister(states);
      return new Conditioning(states).attach(scope);
    }
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    conditioning.checkNames(Set.of(Conditioning.TEXT), Set.of());
    check(latents, timesteps, conditioning.textEmbeddings());
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      NDArray result = network(latents, timesteps, conditioning.textEmbeddings());
      NDScope.unregister(result);
      return result; // attached to the manager of latents, as results of array operations are
    }
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return Optional.ofNullable(capabilities.get(type)).map(type::cast);
  }

  @Override
  public boolean isClosed() {
    return closed || !manager.isOpen();
  }

  @Override
  public void close() {
    closed = true;
    if (!weights.isView()) {
      manager.close();
    }
  }

  // @end

  /**
   * Opens a model on the device of the system property {@code ablation.device}, the CPU without it.
   *
   * @param seed of its weights
   * @return a model with every capability; equal seeds give equal models
   */
  public static TinyDiffusion open(long seed) {
    TinyDiffusion model = new TinyDiffusion("tiny-" + seed, newManager());
    model.weight(TABLE, WeightRole.TOKEN_EMBEDDING, seed, 1, VOCABULARY, TEXT_WIDTH);
    model.weight(PROJECTION, WeightRole.TEXT_ENCODER, seed, 0.5, TEXT_WIDTH, TEXT_WIDTH);
    model.weight(QUERY, WeightRole.CROSS_ATTENTION_QUERY, seed, 0.6, CHANNELS, INNER);
    model.weight(KEY, WeightRole.CROSS_ATTENTION_KEY, seed, 0.6, TEXT_WIDTH, INNER);
    model.weight(VALUE, WeightRole.CROSS_ATTENTION_VALUE, seed, 0.6, TEXT_WIDTH, INNER);
    model.weight(OUTPUT, WeightRole.CROSS_ATTENTION_OUTPUT, seed, 0.6, INNER, CHANNELS);
    model.weight(SKIP, WeightRole.DENOISER, seed, 0.5, CHANNELS, CHANNELS);
    model.weight(TIME, WeightRole.DENOISER, seed, 0.5, 1, CHANNELS);
    return model;
  }

  /**
   * Opens a checkpoint that the capability {@link CheckpointExport} wrote.
   *
   * @param folder of the checkpoint
   * @return the model, equal to the one that was written
   * @throws IOException if the folder holds none
   */
  public static TinyDiffusion load(Path folder) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(TinyExport.FILE));
        TinyDiffusion roles = open(0)) {
      String name = file.metadata().getOrDefault(TinyExport.NAME_KEY, "unnamed");
      TinyDiffusion model = new TinyDiffusion(name, newManager());
      for (WeightInfo info : roles.weights.list()) {
        model.weights.add(info.name(), info.role(), file.readFloat32(info.name(), model.manager));
      }
      return model;
    }
  }

  /**
   * Takes an ability away, to test what happens without it.
   *
   * @param capability such as {@code Differentiable.class}
   * @return this
   */
  public TinyDiffusion without(Class<?> capability) {
    capabilities.remove(capability);
    return this;
  }

  /**
   * Gives the model another form of an ability.
   *
   * @param capability such as {@code Differentiable.class}
   * @param ability stands in for the present one
   * @param <T> the capability
   * @return this
   */
  public <T> TinyDiffusion with(Class<T> capability, T ability) {
    capabilities.put(capability, ability);
    return this;
  }

  private static NDManager newManager() {
    Device device = Device.fromName(System.getProperty("ablation.device", "cpu"));
    return NDManager.newBaseManager(device, "PyTorch");
  }

  private void weight(String name, WeightRole role, long seed, double scale, long... shape) {
    NDArray array =
        RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(seed, name, 0));
    weights.add(name, role, array.muli(scale));
  }

  /** Attention of the pixels (B, H W, C) over the text (B, T, D), plus two linear terms. */
  private NDArray network(NDArray latents, NDArray timesteps, NDArray text) {
    Shape shape = latents.getShape();
    NDArray pixels = latents.reshape(shape.get(0), CHANNELS, -1).transpose(0, 2, 1);
    NDArray query = pixels.matMul(weights.computed(QUERY));
    NDArray key = stoppingAtStart(text.matMul(weights.computed(KEY)));
    NDArray value = stoppingAtStart(text.matMul(weights.computed(VALUE)));
    NDArray attention = query.matMul(key.transpose(0, 2, 1)).softmax(-1);
    NDArray seen = attention.matMul(value).matMul(weights.computed(OUTPUT));
    NDArray time =
        timesteps
            .toType(DataType.FLOAT32, true)
            .div(schedule.steps())
            .reshape(-1, 1, 1)
            .matMul(weights.computed(TIME));
    NDArray result = pixels.matMul(weights.computed(SKIP)).add(seen).add(time);
    return result.transpose(0, 2, 1).reshape(shape);
  }

  private NDArray stoppingAtStart(NDArray perPosition) {
    return stopStartToken
        ? NDArrays.concat(
            new NDList(perPosition.get(":, :1").stopGradient(), perPosition.get(":, 1:")), 1)
        : perPosition;
  }

  private static void check(NDArray latents, NDArray timesteps, NDArray states) {
    Shape shape = latents.getShape();
    if (shape.dimension() != 4 || shape.get(1) != CHANNELS) {
      throw new IllegalArgumentException(
          "latents: expected (B, %d, H, W), was %s".formatted(CHANNELS, shape));
    }
    if (!timesteps.getShape().equals(new Shape(shape.get(0)))) {
      throw new IllegalArgumentException(
          "timesteps: expected (%d), was %s".formatted(shape.get(0), timesteps.getShape()));
    }
    if (states.getShape().get(0) != shape.get(0) || states.getShape().get(2) != TEXT_WIDTH) {
      throw new IllegalArgumentException(
          "conditioning: expected text embeddings (%d, T, %d), was %s"
              .formatted(shape.get(0), TEXT_WIDTH, states.getShape()));
    }
  }
}
