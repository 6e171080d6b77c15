package dev.ablation.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.closedform.Uce;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.Losses;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A {@link Scenario} on a model, ready to be repeated. The Python peer computes the same from the
 * same numbers, so the results can be compared.
 */
abstract class Work implements AutoCloseable {
  static final String TARGET = "a photo of a grumpy cat";
  static final String ANCHOR = "a photo of a cat";
  static final double LEARNING_RATE = 1.6e-5;
  static final double GUIDANCE = 7.5;

  /** Arguments that say what is done. */
  static final List<String> SETTINGS =
      List.of("workers", "batch", "group", "images", "iterations", "concepts", "size");

  /** Rows and columns of a product of {@link Scenario#MATMUL}. */
  static final int MATRIX = 2048;

  final StableDiffusion model;
  final NDManager manager;
  final int batch;

  /** The same numbers for every image of the batch. */
  final NDArray latents;

  private Work(StableDiffusion model, Arguments arguments) {
    this.model = model;
    batch = arguments.get("batch", 1);
    manager = model.manager().newSubManager();
    Shape usual = model.descriptor().latentShape();
    int size = arguments.get("size", Math.toIntExact(usual.get(1)));
    latents = repeated(numbers(new Shape(usual.get(0), size, size)));
  }

  /** Prepares a scenario. */
  static Work of(Scenario scenario, StableDiffusion model, Arguments arguments) {
    return switch (scenario) {
      case FORWARD -> new Forward(model, arguments);
      case STEP -> new Step(model, arguments);
      case SAMPLING -> new Sampling(model, arguments);
      case ANCHORS -> new Anchors(model, arguments);
      case MATMUL -> new Product(model, arguments);
      case DECODE -> new Decode(model, arguments);
      case TEXT -> new Text(model, arguments);
      case ABLATION -> new WholeAblation(model, arguments);
      case UCE -> new ClosedFormEdit(model, arguments);
    };
  }

  private static SamplingSettings sampling(Arguments arguments) {
    return SamplingSettings.defaults()
        .sampler(Sampler.ddim())
        .steps(arguments.get("steps", 20))
        .guidanceScale(GUIDANCE)
        .batchSize(arguments.get("batch", 1));
  }

  /** Prompts that differ, so that no cache answers twice. */
  static List<String> prompts(int count, String form) {
    return IntStream.range(0, count).mapToObj(form::formatted).toList();
  }

  final List<String> repeated(String prompt) {
    return Collections.nCopies(batch, prompt);
  }

  final NDArray repeated(NDArray one) {
    return one.repeat(0, batch);
  }

  /** Does the work once and returns a number that depends on the whole result. */
  abstract double once();

  @Override
  public void close() {
    manager.close();
  }

  /** Numbers in the range of noise that every language computes alike: 1.4 sin(0.7 i). */
  final NDArray numbers(Shape shape) {
    float[] values = new float[(int) shape.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (1.4 * Math.sin(0.7 * i));
    }
    return manager.create(values, new Shape(1).addAll(shape));
  }

  private static double size(NDArray array) {
    try (NDArray absolute = array.abs();
        NDArray mean = absolute.mean()) {
      return mean.getFloat();
    }
  }

  private static final class Forward extends Work {
    private final Conditioning text;
    private final NDArray timestep;

    Forward(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      text = model.encode(repeated(TARGET), manager);
      timestep = repeated(manager.create(new long[] {500}));
    }

    @Override
    double once() {
      try (NDArray prediction = model.predict(latents, timestep, text)) {
        return size(prediction);
      }
    }
  }

  private static final class Step extends Work {
    private final Conditioning target;
    private final Conditioning anchor;
    private final NDArray timestep;
    private final TrainingSession session;
    private final Optimizer optimizer;

    Step(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      target = model.encode(repeated(TARGET), manager);
      anchor = model.encode(repeated(ANCHOR), manager);
      timestep = repeated(manager.create(new long[] {500}));
      List<String> names =
          group(arguments.get("group", "kv")).select(model.weights()).stream()
              .map(WeightInfo::name)
              .toList();
      session =
          Capabilities.require(model, Differentiable.class, "a training step")
              .train(names, GradientOptions.reference());
      optimizer = session.optimizer(AdamW.reference());
    }

    private static WeightGroup group(String name) {
      return switch (name) {
        case "kv" -> WeightGroup.crossAttentionKeyValue();
        case "attention" -> WeightGroup.attention();
        case "unet" -> WeightGroup.denoiser();
        default -> throw new IllegalArgumentException("group: kv, attention or unet, was " + name);
      };
    }

