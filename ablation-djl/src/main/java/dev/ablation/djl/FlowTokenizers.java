package dev.ablation.djl;

import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.model.PromptTokenizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The tokenizers of several text encoders. The one that was added last, T5's where there is one,
 * reads the longest prompts: what it cuts no encoder sees.
 */
final class FlowTokenizers implements PromptTokenizer, AutoCloseable {
  private final Map<String, PromptTokenizer> byComponent = new LinkedHashMap<>();
  private final Map<String, Runnable> closing = new LinkedHashMap<>();
  private String longest = "";

  FlowTokenizers add(String component, ClipTextEncoder encoder) {
    return add(component, encoder.tokenizer(), encoder.tokenizer()::close);
  }

  FlowTokenizers add(String component, T5TextEncoder encoder) {
    return add(component, encoder.tokenizer(), encoder.tokenizer()::close);
  }

  private FlowTokenizers add(String component, PromptTokenizer tokenizer, Runnable close) {
    byComponent.put(component, tokenizer);
    closing.put(component, close);
    longest = component;
    return this;
  }

  @Override
  public Tokens tokens(String prompt) {
    return tokens(prompt, longest);
  }

  @Override
  public Tokens tokens(String prompt, String component) {
    return Objects.requireNonNull(byComponent.get(component), component).tokens(prompt);
  }

  @Override
  public List<String> words() {
    return Objects.requireNonNull(byComponent.get(longest), longest).words();
  }

  /** The end that an encoder does not see, by its component; only of those that cut. */
  Map<String, String> cut(String prompt) {
    Map<String, String> ends = new LinkedHashMap<>();
    byComponent.forEach((name, tokenizer) -> ends.put(name, tokenizer.tokens(prompt).cut()));
    ends.values().removeIf(String::isEmpty);
    return ends;
  }

  @Override
  public void close() {
    closing.values().forEach(Runnable::run);
  }
}
