package dev.ablation.testing;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.SigmaShift;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A tiny rectified flow: pixels attend to the words of the prompt, and a pooled text embedding, the
 * size of the image and a guidance scale act on all of them.
 */
public final class TinyFlow implements DiffusionModel {
  private static final int CHANNELS = 3;
  private static final int POSITIONS = 12;
  private static final int TEXT = 7;
  private static final int INNER = 5;
  private static final int VOCABULARY = 499;
  private static final Set<String> CONDITIONS =
      Set.of(Conditioning.TEXT, Conditioning.POOLED, Conditioning.TIME_IDS);

  private final NDManager manager =
      NDManager.newBaseManager(
          Device.fromName(System.getProperty("ablation.device", "cpu")), "PyTorch");
  private final ModelDescriptor descriptor =
      new ModelDescriptor("tiny-flow", CHANNELS, 4, 6, manager.getDevice());
  private final NoiseSchedule schedule =
      NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3));
  private final TinyTokenizer tokenizer = new TinyTokenizer(POSITIONS, VOCABULARY);
  private final TinyWeights weights = new TinyWeights();
  private final Map<Class<?>, Object> capabilities;
  private boolean stopStartToken;
  private boolean closed;

  private TinyFlow() {
    TinyTraining training = new TinyTraining(manager, weights, stop -> stopStartToken = stop);
    capabilities =
        Map.of(
            PromptTokenizer.class, tokenizer,
            LatentCodec.class, new TinyCodec(CHANNELS),
            Differentiable.class, training,
            InputDifferentiable.class, training,
            LoraTraining.class, training);
  }

  /**
   * Opens a model.
   *
   * @param seed of its weights
   * @return equal seeds give equal models
   */
  public static TinyFlow open(long seed) {
    TinyFlow model = new TinyFlow();
    model.weight("text.table", WeightRole.TOKEN_EMBEDDING, seed, 1, VOCABULARY, TEXT);
    model.weight("text.pool", WeightRole.TEXT_ENCODER, seed, 0.5, TEXT, INNER);
    model.weight("network.query", WeightRole.CROSS_ATTENTION_QUERY, seed, 0.6, CHANNELS, INNER);
    model.weight("network.key", WeightRole.CROSS_ATTENTION_KEY, seed, 0.6, TEXT, INNER);
    model.weight("network.value", WeightRole.CROSS_ATTENTION_VALUE, seed, 0.6, TEXT, CHANNELS);
    model.weight("network.skip", WeightRole.DENOISER, seed, 0.5, CHANNELS, CHANNELS);
    model.weight("network.pooled", WeightRole.DENOISER, seed, 0.3, INNER, CHANNELS);
    model.weight("network.size", WeightRole.DENOISER, seed, 0.3, 2, CHANNELS);
    model.weight("network.guidance", WeightRole.DENOISER, seed, 0.3, 1, CHANNELS);
    model.weight("network.time", WeightRole.DENOISER, seed, 0.5, 1, CHANNELS);
    return model;
  }

  private void weight(String name, WeightRole role, long seed, double scale, long... shape) {
    NDArray array =
        RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(seed, name, 0));
    weights.add(name, role, array.muli(scale));
  }

  // @start region="flow"
  @Override
  public NoiseSchedule schedule() {
    return schedule; // NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3))
  }

  @Override
  public PredictionType predictionType() {
    return PredictionType.FLOW;
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("prompts must not be empty");
    }
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      int rows = prompts.size();
      NDArray tokens = scope.create(tokenizer.rows(prompts)).duplicate();
      NDArray text = weights.computed("text.table").get(tokens).reshape(rows, POSITIONS, TEXT);
      NDArray pooled = text.mean(new int[] {1}).matMul(weights.computed("text.pool")).tanh();
      NDArray one = scope.create(new float[] {size.height() / 8f, size.width() / 8f});
      NDArray sizes = one.reshape(1, 2).repeat(0, rows);
      NDScope.unregister(text, pooled, sizes);
      return new Conditioning(text)
          .with(Conditioning.POOLED, pooled)
          .with(Conditioning.TIME_IDS, sizes)
          .attach(scope);
    }
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    conditioning.checkNames(CONDITIONS, Set.of(Conditioning.GUIDANCE));
    Shape shape = latents.getShape();
    check("latents", shape, shape.dimension() == 4 && shape.get(1) == CHANNELS);
    check("timesteps", timesteps.getShape(), timesteps.getShape().equals(new Shape(shape.get(0))));
    Shape text = conditioning.textEmbeddings().getShape();
    check("conditioning", text, text.get(0) == shape.get(0) && text.get(2) == TEXT);
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      NDArray result = network(latents, timesteps, conditioning);
      NDScope.unregister(result);
      return result;
    }
  }

  // @end

  private static void check(String name, Shape shape, boolean fits) {
    if (!fits) {
      throw new IllegalArgumentException(name + ": does not fit, was " + shape);
    }
  }

  private NDArray network(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    Shape shape = latents.getShape();
    NDArray pixels = latents.reshape(shape.get(0), CHANNELS, -1).transpose(0, 2, 1);
    NDArray text = conditioning.textEmbeddings();
    NDArray query = pixels.matMul(weights.computed("network.query"));
    NDArray key = stoppingAtStart(text.matMul(weights.computed("network.key")));
    NDArray value = stoppingAtStart(text.matMul(weights.computed("network.value")));
    NDArray result =
        pixels
            .matMul(weights.computed("network.skip"))
            .add(query.matMul(key.transpose(0, 2, 1)).softmax(-1).matMul(value))
            .add(onAll(conditioning.get(Conditioning.POOLED), "network.pooled"))
            .add(onAll(conditioning.get(Conditioning.TIME_IDS), "network.size"))
            .add(
                onAll(
                    timesteps.toType(DataType.FLOAT32, true).div(schedule.maxTime()),
                    "network.time"));
    if (conditioning.has(Conditioning.GUIDANCE)) {
      result = result.add(onAll(conditioning.get(Conditioning.GUIDANCE), "network.guidance"));
    }
    return result.transpose(0, 2, 1).reshape(shape);
  }

  /** What a condition of each image adds to all of its pixels. */
  private NDArray onAll(NDArray condition, String weight) {
    long rows = condition.getShape().get(0);
    return condition.reshape(rows, 1, -1).matMul(weights.computed(weight));
  }

  private NDArray stoppingAtStart(NDArray perPosition) {
    return stopStartToken
        ? NDArrays.concat(
            new NDList(perPosition.get(":, :1").stopGradient(), perPosition.get(":, 1:")), 1)
        : perPosition;
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
  public Weights weights() {
    return weights;
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return Optional.ofNullable(capabilities.get(type)).map(type::cast);
  }

  @Override
  public boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    closed = true;
    manager.close();
  }
}
