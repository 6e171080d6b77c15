package dev.ablation.djl.metric;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.attack.LatentGuide;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Guides latents towards a text by the gradient of a CLIP model through the decoder of a diffusion
 * model. The gradient is that of the log-probability of the text among several texts (Radford et
 * al. 2021, arXiv 2103.00020, section 3.1; guidance on the predicted clean sample: Bansal et al.
 * 2023, arXiv 2302.07121).
 *
 * {@snippet class="dev.ablation.djl.metric.ClipGuideTest" region="clip-guide"}
 *
 * <p>The caller owns both models, which must be on the same device. Not thread-safe.
 */
public final class ClipGuide implements LatentGuide, AutoCloseable {
  private static final Kernel TO_UNIT = Kernel.of("(x): return torch.add(torch.mul(x, 0.5), 0.5)");

  private static final Kernel FIRST_OF_ALL =
      Kernel.of("(x): return torch.sum(torch.select(torch.log_softmax(x, 1), 1, 0))");

  private final Clip clip;
  private final DiffusionModel model;
  private final List<String> texts;

  /** Of the texts, which may be hundreds; none until the guide is used. */
  private @Nullable NDArray embedded;

  /**
   * Creates a guide. The texts are embedded when it is first used: a plan that is only checked
   * needs none of them.
   *
   * @param clip the CLIP model
   * @param model the diffusion model whose decoder is used
   * @param text the text to guide towards
   * @param others texts to guide away from, at least one, such as the anchor's
   * @throws IllegalArgumentException if {@code others} is empty
   */
  public ClipGuide(Clip clip, DiffusionModel model, String text, List<String> others) {
    if (others.isEmpty()) {
      throw new IllegalArgumentException(
          "others must not be empty: a single text always has probability 1");
    }
    this.clip = clip;
    this.model = model;
    List<String> all = new ArrayList<>(List.of(text));
    all.addAll(others);
    texts = List.copyOf(all);
  }

  private synchronized NDArray embedded() {
    NDArray found = embedded;
    if (found == null) {
      try (NDManager scope = clip.manager().newSubManager()) {
        found = GradMode.with(false, () -> clip.embedTexts(clip.tokenIds(texts, scope)));
        found.attach(clip.manager());
      }
      embedded = found;
    }
    return found;
  }

  private LatentCodec codec() {
    return Capabilities.require(model, LatentCodec.class, "CLIP guidance");
  }

  private InputDifferentiable gradients() {
    return Capabilities.require(model, InputDifferentiable.class, "CLIP guidance");
  }

  /**
   * Checks that the model whose decoder is used has what guidance needs.
   *
   * @param base not looked at: a guide is of one model
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec} or is not {@link InputDifferentiable}
   */
  @Override
  public void check(DiffusionModel base) {
    codec();
    gradients();
  }

  @Override
  public String name() {
    return "%s, '%s' among %s".formatted(clip.info().name(), texts.get(0), texts);
  }

  @Override
  public Optional<ExtractorInfo> evaluator() {
    return Optional.of(clip.info());
  }

  @Override
  public NDArray gradient(NDArray latents) {
    return gradients().gradient(latents, this::logarithm).first();
  }

  /**
   * Returns the log-probability of the text, summed over the batch; {@link #gradient} is its
   * gradient.
   *
   * @param latents (B, C, H, W)
   * @return a scalar, owned by the manager of {@code latents}
   */
  public NDArray logarithm(NDArray latents) {
    NDArray images = TO_UNIT.call(codec().decode(latents));
    return FIRST_OF_ALL.call(clip.logits(clip.embedImages(clip.prepare(images)), embedded()));
  }

  /** Frees the text embeddings. */
  @Override
  public synchronized void close() {
    if (embedded != null) {
      embedded.close();
      embedded = null;
    }
  }
}
