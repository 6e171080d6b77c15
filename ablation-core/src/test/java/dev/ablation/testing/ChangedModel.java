package dev.ablation.testing;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.Weights;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Optional;

/** A model that differs from another in some method, which a subclass overrides. */
public class ChangedModel implements DiffusionModel {
  private final DiffusionModel model;

  /**
   * Begins with a model whose every method is used.
   *
   * @param model any; closed with this
   */
  protected ChangedModel(DiffusionModel model) {
    this.model = model;
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
  public NoiseSchedule schedule() {
    return model.schedule();
  }

  @Override
  public PredictionType predictionType() {
    return model.predictionType();
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    return model.encode(prompts, size, scope);
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    return model.predict(latents, timesteps, conditioning);
  }

  @Override
  public Weights weights() {
    return model.weights();
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return model.capability(type);
  }

  @Override
  public boolean isClosed() {
    return model.isClosed();
  }

  @Override
  public void close() {
    model.close();
  }
}
