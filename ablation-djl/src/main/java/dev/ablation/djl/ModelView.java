package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.WeightView;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.ModelViews;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.Weights;
import dev.ablation.sample.SamplingDefaults;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A model whose networks compute with the bindings of a view. */
final class ModelView implements DiffusionModel {
  /** What does not change weights. */
  private static final Set<Class<?>> CAPABILITIES =
      Set.of(PromptTokenizer.class, SamplingDefaults.class, ModelViews.class);

  private final DiffusionModel model;
  private final WeightView weights;

  private ModelView(DiffusionModel model, WeightView weights) {
    this.model = model;
    this.weights = weights;
  }

  /** Whether it is a view of a model. */
  boolean isOf(DiffusionModel other) {
    return model == other;
  }

  /** Runs an action while the networks compute with the weights of this view. */
  <T> T during(Supplier<T> action) {
    return weights.during(action);
  }

  /** Makes views of a model. */
  static ModelViews of(DiffusionModel model, NamedWeights weights) {
    AtomicInteger number = new AtomicInteger();
    return () -> {
      if (model.isClosed()) {
        throw new IllegalStateException("model '" + model.descriptor().name() + "' is closed");
      }
      String name = "%s (view %d)".formatted(model.descriptor().name(), number.incrementAndGet());
      return new ModelView(model, new WeightView(weights, name));
    };
  }

  @Override
  public ModelDescriptor descriptor() {
    return model.descriptor();
  }

  @Override
  public NDManager manager() {
    return model.manager();
  }

  @Override
  public NDManager newScope() {
    NDManager scope = model.newScope();
    try {
      weights.use().keepOpenUntilClosed(scope);
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
    return scope;
  }

  @Override
  public NoiseSchedule schedule() {
    return model.schedule();
  }

  @Override
  public PredictionType predictionType() {
    return model.predictionType();
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    return weights.during(() -> model.encode(prompts, size, scope));
  }

  @Override
  public Map<String, String> encodingSettings() {
    return model.encodingSettings();
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    return weights.during(() -> model.predict(latents, timesteps, conditioning));
  }

  @Override
  public Weights weights() {
    return weights;
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    if (type == LatentCodec.class) {
      return model.capability(LatentCodec.class).map(codec -> type.cast(new Codec(codec)));
    }
    if (type == InpaintingCondition.class) {
      return model.capability(InpaintingCondition.class).map(of -> type.cast(during(of)));
    }
    return CAPABILITIES.contains(type) ? model.capability(type) : Optional.empty();
  }

  private InpaintingCondition during(InpaintingCondition condition) {
    return (images, masks, noise, scope) ->
        weights.during(() -> condition.of(images, masks, noise, scope));
  }

  @Override
  public boolean isClosed() {
    return weights.use().isClosed() || model.isClosed();
  }

  @Override
  public void close() {
    boolean unused = weights.use().close();
  }

  private final class Codec implements LatentCodec {
    private final LatentCodec codec;

    Codec(LatentCodec codec) {
      this.codec = codec;
    }

    @Override
    public int downscaling() {
      return codec.downscaling();
    }

    @Override
    public NDArray decode(NDArray latents) {
      return weights.during(() -> codec.decode(latents));
    }

    @Override
    public NDArray encode(NDArray images, @Nullable NDArray noise) {
      return weights.during(() -> codec.encode(images, noise));
    }
  }
}
