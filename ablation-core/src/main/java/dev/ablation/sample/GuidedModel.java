package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Predictions of a model under guidance: used by the loop over the steps of a sampler, and usable
 * in your own loops. Uses the model, so one thread at a time.
 */
public final class GuidedModel {
  private final DiffusionModel model;
  private final Guidance guidance;
  private final String negativePrompt;
  private final PromptEncoder negativeEncoder;

  private GuidedModel(
      DiffusionModel model,
      Guidance guidance,
      String negativePrompt,
      PromptEncoder negativeEncoder) {
    this.model = Objects.requireNonNull(model, "model");
    this.guidance = Objects.requireNonNull(guidance, "guidance");
    this.negativePrompt = Objects.requireNonNull(negativePrompt, "negativePrompt");
    this.negativeEncoder = Objects.requireNonNull(negativeEncoder, "negativeEncoder");
  }

  /**
   * Puts a model under guidance.
   *
   * @param model the model; the caller keeps ownership
   * @param settings only the guidance and the negative prompt are used
   * @return the guided model
   */
  public static GuidedModel of(DiffusionModel model, SamplingSettings settings) {
    return of(model, settings, model::encode);
  }

  static GuidedModel of(
      DiffusionModel model, SamplingSettings settings, PromptEncoder negativeEncoder) {
    return new GuidedModel(model, settings.guidance(), settings.negativePrompt(), negativeEncoder);
  }

  /**
   * Encodes prompts for {@link #predict}.
   *
   * @param prompts of B images
   * @param size of the latents
   * @param scope owner of the result
   * @return the conditioning of the network's batch
   */
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    return condition(model.encode(prompts, size, scope), size, scope);
  }

  /**
   * Creates the conditioning for {@link #predict} from the caller's.
   *
   * @param positive of B images
   * @param size of the latents
   * @param scope owner of what is made
   * @return the conditioning of the network's batch
   */
  public Conditioning condition(Conditioning positive, LatentSize size, NDManager scope) {
    return condition(positive, Map.of(), size, scope);
  }

  /** Conditions both prompts on the images. */
  Conditioning condition(
      Conditioning positive, Map<String, NDArray> ofImages, LatentSize size, NDManager scope) {
    return guidance.condition(
        positive.with(ofImages),
        guidance.usesNegativePrompt()
            ? negative(positive.batchSize(), size, scope).with(ofImages)
            : null);
  }

  private Conditioning negative(long count, LatentSize size, NDManager scope) {
    Conditioning one = negativeEncoder.encode(List.of(negativePrompt), size, scope);
    return count == 1 ? one : one.map(array -> array.repeat(0, count));
  }

  /**
   * Predicts with guidance.
   *
   * @param input the network's input, shape {@code (B, C, H, W)}
   * @param time of all rows
   * @param conditioning as {@link #encode} and {@link #condition} make it
   * @param scope owner of intermediate arrays
   * @return shape {@code (B, C, H, W)}, attached to the manager of {@code input}
   */
  public NDArray predict(NDArray input, double time, Conditioning conditioning, NDManager scope) {
    int rows = guidance.rows();
    NDArray batch =
        rows == 1 ? input : NDArrays.concat(new NDList(Collections.nCopies(rows, input)), 0);
    double[] times = new double[Math.toIntExact(batch.getShape().get(0))];
    Arrays.fill(times, time);
    NDArray timesteps = model.schedule().toArray(times, scope);
    return guidance.combine(model.predict(batch, timesteps, conditioning));
  }
}
