package dev.ablation.model;

import java.util.List;

/**
 * Capability: shows how the model reads a prompt.
 *
 * {@snippet class="dev.ablation.Snippets" region="tokenizer"}
 */
public interface PromptTokenizer {

  /**
   * A prompt as tokens.
   *
   * @param ids of the tokens that the model sees, without start, end and padding
   * @param cut the end of the prompt that did not fit the context, as text; empty if all fits
   */
  record Tokens(List<Integer> ids, String cut) {
    /** Copies the list. */
    public Tokens {
      ids = List.copyOf(ids);
    }

    /** {@return whether the prompt was truncated} */
    public boolean truncated() {
      return !cut.isEmpty();
    }
  }

  /**
   * Splits a prompt.
   *
   * @param prompt any text
   * @return its tokens
   */
  Tokens tokens(String prompt);

  /**
   * Splits a prompt as one of several text encoders reads it.
   *
   * @param prompt any text
   * @param component of the text encoder, such as {@code "text_encoder_2"}
   * @return its tokens
   */
  default Tokens tokens(String prompt, String component) {
    return tokens(prompt);
  }

  /**
   * Returns the words that are one token each, as one can type them: what a search among words
   * chooses from.
   *
   * @return the words, by the number of their token; empty if the tokenizer cannot tell
   */
  default List<String> words() {
    return List.of();
  }
}
