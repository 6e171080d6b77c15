package dev.ablation.langchain4j;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.PromptCollector;
import dev.ablation.anchor.PromptRequest;
import dev.ablation.anchor.PromptSource;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.ChatModel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Requests prompts from a chat model, as the paper does: captions that show a subject and contain
 * its name, or paraphrases of a caption. It requests more in the same conversation until there are
 * enough (Kumari et al. 2023, section 4).
 *
 * {@snippet class="dev.ablation.langchain4j.Snippets" region="local"}
 *
 * <p>The answers are checked ({@link PromptCollector}): no duplicates, the required word in each
 * prompt, exactly the requested number. An answer may be a numbered or bulleted list, quoted lines,
 * plain lines or a JSON array. A failed, empty or unusable answer is requested again, within the
 * limits below. A failure that a retry cannot fix (a wrong key, an unknown model) ends the request
 * at once.
 *
 * <p>A chat model answers differently each time. With {@link PromptSource#keptIn} a later run uses
 * the same prompts.
 *
 * @param model any chat model of LangChain4j; its own retries come on top, so {@code maxRetries(0)}
 *     is a good setting for it
 * @param perAnswer maximum number of captions to request at once, positive; default 50
 * @param maxAnswers maximum total number of answers, including failed ones, positive; default 20
 * @param timeout maximum time to wait for one answer, positive; default 2 minutes
 * @param pause pause after a failed answer, not negative; default 1 second
 */
@CheckReturnValue
public record ChatPrompts(
    ChatModel model, int perAnswer, int maxAnswers, Duration timeout, Duration pause)
    implements PromptSource {
  private static final int FAILURES_IN_A_ROW = 3;

  /**
   * Number of recent rounds in the conversation sent to the model; a round is an answer and a
   * request.
   */
  private static final int ROUNDS = 4;

  /** Checks the ranges. */
  public ChatPrompts {
    Objects.requireNonNull(model, "model");
    check(perAnswer > 0, "perAnswer must be positive, was ", perAnswer);
    check(maxAnswers > 0, "maxAnswers must be positive, was ", maxAnswers);
    check(!timeout.isNegative() && !timeout.isZero(), "timeout must be positive, was ", timeout);
    check(!pause.isNegative(), "pause must not be negative, was ", pause);
  }

  private static void check(boolean holds, String rule, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(rule + value);
    }
  }

  /**
   * Creates a source with the default limits.
   *
   * @param model any chat model of LangChain4j
   * @return the source
   */
  public static ChatPrompts of(ChatModel model) {
    return new ChatPrompts(model, 50, 20, Duration.ofMinutes(2), Duration.ofSeconds(1));
  }

  /**
   * Changes the number of captions to request at once. Small models lose count in long lists.
   *
   * @param perAnswer maximum number of captions, positive
   * @return a copy with the given number
   */
  public ChatPrompts perAnswer(int perAnswer) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Changes the total number of answers.
   *
   * @param maxAnswers maximum number of answers, positive; includes failed ones
   * @return a copy with the given number
   */
  public ChatPrompts maxAnswers(int maxAnswers) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Changes the time to wait for one answer, independently of the model's own timeout.
   *
   * @param timeout maximum time, positive
   * @return a copy with the given timeout
   */
  public ChatPrompts timeout(Duration timeout) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Changes the pause after a failed answer.
   *
   * @param pause the pause, not negative
   * @return a copy with the given pause
   */
  public ChatPrompts pause(Duration pause) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Holds one conversation with the model.
   *
   * @param request the request
   * @return the requested number of prompts, all different, each with the required word
   * @throws dev.ablation.anchor.TooFewPromptsException if the answers contained fewer
   * @throws InterruptedIOException if the thread was interrupted
   * @throws IOException if the model failed permanently, or 3 times in a row
   */
  @Override
  public List<String> prompts(PromptRequest request) throws IOException {
    PromptCollector collector = new PromptCollector(request);
    List<String> answers = new ArrayList<>();
    IOException failure = null;
    int failuresInARow = 0;
    int asked = 0;
    while (!collector.isComplete() && asked < maxAnswers) {
      asked++;
      try {
        String answer = answer(conversation(request, answers, wanted(collector)));
        failuresInARow = 0;
        if (!answer.isBlank()) {
          answers.add(answer);
          collector.offer(AnswerParser.captions(answer));
        }
      } catch (FailedAnswerException e) {
        failure = e;
        failuresInARow++;
        if (!e.mayPass || failuresInARow == FAILURES_IN_A_ROW) {
          throw givenUp(collector, request, failuresInARow, e);
        }
        sleep();
      }
    }
    return collector.complete(asked, failure);
  }

  /** Slightly more than are missing, because some will be rejected. */
  private int wanted(PromptCollector collector) {
    return (int) Math.min(perAnswer, collector.missing() + collector.missing() / 4L + 1);
  }

  private static List<ChatMessage> conversation(
      PromptRequest request, List<String> answers, int wanted) {
    List<ChatMessage> messages = new ArrayList<>();
    messages.add(SystemMessage.from(Asking.role()));
    messages.add(UserMessage.from(Asking.first(request, wanted)));
    for (String answer : answers.subList(Math.max(0, answers.size() - ROUNDS), answers.size())) {
      messages.add(AiMessage.from(answer));
      messages.add(UserMessage.from(Asking.more(request, wanted)));
    }
    return messages;
  }

  /**
   * Waits for one answer in a separate thread: not every model has a timeout, and the timeouts of
   * some end with the first byte.
   */
  private String answer(List<ChatMessage> messages) throws IOException {
    FutureTask<String> task = new FutureTask<>(() -> text(model.chat(messages).aiMessage()));
    Thread thread = new Thread(task, "chat-prompts");
    thread.setDaemon(true);
    thread.start();
    try {
      return task.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new FailedAnswerException("no answer within " + timeout, e, true);
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      if (cause instanceof Error error) {
        throw error;
      }
      String said = cause.getMessage();
      throw new FailedAnswerException(
          said == null || said.isBlank() ? cause.getClass().getSimpleName() : said.strip(),
          cause,
          !(cause instanceof NonRetriableException));
    } finally {
      task.cancel(true);
    }
  }

  private static String text(@Nullable AiMessage message) {
    String text = message == null ? null : message.text();
    return text == null ? "" : text;
  }

  private void sleep() throws IOException {
    try {
      TimeUnit.NANOSECONDS.sleep(pause.toNanos());
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static InterruptedIOException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    InterruptedIOException interrupted =
        new InterruptedIOException("interrupted while waiting for the chat model");
    interrupted.initCause(cause);
    return interrupted;
  }

  private static IOException givenUp(
      PromptCollector collector, PromptRequest request, int times, FailedAnswerException last) {
    return new IOException(
        "the chat model failed%s, with %d of %d prompts found: %s"
            .formatted(
                times == 1 ? "" : " " + times + " times in a row",
                collector.found().size(),
                request.count(),
                last.getMessage()),
        last.getCause());
  }

  /** Shows the limits but not the model, whose text may contain its key. */
  @Override
  public String toString() {
    return "ChatPrompts[%s, perAnswer=%d, maxAnswers=%d, timeout=%s, pause=%s]"
        .formatted(model.getClass().getSimpleName(), perAnswer, maxAnswers, timeout, pause);
  }

  /** An answer failed. */
  private static final class FailedAnswerException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Whether a retry may help. */
    private final boolean mayPass;

    FailedAnswerException(String message, Throwable cause, boolean mayPass) {
      super(message, cause);
      this.mayPass = mayPass;
    }
  }
}