    @Override
    double once() {
      try (NDManager scope = manager.newSubManager()) {
        NDArray noised = latents.duplicate();
        noised.attach(scope); // owns what is computed from it, as in a real step
        Shape shape = latents.getShape();
        NDArray mask = scope.ones(new Shape(batch, 1, shape.get(2), shape.get(3)));
        Gradients gradients =
            session.gradients(
                () -> {
                  NDArray aim =
                      session.withoutGradients(() -> model.predict(noised, timestep, anchor));
                  return Losses.masked(model.predict(noised, timestep, target), aim, mask);
                },
                scope);
        optimizer.step(gradients.values(), LEARNING_RATE, 1);
        return gradients.loss();
      }
    }

    @Override
    public void close() {
      session.close();
      super.close();
    }
  }

  private static final class Sampling extends Work {
    private final LatentSampler sampler;
    private final NoiseSource noise;

    Sampling(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      sampler = LatentSampler.of(model).settings(sampling(arguments));
      noise = NoiseSource.ofInitial(latents, NoiseSource.ofSeed(0));
    }

    @Override
    double once() {
      try (NDArray sampled = sampler.sample(repeated(TARGET), noise, manager)) {
        return size(sampled);
      }
    }
  }

  private static final class Anchors extends Work {
    private final LatentSampler sampler;
    private final NoiseSource noise;
    private final List<String> prompts;

    Anchors(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      sampler = LatentSampler.of(model).settings(sampling(arguments));
      prompts = prompts(arguments.get("images", 64), "a photo of a cat, number %d");
      NDArray same = latents.get("0:1").repeat(0, prompts.size());
      noise = NoiseSource.ofInitial(same, NoiseSource.ofSeed(0));
    }

    @Override
    double once() {
      try (NDArray sampled = sampler.sample(prompts, noise, manager)) {
        return size(sampled);
      }
    }
  }

  private static final class Product extends Work {
    private final NDArray matrix;

    Product(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      matrix = numbers(new Shape(MATRIX, MATRIX)).get(0);
    }

    @Override
    double once() {
      try (NDArray product = matrix.matMul(matrix)) {
        return size(product);
      }
    }
  }

  private static final class Decode extends Work {
    private final LatentCodec codec;

    Decode(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      codec = Capabilities.require(model, LatentCodec.class, "decoding");
    }

    @Override
    double once() {
      try (NDArray images = codec.decode(latents)) {
        return size(images);
      }
    }
  }

  private static final class Text extends Work {
    private final List<String> prompts;

    Text(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      prompts = prompts(batch, "a photo of cat %d");
    }

    @Override
    double once() {
      try (NDManager scope = manager.newSubManager()) {
        return size(model.encode(prompts, scope).textEmbeddings());
      }
    }
  }

  /** As a user writes it. */
  private static final class WholeAblation extends Work {
    private final Ablation plan;

    WholeAblation(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      int images = arguments.get("images", 64);
      plan =
          Ablator.of(model)
              .target(Concept.instance("grumpy cat"))
              .anchor(
                  AnchorStrategy.generated("cat", prompts(images, "a photo of a cat, number %d"))
                      .images(images)
                      .sampling(sampling(arguments))
                      .augmented(Augmentation.none()))
              .weights(WeightGroup.crossAttentionKeyValue())
              .trainer(
                  GradientTrainer.defaults()
                      .steps(arguments.get("iterations", 200))
                      .batchSize(batch)
                      .learningRate(LEARNING_RATE));
    }

    @Override
    double once() {
      try (AblationResult result = plan.run()) {
        return result.history().stream().mapToDouble(step -> step.loss()).average().orElseThrow();
      }
    }
  }

  private static final class ClosedFormEdit extends Work {
    private final Ablation plan;

    ClosedFormEdit(StableDiffusion model, Arguments arguments) {
      super(model, arguments);
      int count = arguments.get("concepts", 1);
      List<String> targets = prompts(count, "artist %d");
      Ablation all = edit(Ablator.of(model), targets.get(0));
      for (String target : targets.subList(1, count)) {
        all = all.andTarget(Concept.instance(target)).anchor(anchor());
      }
      plan =
          all.preserve(
                  prompts(2 * count, "painter %d").stream()
                      .map(Concept::instance)
                      .toArray(Concept[]::new))
              .weights(WeightGroup.crossAttentionKeyValue())
              .trainer(ClosedForm.uce(Uce.defaults()));
    }

    private static Ablation edit(Ablator.TargetStage stage, String target) {
      return stage.target(Concept.instance(target)).anchor(anchor());
    }

    private static AnchorStrategy anchor() {
      return AnchorStrategy.generated("art", List.of("art"));
    }

    @Override
    double once() {
      try (AblationResult result = plan.run();
          WeightDelta changed = result.delta().resolved(model)) {
        return changed.norm();
      }
    }
  }
}
