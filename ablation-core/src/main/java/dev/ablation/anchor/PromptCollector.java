package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.internal.Words;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Gathers prompts until a request is met, however many answers that takes. It takes a prompt if
 * that is new (case, spaces and punctuation do not count), contains the word that was asked for, is
 * not to be avoided, and is short enough for a caption; white space within it becomes one space.
 * For writers of a {@link PromptSource}; not thread-safe.
 */
public final class PromptCollector {
  /** The text encoders read 77 tokens; a text much longer than that is no caption. */
  static final int MAX_CHARACTERS = 600;

  private static final Pattern SPACE = Pattern.compile("[\\p{Z}\\s\\p{Cc}]+");
  private static final Pattern NO_WORD = Pattern.compile("[^\\p{L}\\p{M}\\p{N}]+");

  private final PromptRequest request;
  private final @Nullable Pattern word;
  private final Set<String> seen = new HashSet<>();
  private final List<String> found = new ArrayList<>();
  private int repeated;
  private int withoutWord;
  private int unusable;

  /**
   * Begins to gather.
   *
   * @param request to meet
   */
  public PromptCollector(PromptRequest request) {
    this.request = request;
    String asked = request.word();
    this.word = asked == null ? null : Words.ownWord(asked);
    request.avoid().forEach(prompt -> seen.add(key(prompt)));
    if (request.kind() == PromptRequest.Kind.PARAPHRASES) {
      seen.add(key(request.subject()));
    }
  }

  /**
   * Offers the prompts of an answer. What is offered after the request is met is dropped.
   *
   * @param prompts in the order in which they are preferred
   * @return how many were taken
   */
  public int offer(List<String> prompts) {
    int before = found.size();
    for (String prompt : prompts) {
      if (isComplete()) {
        break;
      }
      offer(prompt);
    }
    return found.size() - before;
  }

  private void offer(String prompt) {
    String text = SPACE.matcher(prompt).replaceAll(" ").strip();
    String key = key(text);
    if (key.isEmpty() || text.length() > MAX_CHARACTERS) {
      unusable++;
    } else if (word != null && !word.matcher(text).find()) {
      withoutWord++;
    } else if (!seen.add(key)) {
      repeated++;
    } else {
      found.add(text);
    }
  }

  /** {@return whether as many prompts were found as were asked for} */
  public boolean isComplete() {
    return found.size() == request.count();
  }

  /** {@return how many prompts are still missing} */
  public int missing() {
    return request.count() - found.size();
  }

  /** {@return what was found so far, in the order in which it was offered; a copy} */
  public List<String> found() {
    return List.copyOf(found);
  }

  /** {@return the request for what is still missing, which avoids what was found} */
  public PromptRequest rest() {
    Preconditions.checkState(!isComplete(), "nothing is missing");
    List<String> avoid = new ArrayList<>(request.avoid());
    avoid.addAll(found);
    return request.count(missing()).avoiding(avoid);
  }

  /**
   * Returns the prompts if the request is met.
   *
   * @param answers how many answers were offered, for the message
   * @return as many prompts as were asked for
   * @throws TooFewPromptsException if some are missing
   */
  public List<String> complete(int answers) {
    return complete(answers, null);
  }

  /**
   * Returns the prompts if the request is met.
   *
   * @param answers how many answers were offered, for the message
   * @param failure what went wrong on the way, becomes the cause, or {@code null}
   * @return as many prompts as were asked for
   * @throws TooFewPromptsException if some are missing
   */
  public List<String> complete(int answers, @Nullable Throwable failure) {
    if (isComplete()) {
      return found();
    }
    throw new TooFewPromptsException(message(answers), found, request.count(), failure);
  }

  private String message(int answers) {
    StringBuilder message = new StringBuilder();
    message.append("found ").append(found.size()).append(" of ").append(request.count());
    message.append(
        request.kind() == PromptRequest.Kind.PARAPHRASES
            ? " paraphrases of '"
            : " prompts about '");
    message.append(request.subject()).append("' in ").append(answers);
    message.append(answers == 1 ? " answer" : " answers");
    List<String> left = new ArrayList<>();
    if (repeated > 0) {
      left.add(repeated + " known already");
    }
    if (withoutWord > 0) {
      left.add(withoutWord + " without the word '" + request.word() + "'");
    }
    if (unusable > 0) {
      left.add(unusable + " blank or longer than " + MAX_CHARACTERS + " characters");
    }
    if (!left.isEmpty()) {
      message.append("; left out: ").append(String.join(", ", left));
    }
    return message.toString();
  }

  /** What makes two prompts the same: their letters and digits, word for word. */
  private static String key(String prompt) {
    String plain = Normalizer.normalize(prompt, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    return NO_WORD.matcher(plain).replaceAll(" ").strip();
  }
}
