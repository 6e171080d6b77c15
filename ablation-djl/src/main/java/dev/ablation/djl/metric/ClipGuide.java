package dev.ablation.djl.metric;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.attack.LatentGuide;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.djl.kernel.Kernel;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import java.util.ArrayList;
import java.util.List;

/**
 * Guides latents towards a text by the gradient of a CLIP model through the decoder of a diffusion
 * model: of the logarithm of the text's share among some texts (Radford et al. 2021, arXiv
 * 2103.00020, section 3.1; guidance on the predicted clean sample, Bansal et al. 2023, arXiv
 * 2302.07121).
 *
 * {@snippet class="dev.ablation.djl.metric.ClipGuideTest" region="clip-guide"}
 *
 * <p>Uses both models, which stay the caller's and must be on one device. One thread at a time.
 */
public final class ClipGuide implements LatentGuide, AutoCloseable {
  private static final Kernel TO_UNIT = Kernel.of("(x): return torch.add(torch.mul(x, 0.5), 0.5)");

  private static final Kernel FIRST_OF_ALL =
      Kernel.of("(x): return torch.sum(torch.select(torch.log_softmax(x, 1), 1, 0))");

  private final Clip clip;
  private final LatentCodec codec;
  private final InputDifferentiable gradients;
  private final List<String> texts;
  private final NDManager manager;
  private final NDArray embedded;

  /**
   * Prepares a guide.
   *
   * @param clip the evaluator
   * @param model whose decoder is used
   * @param text to be guided to
   * @param others texts to be guided away from, at least one, such as the anchor's
   * @throws IllegalArgumentException if there are no others
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec} or is not {@link InputDifferentiable}
   */
  public ClipGuide(Clip clip, DiffusionModel model, String text, List<String> others) {
    if (others.isEmpty()) {
      throw new IllegalArgumentException(
          "others must not be empty: a text alone always has the whole share");
    }
    this.clip = clip;
    codec = Capabilities.require(model, LatentCodec.class, "an evaluator's guidance");
    gradients = Capabilities.require(model, InputDifferentiable.class, "an evaluator's guidance");
    List<String> all = new ArrayList<>(List.of(text));
    all.addAll(others);
    texts = List.copyOf(all);
    manager = clip.manager().newSubManager();
    embedded = GradMode.with(false, () -> clip.embedTexts(clip.tokenIds(texts, manager)));
    embedded.attach(manager);
  }

  @Override
  public String name() {
    return "%s, '%s' among %s".formatted(clip.info().name(), texts.get(0), texts);
  }

  @Override
  public NDArray gradient(NDArray latents) {
    return gradients.gradient(latents, this::logarithm).first();
  }

  /**
   * Returns the logarithm of the text's share, summed over the batch, as {@link #gradient}
   * differentiates it.
   *
   * @param latents (B, C, H, W)
   * @return a scalar, attached to the manager of {@code latents}
   */
  public NDArray logarithm(NDArray latents) {
    NDArray images = TO_UNIT.call(codec.decode(latents));
    return FIRST_OF_ALL.call(clip.logits(clip.embedImages(clip.prepare(images)), embedded));
  }

  /** Frees the texts' embeddings. */
  @Override
  public void close() {
    manager.close();
  }
}
