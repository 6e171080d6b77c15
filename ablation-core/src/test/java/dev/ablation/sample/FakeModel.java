package dev.ablation.sample;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.Weights;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A model whose prompts are encoded as their length and whose prediction is {@code 0.5 x + length}.
 */
final class FakeModel implements DiffusionModel {
  /** One call of the network. */
  record Call(Shape latents, String timesteps, float[] conditions) {}

  final List<Call> calls = new ArrayList<>();
  final List<List<String>> encoded = new ArrayList<>();
  @Nullable LatentCodec codec;
  private final NDManager manager = NDManager.newBaseManager(Device.cpu());
  private boolean closed;

  @Override
  public ModelDescriptor descriptor() {
    return new ModelDescriptor("fake", 4, 3, 2, Device.cpu());
  }

  @Override
  public NDManager manager() {
    return manager;
  }

  @Override
  public NoiseSchedule schedule() {
    return NoiseSchedule.stableDiffusion();
  }

  @Override
  public PredictionType predictionType() {
    return PredictionType.EPSILON;
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    encoded.add(List.copyOf(prompts));
    float[] lengths = new float[prompts.size()];
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = prompts.get(i).length();
    }
    return new Conditioning(scope.create(lengths, new Shape(lengths.length, 1, 1)));
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    NDArray states = conditioning.textEmbeddings();
    calls.add(
        new Call(
            latents.getShape(),
            timesteps.getDataType() + " " + timesteps.toType(DataType.FLOAT32, false).getFloat(0),
            states.toFloatArray()));
    try (NDArray lengths = states.reshape(-1, 1, 1, 1)) {
      return latents.mul(0.5).addi(lengths);
    }
  }

  @Override
  public Weights weights() {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return type.isInstance(codec) ? Optional.of(type.cast(codec)) : Optional.empty();
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
