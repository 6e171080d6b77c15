package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.Words;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A request to a {@link PromptSource}.
 *
 * @param kind captions of different images, or paraphrases of one caption
 * @param subject what the images show, such as {@code "cat"}; for {@link Kind#PARAPHRASES} the
 *     caption to paraphrase
 * @param count number of prompts, positive
 * @param word a word that each prompt must contain as a whole word, in any case, or as its simple
 *     plural ({@code "cat"}: "Cats at play", not "a category"); {@code null} for none
 * @param avoid prompts that must not be returned
 */
@CheckReturnValue
public record PromptRequest(
    Kind kind, String subject, int count, @Nullable String word, List<String> avoid) {

  /** The kind of prompts. */
  public enum Kind {
    /** Captions of images that all differ and all show the subject. */
    CAPTIONS,
    /** Paraphrases of the subject, which is itself a caption. */
    PARAPHRASES
  }

  /** Checks the number and the texts. */
  public PromptRequest {
    Objects.requireNonNull(kind, "kind");
    Preconditions.checkArgument(!subject.isBlank(), "subject of prompts must not be blank");
    subject = subject.strip();
    Preconditions.checkArgument(count > 0, "count of prompts must be positive, was %s", count);
    if (word != null) {
      Preconditions.checkArgument(!word.isBlank(), "word of prompts must not be blank");
      word = word.strip();
    }
    avoid = List.copyOf(avoid);
  }

  /**
   * Requests captions of different images that all contain the subject's name.
   *
   * @param subject what the images show, such as {@code "cat"}; each prompt must contain it
   * @param count number of prompts, positive; the paper uses 200
   * @return the request
   */
  public static PromptRequest captions(String subject, int count) {
    return new PromptRequest(Kind.CAPTIONS, subject, count, subject, List.of());
  }

  /**
   * Requests paraphrases of a caption, as the paper uses for memorized images (Kumari et al. 2023,
   * section 4.3).
   *
   * @param caption the caption to paraphrase; it is not returned itself
   * @param count number of prompts, positive
   * @return the request
   */
  public static PromptRequest paraphrases(String caption, int count) {
    return new PromptRequest(Kind.PARAPHRASES, caption, count, null, List.of());
  }

  /**
   * Changes the number of prompts.
   *
   * @param count number of prompts, positive
   * @return a copy with the given number
   */
  public PromptRequest count(int count) {
    return new PromptRequest(kind, subject, count, word, avoid);
  }

  /**
   * Changes the word that each prompt must contain.
   *
   * @param word not blank, or {@code null} for none
   * @return a copy with the given word
   */
  public PromptRequest containing(@Nullable String word) {
    return new PromptRequest(kind, subject, count, word, avoid);
  }

  /**
   * Changes the prompts that must not be returned.
   *
   * @param prompts the prompts; may be empty
   * @return a copy with the given prompts to avoid
   */
  public PromptRequest avoiding(List<String> prompts) {
    return new PromptRequest(kind, subject, count, word, prompts);
  }

  /**
   * Returns whether a prompt contains the required word.
   *
   * @param prompt any text
   * @return whether it does; {@code true} if no word is required
   */
  public boolean hasWord(String prompt) {
    return word == null || Words.ownWord(word).matcher(prompt).find();
  }
}
