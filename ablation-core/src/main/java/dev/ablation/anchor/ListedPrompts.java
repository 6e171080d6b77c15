package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.util.List;

/** Prompts from a list. */
record ListedPrompts(List<String> listed) implements PromptSource {
  ListedPrompts {
    listed = List.copyOf(listed);
    Preconditions.checkArgument(!listed.isEmpty(), "prompts must not be empty");
    Preconditions.checkArgument(
        listed.stream().noneMatch(String::isBlank), "prompts must not be blank");
  }

  @Override
  public List<String> prompts(PromptRequest request) {
    return listed;
  }
}
