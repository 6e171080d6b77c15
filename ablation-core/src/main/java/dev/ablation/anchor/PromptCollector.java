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
 * Collects prompts from any number of answers until a request is met. It accepts a prompt that is
 * new (ignoring case, spaces and punctuation), contains the required word, is not one to avoid, and
 * is short enough for a caption. White space within a prompt becomes one space. For implementations
 * of {@link PromptSource}; not thread-safe.
 */
public final class PromptCollector {
  /** Text encoders read 77 tokens; a text much longer than that is not a caption. */
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
   * Creates an empty collector.
   *
   * @param request the request to meet
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
   * Offers the prompts of an answer. Prompts offered after the request is met are dropped.
   *
   * @param prompts the prompts in order of preference
   * @return the number of accepted prompts
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

  /** {@return whether the requested number of prompts was found} */
  public boolean isComplete() {
    return found.size() == request.count();
  }

  /** {@return the number of missing prompts} */
  public int missing() {
    return request.count() - found.size();
  }

  /** {@return a copy of the prompts found so far, in the order in which they were offered} */
  public List<String> found() {
    return List.copyOf(found);
  }

  /** {@return a request for the missing prompts that avoids those found} */
  public PromptRequest rest() {
    Preconditions.checkState(!isComplete(), "the request is met: no prompts are missing");
    List<String> avoid = new ArrayList<>(request.avoid());
    avoid.addAll(found);
    return request.count(missing()).avoiding(avoid);
  }

  /**
   * Returns the prompts if the request is met.
   *
   * @param answers number of answers, for the message
   * @return the requested number of prompts
   * @throws TooFewPromptsException if prompts are missing
   */
  public List<String> complete(int answers) {
    return complete(answers, null);
  }

  /**
   * Returns the prompts if the request is met.
   *
   * @param answers number of answers, for the message
   * @param failure the error that ended the search, which becomes the cause; {@code null} if there
   *     was none
   * @return the requested number of prompts
   * @throws TooFewPromptsException if prompts are missing
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
      left.add(repeated + " duplicates");
    }
    if (withoutWord > 0) {
      left.add(withoutWord + " without the word '" + request.word() + "'");
    }
    if (unusable > 0) {
      left.add(unusable + " blank or longer than " + MAX_CHARACTERS + " characters");
    }
    if (!left.isEmpty()) {
      message.append("; rejected: ").append(String.join(", ", left));
    }
    return message.toString();
  }

  /**
   * Two prompts with the same key count as equal: it has only their letters and digits, word for
   * word.
   */
  private static String key(String prompt) {
    String plain = Normalizer.normalize(prompt, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    return NO_WORD.matcher(plain).replaceAll(" ").strip();
  }
}
