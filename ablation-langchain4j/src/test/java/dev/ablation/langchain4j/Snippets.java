package dev.ablation.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.PromptSource;
import dev.ablation.concept.Concept;
import dev.ablation.langchain4j.LoopbackChatServer.Says;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.openai.OpenAiChatModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of this module's Javadoc, each inside of a test. {@link SnippetsTest} runs them. */
class Snippets {
  @TempDir private Path folder;

  @Test
  void hosted() {
    String key = "a key";
    // @start region="hosted"
    ChatModel model = OpenAiChatModel.builder().apiKey(key).modelName("gpt-4o-mini").build();
    PromptSource prompts = ChatPrompts.of(model);
    // @end
    assertThat(prompts.toString()).contains("OpenAiChatModel").doesNotContain(key);
  }

  @Test
  void local() throws IOException {
    String captions =
        IntStream.range(0, 200)
            .mapToObj(i -> "a horse in scene " + i)
            .collect(Collectors.joining("\n"));
    try (LoopbackChatServer server = new LoopbackChatServer(new Says(captions))) {
      String baseUrl = server.baseUrl();
      // @start region="local"
      ChatModel model =
          OpenAiChatModel.builder()
              .baseUrl(baseUrl) // such as "http://localhost:11434/v1"
              .apiKey("none")
              .modelName("llama3")
              .timeout(Duration.ofMinutes(5))
              .maxRetries(0) // ChatPrompts asks again by itself
              .build();
      PromptSource prompts = ChatPrompts.of(model).timeout(Duration.ofMinutes(5));
      AnchorStrategy horses =
          AnchorStrategy.generated("horse", prompts.keptIn(folder.resolve("llama3")));
      // @end
      assertThat(horses.prompts(Concept.instance("white horse"))).hasSize(200);
    }
  }
}
