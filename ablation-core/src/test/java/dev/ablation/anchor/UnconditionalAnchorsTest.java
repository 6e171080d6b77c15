package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.concept.Concept;
import dev.ablation.concept.StyleTemplates;
import java.util.List;
import org.junit.jupiter.api.Test;

class UnconditionalAnchorsTest {
  private final UnconditionalAnchors anchors = AnchorStrategy.unconditional();

  @Test
  void theOnlyAnchorPromptIsEmpty() {
    assertThat(anchors.prompts(Concept.style("Monet"))).containsExactly("");
    assertThat(anchors.name()).isEqualTo("unconditional");
    assertThat(anchors.images()).isEqualTo(1000);
  }

  @Test
  void aStyleIsSaidAlone() {
    assertThat(anchors.targetPrompts(Concept.style("Monet"), ""))
        .containsExactlyInAnyOrder("in the style of Monet", "in Monet's style");
    assertThat(anchors.targetPrompts(Concept.style("Monet", StyleTemplates.paper()), ""))
        .contains("Monet inspired painting", "in the style of Monet Monet")
        .noneMatch(prompt -> prompt.contains(",") || !prompt.equals(prompt.strip()));
  }

  @Test
  void anInstanceIsSaidInUsualForms() {
    assertThat(anchors.targetPrompts(Concept.instance("grumpy cat"), ""))
        .containsExactly(
            "grumpy cat",
            "a photo of grumpy cat",
            "a picture of grumpy cat",
            "an image of grumpy cat");
  }

  @Test
  void formsCanBeChosen() {
    UnconditionalAnchors own = anchors.targetForms(List.of("{name}", "my {name}"));
    assertThat(own.targetPrompts(Concept.instance("R2D2"), "")).containsExactly("R2D2", "my R2D2");
    assertThat(own.settings(Concept.instance("R2D2")))
        .containsEntry("anchor.targetPrompts", "R2D2 | my R2D2")
        .containsEntry("anchor.name", "unconditional");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.targetForms(List.of("a photo")))
        .withMessage("form must contain {name}, was 'a photo'");
  }
}
