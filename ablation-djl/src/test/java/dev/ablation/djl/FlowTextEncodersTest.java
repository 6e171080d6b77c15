package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.flux.FluxTextEncoders;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.sd3.SD3TextEncoders;
import dev.ablation.djl.sd3.SD3TextEncoders.Prompts;
import dev.ablation.djl.t5.T5TextEncoder;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the text encoders of a pipeline refuse, and what they do not see. */
class FlowTextEncodersTest {
  private final NDManager manager = FlowGolden.manager();
  private ClipTextEncoder first;
  private ClipTextEncoder second;
  private T5TextEncoder third;

  @BeforeEach
  void open() throws IOException {
    Family family = FlowGolden.families("StableDiffusion3Pipeline").get(0);
    List<String> clip = family.components("CLIPTextModelWithProjection");
    first = FlowGolden.clip(family, clip.get(0), manager);
    second = FlowGolden.clip(family, clip.get(1), manager);
    third = FlowGolden.t5(family, manager);
  }

  @AfterEach
  void close() {
    first.tokenizer().close();
    second.tokenizer().close();
    third.tokenizer().close();
    manager.close();
  }

  private SD3TextEncoders encoders() {
    return new SD3TextEncoders(first, second, third, third.model().config().width());
  }

  @Test
  void everyEncoderSaysWhatItDoesNotSee() {
    String prompt = "cat ".repeat(100) + "dog";
    Map<String, String> ends = encoders().cut(prompt);
    assertThat(ends).containsOnlyKeys("text_encoder", "text_encoder_2");
    assertThat(ends.values()).allMatch(end -> prompt.endsWith(end) && end.length() > 3);
    assertThat(new FluxTextEncoders(first, third).cut(prompt))
        .containsExactly(Map.entry("text_encoder", ends.get("text_encoder")));
    String longer = prompt.repeat(10);
    assertThat(encoders().cut(longer))
        .containsOnlyKeys("text_encoder", "text_encoder_2", "text_encoder_3");
    assertThat(encoders().cut("a cat")).isEmpty();
  }

  @Test
  void withoutT5ItsEmbeddingsAreZeros() {
    int width = third.model().config().width();
    SD3TextEncoders encoders = new SD3TextEncoders(first, second, null, width);
    assertThat(encoders.cut("cat ".repeat(1000)))
        .containsOnlyKeys("text_encoder", "text_encoder_2");
    NDList out =
        GradMode.with(false, () -> encoders.encode(Prompts.of(List.of("a cat")), 0, 5, manager));
    long clip = first.tokenizer().contextLength();
    assertThat(out.get(0).getShape()).isEqualTo(new Shape(1, clip + 5, width));
    try (NDArray t5 = out.get(0).get(":, " + clip + ":")) {
      assertThat(t5.toFloatArray()).containsOnly(0);
    }
  }

  @Test
  void refusesWidthsThatDoNotFit() {
    assertThatThrownBy(() -> new SD3TextEncoders(first, second, third, 96))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("joint_attention_dim", "96", "d_model");
    assertThatThrownBy(() -> new SD3TextEncoders(first, second, null, 8))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("joint_attention_dim", "8", "hidden_size");
  }

  @Test
  void refusesPromptsOfDifferentNumbers() {
    List<String> two = List.of("a", "b");
    assertThatThrownBy(() -> new Prompts(two, two, List.of("a")))
        .hasMessageContaining("were 2, 2 and 1");
    assertThatThrownBy(() -> Prompts.of(List.of())).hasMessageContaining("were 0, 0 and 0");
    FluxTextEncoders flux = new FluxTextEncoders(first, third);
    assertThatThrownBy(() -> flux.encode(two, List.of("a"), 8, manager))
        .hasMessageContaining("were 2 and 1");
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 1000})
  void refusesToSkipLayersThatClipLacks(int skip) {
    assertThatThrownBy(() -> first.encode(List.of("a"), skip, manager))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("clipSkip must be in 0..", "was " + skip);
  }
}
