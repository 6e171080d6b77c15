package dev.ablation.djl;

import dev.ablation.djl.nn.ModelUse;
import dev.ablation.model.PromptTokenizer;
import java.util.List;

/**
 * A tokenizer of a model, which stays open while it is called.
 *
 * @param tokenizer of the model
 * @param use of the model
 */
record OpenTokenizer(PromptTokenizer tokenizer, ModelUse use) implements PromptTokenizer {
  @Override
  public Tokens tokens(String prompt) {
    return use.whileOpen(() -> tokenizer.tokens(prompt));
  }

  @Override
  public Tokens tokens(String prompt, String component) {
    return use.whileOpen(() -> tokenizer.tokens(prompt, component));
  }

  @Override
  public List<String> words() {
    return use.whileOpen(tokenizer::words);
  }
}
