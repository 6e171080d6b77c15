package dev.ablation.anchor;

import dev.ablation.internal.PromptFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Thinks of prompts: a list, a file, a chat model, a colleague.
 *
 * {@snippet class="dev.ablation.Snippets" region="prompt-source"}
 *
 * <p>A source may give too few prompts, too many, some twice, or some without the word that was
 * asked for; {@link #checked()} mends that. What takes a source (such as {@link
 * AnchorStrategy#generated(String, PromptSource)}) checks by itself.
 */
@FunctionalInterface
public interface PromptSource {

  /**
   * Returns prompts.
   *
   * @param request what about, how many, what to avoid
   * @return prompts of one line each; about as many as asked for
   * @throws IOException if they cannot be read or fetched
   * @throws IllegalArgumentException if this source has no prompts of that kind
   * @throws TooFewPromptsException if this source is checked and found too few
   */
  List<String> prompts(PromptRequest request) throws IOException;

  /**
   * Returns this source with its answers checked: exactly as many prompts as asked for, all
   * different (case, spaces and punctuation do not count), none of those to avoid, each with the
   * word. The source is asked up to 10 times for what is missing.
   *
   * @return the checked source
   */
  default PromptSource checked() {
    return checked(10);
  }

  /**
   * Returns this source with its answers checked as {@link #checked()} does.
   *
   * @param attempts how often to ask before giving up with {@link TooFewPromptsException}, positive
   * @return the checked source
   */
  default PromptSource checked(int attempts) {
    return new CheckedPrompts(this, attempts);
  }

  /**
   * Returns this source, checked, with its answers kept as text files: the same request gives the
   * same prompts in a later run, so images drawn from them are found again. The files may be read,
   * and edited.
   *
   * @param folder for the answers of this source alone; is created if it is missing
   * @return the source that asks at most once
   */
  default PromptSource keptIn(Path folder) {
    return new PromptCache(checked(), folder);
  }

  /**
   * Prompts in a list. Whatever the request is about, all of them are offered.
   *
   * @param prompts at least one, none blank
   * @return the source
   */
  static PromptSource of(List<String> prompts) {
    return new ListedPrompts(prompts);
  }

  /**
   * Prompts in a file, read when they are asked for.
   *
   * @param file UTF-8 text, one prompt a line; blank lines are skipped
   * @return the source
   */
  static PromptSource file(Path file) {
    return request -> PromptFile.read(file);
  }

  /**
   * The captions that come with this library: at least 200 for each of the names that {@link
   * AnchorStrategy#generated(String)} lists, and 30 general ones for any other. It has no
   * paraphrases.
   *
   * @return the source
   */
  static PromptSource builtIn() {
    return BuiltInPrompts::answer;
  }
}
