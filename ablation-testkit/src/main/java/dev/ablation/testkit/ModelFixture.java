package dev.ablation.testkit;

import dev.ablation.model.CheckpointExport;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Opens the model that contracts test, and states what is expected of it. */
public abstract class ModelFixture {
  /** For subclasses. */
  protected ModelFixture() {}

  /**
   * Opens a fresh model, equal to all others that this method opens. The test closes it.
   *
   * @return the model
   * @throws Exception if it cannot be opened
   */
  protected abstract DiffusionModel open() throws Exception;

  /**
   * Returns which capabilities the model has; one that is missing, or there without being named,
   * fails.
   *
   * @return the interfaces
   */
  protected abstract Set<Class<?>> capabilities();

  /**
   * Opens what {@link CheckpointExport} wrote. Needed if the model has that capability.
   *
   * @param folder of the checkpoint
   * @return the model; the test closes it
   * @throws Exception if it cannot be opened
   */
  protected DiffusionModel reopen(Path folder) throws Exception {
    throw new UnsupportedOperationException("override reopen(Path)");
  }

  /**
   * Returns how far one row of a batch may be from the same row alone, and an image's latents from
   * those of the same image again.
   *
   * @return an absolute tolerance, for values around 1
   */
  protected double tolerance() {
    return 1e-4;
  }

  /**
   * Returns how far {@code encode(decode(z))} may be from z, as a share of the norm of z.
   *
   * @return a relative tolerance; infinity if an autoencoder without training is tested
   */
  protected double codecTolerance() {
    return Double.POSITIVE_INFINITY;
  }

  /**
   * Returns whether the network has cross-attention, where {@code GradientOptions.stopStartToken}
   * stops gradients; elsewhere the option must change nothing.
   *
   * @return whether it has
   */
  protected boolean hasCrossAttention() {
    return true;
  }

  /**
   * Returns the step of the differences that the gradient of a condition is compared with; a
   * condition whose small changes matter much needs a smaller one.
   *
   * @param condition name of the condition
   * @return a positive step, for directions around 1
   */
  protected double differenceStep(String condition) {
    return 1e-2;
  }

  /**
   * Returns three prompts that the model reads differently; none is too long for it.
   *
   * @return the prompts
   */
  protected List<String> prompts() {
    return List.of("a photo of a cat", "a photo of a dog", "painting");
  }

  /**
   * Returns the names of the weights that training is tested on.
   *
   * @param model opened
   * @return some names; unless overridden the first keys and values of cross-attention
   */
  protected List<String> trained(DiffusionModel model) {
    return WeightGroup.crossAttentionKeyValue().select(model.weights()).stream()
        .limit(4)
        .map(WeightInfo::name)
        .toList();
  }

  /**
   * Returns the names of the weights that low-rank training is tested on.
   *
   * @param model opened
   * @param training its capability
   * @return some names; unless overridden the first weight of each role and number of dimensions
   *     that has a low-rank form
   */
  protected List<String> trainedInLowRank(DiffusionModel model, LoraTraining training) {
    Set<String> seen = new HashSet<>();
    return model.weights().list().stream()
        .filter(info -> training.hasLowRankForm(info.name()))
        .filter(info -> seen.add(info.role() + " " + info.shape().dimension()))
        .map(WeightInfo::name)
        .toList();
  }
}
