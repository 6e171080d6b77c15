package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.internal.Words;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link PromptSource} is asked for. Every method returns a changed copy.
 *
 * @param kind captions of different images, or wordings of one caption
 * @param subject what the images show, such as {@code "cat"}; for {@link Kind#PARAPHRASES} the
 *     caption to reword
 * @param count how many prompts, positive
 * @param word that each prompt must contain as a word of its own, in any case, or as its plain
 *     plural ({@code "cat"}: "Cats at play", not "a category"); {@code null} asks for none
 * @param avoid prompts not to be given again
 */
public record PromptRequest(
    Kind kind, String subject, int count, @Nullable String word, List<String> avoid) {

  /** What the prompts have to do with the subject. */
  public enum Kind {
    /** Captions of images that all differ and all show the subject. */
    CAPTIONS,
    /** The subject is itself a caption: other wordings of it that keep its meaning. */
    PARAPHRASES
  }

  /** Checks number and texts. */
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
   * Asks for captions of different images that show something, each with its name in it.
   *
   * @param subject what they show, such as {@code "cat"}; each prompt must contain it
   * @param count how many, positive; the paper takes 200
   * @return the request
   */
  public static PromptRequest captions(String subject, int count) {
    return new PromptRequest(Kind.CAPTIONS, subject, count, subject, List.of());
  }

  /**
   * Asks for other wordings of a caption, as the paper does for memorised images (Kumari et al.
   * 2023, section 4.3).
   *
   * @param caption to reword; is not given back
   * @param count how many, positive
   * @return the request
   */
  public static PromptRequest paraphrases(String caption, int count) {
    return new PromptRequest(Kind.PARAPHRASES, caption, count, null, List.of());
  }

  /**
   * Changes the number.
   *
   * @param count how many prompts, positive
   * @return a changed copy
   */
  public PromptRequest count(int count) {
    return new PromptRequest(kind, subject, count, word, avoid);
  }

  /**
   * Changes the word that each prompt must contain.
   *
   * @param word not blank, or {@code null} for none
   * @return a changed copy
   */
  public PromptRequest containing(@Nullable String word) {
    return new PromptRequest(kind, subject, count, word, avoid);
  }

  /**
   * Changes what is not to be given again.
   *
   * @param prompts may be empty
   * @return a changed copy
   */
  public PromptRequest avoiding(List<String> prompts) {
    return new PromptRequest(kind, subject, count, word, prompts);
  }

  /**
   * Returns whether a prompt contains the word that it must contain.
   *
   * @param prompt any text
   * @return whether it does; {@code true} if no word is asked for
   */
  public boolean hasWord(String prompt) {
    return word == null || Words.ownWord(word).matcher(prompt).find();
  }
}
