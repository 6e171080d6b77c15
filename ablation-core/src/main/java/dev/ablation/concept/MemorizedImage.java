package dev.ablation.concept;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A training image that the model reproduces when prompted with its caption (Kumari et al. 2023,
 * section 4). The target prompt is one of the captions, whatever the anchor prompt. Anchor prompts
 * are paraphrases of the caption that do not reproduce the image.
 *
 * {@snippet class="dev.ablation.Snippets" region="memorized"}
 *
 * @param captions prompts that reproduce the image, at least one; each prompt pair uses one at
 *     random
 * @param image file of the image itself, used to detect copies of it; {@code null} if there is none
 */
@CheckReturnValue
public record MemorizedImage(List<String> captions, @Nullable Path image) implements Concept {

  /** Checks that there is at least one caption and that none is blank. */
  public MemorizedImage {
    captions = captions.stream().map(String::strip).distinct().toList();
    Preconditions.checkArgument(!captions.isEmpty(), "captions must not be empty");
    Preconditions.checkArgument(
        captions.stream().noneMatch(String::isEmpty), "captions must not be blank");
  }

  /**
   * Adds the image itself, used to detect copies of it.
   *
   * @param image the image file
   * @return a copy with the given image
   */
  public MemorizedImage image(Path image) {
    return new MemorizedImage(captions, image);
  }

  /** {@return the first caption} */
  @Override
  public String name() {
    return captions.get(0);
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.MEMORIZED_IMAGE;
  }

  @Override
  public List<String> phrases() {
    return captions;
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("target.captions", captions.toString());
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    return captions.get(random.nextInt(captions.size()));
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return captions;
  }

  @Override
  public String toString() {
    return "memorized image '" + name() + "'";
  }
}
