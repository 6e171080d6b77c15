package dev.ablation.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.anchor.PromptRequest;
import dev.ablation.anchor.TooFewPromptsException;
import dev.ablation.langchain4j.LoopbackChatServer.Message;
import dev.ablation.langchain4j.LoopbackChatServer.Raw;
import dev.ablation.langchain4j.LoopbackChatServer.Reply;
import dev.ablation.langchain4j.LoopbackChatServer.Says;
import dev.ablation.langchain4j.LoopbackChatServer.SaysNothing;
import dev.ablation.langchain4j.LoopbackChatServer.Silence;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.model.openai.OpenAiChatModel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChatPromptsTest {
  private static final PromptRequest THREE_CATS = PromptRequest.captions("cat", 3);
  private static final Raw BROKEN = new Raw(500, "{\"error\":{\"message\":\"out of order\"}}");

  private LoopbackChatServer server;

  @AfterEach
  void close() {
    if (server != null) {
      server.close();
    }
  }

  private ChatPrompts chat(Reply... replies) throws IOException {
    server = new LoopbackChatServer(replies);
    return chat(server.baseUrl());
  }

  private static ChatPrompts chat(String baseUrl) {
    return ChatPrompts.of(
            OpenAiChatModel.builder()
                .baseUrl(baseUrl)
                .apiKey("none")
                .modelName("scripted")
                .maxRetries(0)
                .build())
        .pause(Duration.ZERO);
  }

  @Test
  void asksOnInTheSameConversation() throws IOException {
    ChatPrompts chat =
        chat(
            new Says("1. A cat on a roof\n2. a CAT on a roof!\n3. A dog"),
            new Says("- Two cats\n- One cat more\n- x cat"));
    assertThat(chat.prompts(THREE_CATS))
        .containsExactly("A cat on a roof", "Two cats", "One cat more");
    List<List<Message>> asked = server.asked();
    assertThat(asked).hasSize(2);
    assertThat(asked.get(0)).extracting(Message::role).containsExactly("system", "user");
    assertThat(asked.get(0).get(1).text()).contains("4 captions").contains("the word \"cat\"");
    assertThat(asked.get(1))
        .extracting(Message::role)
        .containsExactly("system", "user", "assistant", "user");
    assertThat(asked.get(1).get(2).text()).contains("a CAT on a roof!");
    assertThat(asked.get(1).get(3).text()).contains("3 further captions").contains("\"cat\"");
  }

  @Test
  void asksForParaphrasesUnlikeThoseKnown() throws IOException {
    ChatPrompts chat =
        chat(
            new Says(
                "1. At dawn, a boat\n2. A boat at dawn\n3. A vessel early in the day\n4. A ship"));
    PromptRequest request =
        PromptRequest.paraphrases("a boat at dawn", 2).avoiding(List.of("at dawn a boat"));
    assertThat(chat.prompts(request)).containsExactly("A vessel early in the day", "A ship");
    assertThat(server.asked().get(0).get(1).text())
        .contains("Caption: a boat at dawn")
        .contains("- at dawn a boat")
        .doesNotContain("the word");
  }

  @Test
  void asksForLongListsInPieces() throws IOException {
    Reply[] answers =
        IntStream.range(0, 12)
            .mapToObj(i ->
                new Says(
                    IntStream.range(0, 20)
                        .mapToObj(k -> (k + 1) + ". a cat, image " + (20 * i + k))
                        .collect(Collectors.joining("\n"))))
            .toArray(Reply[]::new);
    List<String> prompts = chat(answers).perAnswer(20).prompts(PromptRequest.captions("cat", 200));
    assertThat(prompts).hasSize(200).doesNotHaveDuplicates();
    assertThat(server.asked()).hasSize(10);
    assertThat(server.asked().get(9))
        .as("the rule, the first wish and the last rounds")
        .hasSize(10)
        .first()
        .extracting(Message::role)
        .isEqualTo("system");
    assertThat(server.asked().get(9).get(1).text()).contains("captions, each for another image");
  }

  @Test
  void badAnswersAreAskedForAgain() throws IOException {
    ChatPrompts chat =
        chat(
            BROKEN,
            new Says(""),
            new SaysNothing(),
            new Raw(200, "this is not JSON"),
            new Raw(429, "{\"error\":{\"message\":\"slow down\"}}"),
            new Says("I'm sorry, I can't help with that."),
            new Says("[\"a cat\", \"two cats\", \"the cat\"]"));
    assertThat(chat.prompts(THREE_CATS)).containsExactly("a cat", "two cats", "the cat");
    assertThat(server.asked()).hasSize(7);
  }

  @Test
  void saysHowManyWereFoundWithinTheLimit() throws IOException {
    ChatPrompts chat =
        chat(
            new Says("1. a cat\n2. a dog"), BROKEN, new Says("1. A cat."), new Says("1. two dogs"));
    assertThatExceptionOfType(TooFewPromptsException.class)
        .isThrownBy(() -> chat.maxAnswers(6).prompts(THREE_CATS))
        .withMessage(
            "found 1 of 3 prompts about 'cat' in 6 answers; rejected: 1 duplicates,"
                + " 2 without the word 'cat'")
        .withCauseInstanceOf(IOException.class)
        .satisfies(failure -> assertThat(failure.found()).containsExactly("a cat"));
    assertThat(server.asked()).hasSize(6);
  }

  @Test
  void givesUpWhenAnswersFailInARow() throws IOException {
    ChatPrompts chat = chat(new Says("1. a cat"), BROKEN, BROKEN, BROKEN);
    assertThatIOException()
        .isThrownBy(() -> chat.prompts(THREE_CATS))
        .withMessageStartingWith(
            "the chat model failed 3 times in a row, with 1 of 3 prompts found: ")
        .withMessageContaining("out of order")
        .withCauseInstanceOf(InternalServerException.class);
    assertThat(server.asked()).hasSize(4);
  }

  @Test
  void aWrongKeyEndsItAtOnce() throws IOException {
    ChatPrompts chat = chat(new Raw(401, "{\"error\":{\"message\":\"wrong key\"}}"));
    assertThatIOException()
        .isThrownBy(() -> chat.prompts(THREE_CATS))
        .withMessageStartingWith("the chat model failed, with 0 of 3 prompts found: ")
        .withMessageContaining("wrong key")
        .withCauseInstanceOf(AuthenticationException.class);
    assertThat(server.asked()).hasSize(1);
  }

  @ParameterizedTest(name = "after the headers: {0}")
  @ValueSource(booleans = {false, true})
  void aSilentServerIsNotWaitedForForever(boolean afterHeaders) throws IOException {
    Silence silence = new Silence(afterHeaders);
    ChatPrompts chat = chat(silence, silence, silence).timeout(Duration.ofMillis(200));
    assertThatIOException()
        .isThrownBy(() -> chat.prompts(THREE_CATS))
        .withMessage(
            "the chat model failed 3 times in a row, with 0 of 3 prompts found: no answer within"
                + " PT0.2S")
        .withCauseInstanceOf(TimeoutException.class);
  }

  @Test
  void aServerThatIsNotThereIsAClearFailure() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      port = free.getLocalPort();
    }
    assertThatIOException()
        .isThrownBy(() -> chat("http://127.0.0.1:" + port + "/v1").prompts(THREE_CATS))
        .withMessageContaining("the chat model failed")
        .withMessageContaining("onnect");
  }

  @Test
  void anInterruptEndsTheWaiting() throws Exception {
    ChatPrompts chat = chat(new Silence(false));
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread thread =
        new Thread(() -> {
          try {
            chat.prompts(THREE_CATS);
          } catch (IOException e) {
            thrown.set(e);
          }
        });
    thread.start();
    thread.interrupt();
    thread.join();
    assertThat(thrown.get()).isInstanceOf(InterruptedIOException.class);
  }

  @Test
  void refusesWrongLimitsAtTheCall() {
    ChatPrompts chat = chat("http://127.0.0.1:1/v1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> chat.perAnswer(0))
        .withMessage("perAnswer must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> chat.maxAnswers(0))
        .withMessage("maxAnswers must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> chat.timeout(Duration.ZERO))
        .withMessage("timeout must be positive, was PT0S");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> chat.pause(Duration.ofSeconds(-1)))
        .withMessage("pause must not be negative, was PT-1S");
    assertThat(chat.toString()).doesNotContain("none").contains("perAnswer=50");
  }
}
