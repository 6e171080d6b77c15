package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.concept.Concept;
import dev.ablation.concept.StyleTemplates;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class OtherStyleAnchorsTest {
  private static final Concept TARGET = Concept.style("Monet");
  private static final List<String> STYLES = List.of("Hokusai", "Paul Klee", "Giotto", "Bosch");
  private static final List<String> SUBJECTS =
      IntStream.range(0, 100).mapToObj(i -> "a boat number " + i).toList();

  private final OtherStyleAnchors anchors =
      AnchorStrategy.otherStyles(STYLES, AnchorStrategy.generated("painting", SUBJECTS));

  private static String styleOf(String prompt) {
    return STYLES.stream().filter(prompt::contains).findFirst().orElseThrow();
  }

  @Test
  void everySubjectMeetsEveryStyle() {
    assertThat(anchors.prompts(TARGET)).hasSize(400).doesNotHaveDuplicates();
  }

  @Test
  void theFirstPromptsAlreadyMixStylesAndForms() {
    List<String> first = anchors.prompts(TARGET).subList(0, 100);
    Map<String, Integer> styles = new HashMap<>();
    first.forEach(prompt -> styles.merge(styleOf(prompt), 1, Integer::sum));
    assertThat(styles.keySet()).containsExactlyInAnyOrderElementsOf(STYLES);
    assertThat(styles.values()).allMatch(count -> count >= 10 && count <= 45);
    assertThat(first).anyMatch(p -> p.startsWith("in ")).anyMatch(p -> p.startsWith("a boat"));
    assertThat(SUBJECTS).allMatch(s -> first.stream().filter(p -> contains(p, s)).count() == 1);
  }

  private static boolean contains(String prompt, String subject) {
    return prompt.endsWith(subject) || prompt.contains(subject + ",");
  }

  @Test
  void theTargetTakesTheOtherStylesPlace() {
    for (String prompt : anchors.prompts(TARGET)) {
      assertThat(anchors.targetPrompts(TARGET, prompt))
          .containsExactly(prompt.replace(styleOf(prompt), "Monet"));
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.targetPrompts(TARGET, "a boat"))
        .withMessage("'a boat' must be one of the prompts of the anchor 'other styles'");
  }

  @Test
  void takesTheFormsOfTheTarget() {
    Concept own =
        Concept.style("Monet", new StyleTemplates("own", List.of("{prompt} in {name} style")));
    assertThat(anchors.prompts(own))
        .allMatch(prompt ->
            prompt.equals(
                "a boat number "
                    + prompt.replaceAll("\\D", "")
                    + " in "
                    + styleOf(prompt)
                    + " style"));
  }

  @Test
  void refusesWhatCannotStandInForTheTarget() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.prompts(Concept.instance("grumpy cat")))
        .withMessage(
            "the anchor 'other styles' needs a style as target, was instance 'grumpy cat'");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchors.prompts(Concept.style("giotto")))
        .withMessageContaining("other styles must not contain the target 'giotto'");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            AnchorStrategy.otherStyles(
                    STYLES, AnchorStrategy.generated("painting", List.of("a copy of a monet")))
                .prompts(TARGET))
        .withMessage("subject 'a copy of a monet' must not name the target 'Monet'");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> AnchorStrategy.otherStyles(List.of(), AnchorStrategy.generated("painting")))
        .withMessage("styles must not be empty");
  }

  @Test
  void itsSettingsNameTheStyles() {
    assertThat(anchors.settings(TARGET))
        .containsEntry("anchor.styles", "Hokusai, Paul Klee, Giotto, Bosch")
        .containsEntry("anchor.prompts", "400");
  }
}
