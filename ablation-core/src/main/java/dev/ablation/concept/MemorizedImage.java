package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * An image of the training set that the model draws again when it reads its caption (Kumari et al.
 * 2023, section 4). The target prompt is one of the captions, whatever the anchor prompt; anchor
 * prompts are other wordings of the caption that do not bring the image back.
 *
 * {@snippet class="dev.ablation.Snippets" region="memorized"}
 *
 * @param captions prompts that draw the image, at least one; one is drawn for each pair
 * @param image file of the image itself, for telling copies of it; {@code null} if it is not at
 *     hand
 */
public record MemorizedImage(List<String> captions, @Nullable Path image) implements Concept {

  /** Checks that there is a caption and that none is blank. */
  public MemorizedImage {
    captions = captions.stream().map(String::strip).distinct().toList();
    Preconditions.checkArgument(!captions.isEmpty(), "captions must not be empty");
    Preconditions.checkArgument(
        captions.stream().noneMatch(String::isEmpty), "captions must not be blank");
  }

  /**
   * Adds the image itself.
   *
   * @param image its file
   * @return a changed copy
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
