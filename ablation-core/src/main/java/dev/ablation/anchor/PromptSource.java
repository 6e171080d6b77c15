package dev.ablation.anchor;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.PromptFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A source of prompts: a list, a file, a chat model, a person.
 *
 * {@snippet class="dev.ablation.Snippets" region="prompt-source"}
 *
 * <p>A source may return too few or too many prompts, duplicates, or prompts without the required
 * word; {@link #checked()} handles this. Methods that accept a source (such as {@link
 * AnchorStrategy#generated(String, PromptSource)}) check its answers themselves.
 */
@FunctionalInterface
@CheckReturnValue
public interface PromptSource {

  /**
   * Returns prompts.
   *
   * @param request the subject, the number of prompts, and prompts to avoid
   * @return prompts of one line each, approximately as many as requested
   * @throws IOException if they cannot be read or fetched
   * @throws IllegalArgumentException if this source has no prompts of that kind
   * @throws TooFewPromptsException if this source is checked and found too few
   */
  List<String> prompts(PromptRequest request) throws IOException;

  /**
   * Returns a source that checks this one's answers: exactly the requested number of prompts, all
   * different (ignoring case, spaces and punctuation), none of those to avoid, each with the
   * required word. It queries this source up to 10 times for missing prompts.
   *
   * @return the checked source
   */
  default PromptSource checked() {
    return checked(10);
  }

  /**
   * Returns a source that checks this one's answers as {@link #checked()} does.
   *
   * @param attempts maximum number of queries before {@link TooFewPromptsException}, positive
   * @return the checked source
   */
  default PromptSource checked(int attempts) {
    return new CheckedPrompts(this, attempts);
  }

  /**
   * Returns a checked source that caches this one's answers as text files: the same request gives
   * the same prompts in a later run, so that cached images of them can be reused. You may read and
   * edit the files.
   *
   * @param folder folder for the answers of this source alone; created if it does not exist
   * @return a source that queries this one at most once for each request
   */
  default PromptSource keptIn(Path folder) {
    return new PromptCache(checked(), folder);
  }

  /**
   * Creates a source from a list. It returns the whole list for every request.
   *
   * @param prompts the prompts, at least one, none blank
   * @return the source
   */
  static PromptSource of(List<String> prompts) {
    return new ListedPrompts(prompts);
  }

  /**
   * Creates a source from a file, which is read at each request.
   *
   * @param file UTF-8 text, one prompt a line; blank lines are skipped
   * @return the source
   */
  static PromptSource file(Path file) {
    return request -> PromptFile.read(file);
  }

  /**
   * Creates a source of the captions in this library: at least 200 for each name that {@link
   * AnchorStrategy#generated(String)} lists, and 30 general ones for any other name. It has no
   * paraphrases.
   *
   * @return the source
   */
  static PromptSource builtIn() {
    return BuiltInPrompts::answer;
  }
}
