package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.Ablation;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every concept that the embedded model knows has a sensible ablation and evaluation. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EmojiAblationTest {
  private StableDiffusion model;
  private EmbeddedEvaluator evaluator;

  @BeforeAll
  void open() throws IOException {
    model = EmbeddedModel.open();
    evaluator = EmbeddedEvaluator.open();
  }

  @AfterAll
  void close() {
    evaluator.close();
    model.close();
  }

  static Stream<String> styles() {
    return EmbeddedModel.styles().stream();
  }

  static Stream<String> concepts() {
    return EmbeddedModel.concepts().stream().map(EmojiConcept::name);
  }

  @ParameterizedTest
  @MethodSource("styles")
  void aStyleHasPromptsOfItsOwn(String style) {
    check(EmojiAblation.style(style.toUpperCase(Locale.ROOT), EmojiAblation.NO_STYLE), style);
    check(EmojiAblation.style(style), style);
  }

  @ParameterizedTest
  @MethodSource("concepts")
  void aThingHasPromptsOfItsOwn(String concept) {
    check(EmojiAblation.instance(concept), concept);
  }

  @Test
  void thePlantedImageIsShownByItsCaption() {
    EmojiAblation ablation = EmojiAblation.planted();
    String caption = EmbeddedModel.plantedCaption();
    TargetAnchor pair = ablation.plan(model).pairs().get(0);
    assertThat(pair.anchor().prompts(pair.target())).hasSize(8).doesNotContain(caption);
    Evaluation evaluation = ablation.evaluation(evaluator);
    assertThat(of(evaluation, Role.TARGET).get(0).prompts()).containsOnly(caption);
    assertThat(of(evaluation, Role.NEIGHBOUR)).hasSize(6);
    assertThat(evaluation.check(model)).isEmpty();
  }

  @Test
  void theRestOfAPromptIsWhatItsColumnShows() {
    Evaluation style =
        EmojiAblation.style("blueprint").alsoNamed("cyanotype").evaluation(evaluator);
    assertThat(of(style, Role.TARGET).get(0).rests())
        .isEqualTo(EmojiAblation.style("blueprint").columns());
    assertThat(of(style, Role.ALIAS).get(0).prompts())
        .hasSize(6)
        .allMatch(prompt -> prompt.endsWith(" in cyanotype style"));
    assertThat(style.check(model)).isEmpty();
    EmojiAblation cat = EmojiAblation.instance("cat face").alsoNamed("kitty");
    Evaluation thing = cat.evaluation(evaluator);
    assertThat(of(thing, Role.TARGET).get(0).rests()).isEqualTo(EmbeddedModel.styles());
    assertThat(of(thing, Role.ALIAS).get(0).prompts()).contains("a kitty in ink style");
    assertThat(thing.check(model)).isEmpty();
    TargetAnchor pair = cat.plan(model).pairs().get(0);
    assertThat(pair.anchor().targetPrompts(pair.target(), "a dog face emoji"))
        .containsExactly("a cat face emoji", "a kitty emoji");
    assertThat(EmojiAblation.planted().evaluation(evaluator).subjects())
        .allMatch(subject -> subject.rests().isEmpty());
  }

  @Test
  void theNearestNeighboursAreFoundAndCanBeChosenFrom() {
    EmojiAblation cat = EmojiAblation.instance("cat face");
    List<NearConcept> found = cat.nearest(model, evaluator);
    assertThat(found)
        .hasSize(EmbeddedModel.concepts().size() - 2)
        .extracting(NearConcept::name)
        .doesNotContain("cat face", "dog face");
    assertThat(found.subList(0, 8))
        .filteredOn(near -> EmbeddedModel.categoryOf(near.name()).equals("animal"))
        .hasSizeGreaterThan(3);
    Evaluation evaluation = cat.neighbours(found.subList(0, 3)).evaluation(evaluator);
    assertThat(evaluation.foundNeighbours()).isEqualTo(found.subList(0, 3));
    assertThat(of(evaluation, Role.NEIGHBOUR)).hasSize(3);
    assertThat(of(evaluation, Role.NEIGHBOUR).get(0).prompts())
        .hasSize(6)
        .allMatch(prompt -> prompt.contains(found.get(0).name()));
    assertThat(evaluation.check(model)).isEmpty();
    assertThat(EmojiAblation.style("ink").nearest(model, evaluator))
        .extracting(NearConcept::name)
        .containsExactlyInAnyOrder("noto", "blob", "fluent", "blueprint");
    assertThat(EmojiAblation.planted().nearest(model, evaluator)).isEmpty();
  }

  @Test
  void severalTargetsShareNeighboursWithoutThem() {
    EmojiAblation several =
        EmojiAblation.together(
            List.of(
                EmojiAblation.style("blueprint", "twemoji"),
                EmojiAblation.instance("cat face", "animal"),
                EmojiAblation.planted()));
    Ablation plan = several.plan(model);
    assertThat(plan.pairs())
        .extracting(pair -> pair.target().toString())
        .containsExactly(
            "style 'blueprint'",
            "instance 'a cat face'",
            "memorized image '%s'".formatted(EmbeddedModel.plantedCaption()));
    assertThat(plan.pairs())
        .allSatisfy(pair ->
            assertThat(pair.anchor().prompts(pair.target()))
                .isNotEmpty()
                .noneMatch(prompt -> prompt.contains("blueprint") || prompt.contains("cat face")));
    assertThat(Integer.parseInt(plan.settings().get("training.steps")))
        .isGreaterThan(
            Integer.parseInt(EmojiAblation.planted().plan(model).settings().get("training.steps")));
    Evaluation evaluation = several.evaluation(evaluator);
    assertThat(evaluation.check(model)).isEmpty();
    assertThat(of(evaluation, Role.TARGET)).hasSize(3);
    assertThat(of(evaluation, Role.ANCHOR)).hasSize(3);
    assertThat(of(evaluation, Role.NEIGHBOUR))
        .hasSize(4)
        .allSatisfy(row ->
            assertThat(row.prompts())
                .noneMatch(prompt ->
                    prompt.contains("blueprint")
                        || prompt.contains("twemoji")
                        || prompt.contains("cat face")));
    assertThat(evaluation.attacks())
        .extracting(Attack::name)
        .hasSize(9)
        .contains("blueprint, misspelled", "cat face, split");
  }

  @Test
  void theSameTargetTwiceIsRefused() {
    EmojiAblation ink = EmojiAblation.style("ink");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> EmojiAblation.together(List.of(ink, ink)))
        .withMessageContaining("'ink' was named more often");
  }

  private static List<Subject> of(Evaluation evaluation, Role role) {
    return evaluation.subjects().stream().filter(each -> each.role() == role).toList();
  }

  private void check(EmojiAblation ablation, String target) {
    TargetAnchor pair = ablation.plan(model).pairs().get(0);
    for (String anchor : pair.anchor().prompts(pair.target())) {
      assertThat(anchor).doesNotContainPattern("\\b" + Pattern.quote(target) + "\\b");
      for (String prompt : pair.target().targetPrompts(anchor, pair.anchor().name())) {
        assertThat(prompt).contains(target).doesNotContain("a a ", "an an ");
      }
    }
    Evaluation evaluation = ablation.evaluation(evaluator);
    List<Subject> subjects = evaluation.subjects();
    assertThat(subjects.get(0).role()).isEqualTo(Role.TARGET);
    assertThat(subjects.get(0).prompts()).allMatch(prompt -> prompt.contains(target));
    assertThat(subjects.get(1).role()).isEqualTo(Role.ANCHOR);
    assertThat(subjects.subList(2, subjects.size()))
        .hasSizeGreaterThanOrEqualTo(3)
        .allMatch(each -> each.role() == Role.NEIGHBOUR);
    assertThat(subjects).allMatch(each -> each.images() == ablation.columns().size());
    assertThat(subjects.stream().flatMap(each -> each.prompts().stream()).toList())
        .doesNotHaveDuplicates();
    assertThat(evaluation.attacks()).hasSize(3);
  }
}
