package dev.ablation.djl;

import ai.djl.ndarray.NDManager;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.sample.PromptEncoder;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * How SDXL encodes prompts, with all options of the published pipeline. Immutable: each setter
 * returns a changed copy.
 *
 * {@snippet class="dev.ablation.djl.StableDiffusionXLTest" region="sdxl-options"}
 */
@CheckReturnValue
public final class SdxlPromptEncoder implements PromptEncoder {
  private final StableDiffusionXL model;
  private final UnaryOperator<String> second;
  private final int clipSkip;
  private final @Nullable ImageSizes sizes;

  private SdxlPromptEncoder(
      StableDiffusionXL model,
      UnaryOperator<String> second,
      int clipSkip,
      @Nullable ImageSizes sizes) {
    this.model = model;
    this.second = second;
    this.clipSkip = clipSkip;
    this.sizes = sizes;
  }

  static SdxlPromptEncoder of(StableDiffusionXL model) {
    return new SdxlPromptEncoder(model, UnaryOperator.identity(), 0, null);
  }

  /**
   * Gives the second text encoder, whose pooled embedding is used, another prompt; published as
   * {@code prompt_2}.
   *
   * @param prompt for the second encoder, whatever the first reads
   * @return a changed copy
   */
  public SdxlPromptEncoder secondPrompt(String prompt) {
    Objects.requireNonNull(prompt, "prompt");
    return secondPrompt(first -> prompt);
  }

  /**
   * Gives the second text encoder another prompt for each; published as {@code prompt_2}.
   *
   * @param ofFirst from the prompt of the first encoder to that of the second
   * @return a changed copy
   */
  public SdxlPromptEncoder secondPrompt(UnaryOperator<String> ofFirst) {
    Objects.requireNonNull(ofFirst, "ofFirst");
    return new SdxlPromptEncoder(model, ofFirst, clipSkip, sizes);
  }

  /**
   * Leaves out layers of both text encoders; published as {@code clip_skip}, for positive prompts
   * only.
   *
   * @param layers beside the last one, not negative; usually 0
   * @return a changed copy
   */
  public SdxlPromptEncoder clipSkip(int layers) {
    if (layers < 0) {
      throw new IllegalArgumentException("clipSkip must not be negative, was " + layers);
    }
    return new SdxlPromptEncoder(model, second, layers, sizes);
  }

  /**
   * Changes the sizes that the image is conditioned on; by default those of the image that is
   * drawn, not cropped.
   *
   * @param sizes original size, crop and target size in pixels
   * @return a changed copy
   */
  public SdxlPromptEncoder sizes(ImageSizes sizes) {
    Objects.requireNonNull(sizes, "sizes");
    return new SdxlPromptEncoder(model, second, clipSkip, sizes);
  }

  /** For a view of the model, with the view's weights of the text encoders. */
  @Override
  public PromptEncoder drawnBy(DiffusionModel drawing) {
    if (!(drawing instanceof ModelView view) || !view.isOf(model)) {
      return this;
    }
    return (prompts, size, scope) -> view.during(() -> encode(prompts, size, scope));
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    List<String> seconds = prompts.stream().map(second).toList();
    return model.encode(prompts, seconds, clipSkip, sizes, size, scope);
  }
}
