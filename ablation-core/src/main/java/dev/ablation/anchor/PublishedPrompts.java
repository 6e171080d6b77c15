package dev.ablation.anchor;

import dev.ablation.internal.PromptFile;
import dev.ablation.internal.Words;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Prompt lists that a chat model wrote and nobody checked, such as the paper's own. */
final class PublishedPrompts {
  private static final Logger LOG = LoggerFactory.getLogger(PublishedPrompts.class);

  private PublishedPrompts() {}

  /** Returns the prompts that contain the name as a word of its own, and reports the others. */
  static List<String> containing(String name, Path file) throws IOException {
    List<String> all = PromptFile.read(file);
    Pattern word = Words.ownWord(name);
    List<String> kept = all.stream().filter(prompt -> word.matcher(prompt).find()).toList();
    if (kept.isEmpty()) {
      throw new IOException(
          "%s: must contain a prompt with the word '%s', but none of its %d prompts has it"
              .formatted(file, name, all.size()));
    }
    if (kept.size() < all.size()) {
      LOG.warn(
          "{}: {} of {} prompts are skipped, because they do not contain the word '{}'",
          file,
          all.size() - kept.size(),
          all.size(),
          name);
    }
    return kept;
  }
}
