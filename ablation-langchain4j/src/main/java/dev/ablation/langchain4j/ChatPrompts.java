package dev.ablation.langchain4j;

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
 * Asks a chat model for prompts, as the paper does: for captions that show something and contain
 * its name, or for other wordings of a caption; then, in the same conversation, for more, until
 * there are enough (Kumari et al. 2023, section 4). Every method returns a changed copy.
 *
 * {@snippet class="dev.ablation.langchain4j.Snippets" region="local"}
 *
 * <p>The answers are checked ({@link PromptCollector}): no repetitions, the word in each prompt,
 * exactly as many as asked for. An answer may be a numbered or bulleted list, quoted lines, plain
 * lines or a JSON array. A failed, empty or useless answer is asked for again, within the limits
 * below; a failure that asking again cannot mend (a wrong key, an unknown model) ends it at once.
 *
 * <p>A chat model answers differently each time. {@link PromptSource#keptIn} makes a later run use
 * the same prompts.
 *
 * @param model any chat model of LangChain4j; its own retries come on top, so {@code maxRetries(0)}
 *     suits it
 * @param perAnswer most captions to ask for at once, positive; 50 unless changed
 * @param maxAnswers most answers to ask for in all, failed ones included, positive; 20 unless
 *     changed
 * @param timeout longest time to wait for one answer, positive; 2 minutes unless changed
 * @param pause to make after a failed answer, not negative; 1 second unless changed
 */
public record ChatPrompts(
    ChatModel model, int perAnswer, int maxAnswers, Duration timeout, Duration pause)
    implements PromptSource {
  private static final int FAILURES_IN_A_ROW = 3;

  /** The last rounds of the conversation that the model is shown; each is an answer and a wish. */
  private static final int ROUNDS = 4;

  /** Checks the limits. */
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
   * Asks a chat model, within the limits named above.
   *
   * @param model any chat model of LangChain4j
   * @return the source
   */
  public static ChatPrompts of(ChatModel model) {
    return new ChatPrompts(model, 50, 20, Duration.ofMinutes(2), Duration.ofSeconds(1));
  }

  /**
   * Changes how many captions are asked for at once. Small models lose count in long lists.
   *
   * @param perAnswer positive
   * @return a changed copy
   */
  public ChatPrompts perAnswer(int perAnswer) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Changes how many answers are asked for in all.
   *
   * @param maxAnswers positive; failed answers count
   * @return a changed copy
   */
  public ChatPrompts maxAnswers(int maxAnswers) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Changes how long to wait for one answer, whatever the model's own limit is.
   *
   * @param timeout positive
   * @return a changed copy
   */
  public ChatPrompts timeout(Duration timeout) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Changes how long to pause after a failed answer.
   *
   * @param pause not negative
   * @return a changed copy
   */
  public ChatPrompts pause(Duration pause) {
    return new ChatPrompts(model, perAnswer, maxAnswers, timeout, pause);
  }

  /**
   * Holds one conversation with the model.
   *
   * @param request what to ask for
   * @return as many prompts as asked for, all different, each with the word
   * @throws dev.ablation.anchor.TooFewPromptsException if the answers held fewer
   * @throws InterruptedIOException if the thread was interrupted
   * @throws IOException if the model failed for good, or 3 times in a row
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

  /** Somewhat more than is missing, for some will be dropped. */
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
   * Waits for one answer in a thread of its own: not every model has a limit, and those that have
   * one often stop watching once the first byte is there.
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

  /** Says what the limits are; a model may know its key. */
  @Override
  public String toString() {
    return "ChatPrompts[%s, perAnswer=%d, maxAnswers=%d, timeout=%s, pause=%s]"
        .formatted(model.getClass().getSimpleName(), perAnswer, maxAnswers, timeout, pause);
  }

  /** One answer did not come. */
  private static final class FailedAnswerException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Whether asking again may help. */
    private final boolean mayPass;

    FailedAnswerException(String message, Throwable cause, boolean mayPass) {
      super(message, cause);
      this.mayPass = mayPass;
    }
  }
}
