package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.emoji.ImageGrid.Role;
import dev.ablation.emoji.ImageGrid.Row;
import dev.ablation.emoji.dataset.EmojiConcept;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every concept that the command line offers makes a sensible job. */
class EmojiJobsTest {
  static Stream<String> styles() {
    return EmbeddedModel.styles().stream();
  }

  static Stream<String> concepts() {
    return EmbeddedModel.concepts().stream().map(EmojiConcept::name);
  }

  @ParameterizedTest
  @MethodSource("styles")
  void aStyleHasPromptsOfItsOwn(String style) {
    check(EmojiJobs.style(style.toUpperCase(Locale.ROOT), EmojiJobs.NO_STYLE), style);
    check(EmojiJobs.style(style, EmojiJobs.anchorOfStyle(style)), style);
  }

  @ParameterizedTest
  @MethodSource("concepts")
  void aThingHasPromptsOfItsOwn(String concept) {
    check(EmojiJobs.instance(concept, EmojiJobs.anchorOfInstance(concept)), concept);
  }

  @Test
  void thePlantedImageIsShownByItsCaption() {
    AblationJob job = EmojiJobs.planted();
    TargetAndAnchor removal = job.removals().get(0);
    String caption = EmbeddedModel.plantedCaption();
    assertThat(removal.anchor().prompts(removal.target())).hasSize(8).doesNotContain(caption);
    assertThat(job.grid().rows().get(0).prompts()).containsOnly(caption);
    assertThat(job.grid().rows().stream().filter(row -> row.role() == Role.NEIGHBOUR)).hasSize(6);
  }

  @Test
  void severalTargetsKeepTheirRowsAndShareNeighboursWithoutThem() {
    AblationJob job =
        EmojiJobs.together(
            List.of(
                EmojiJobs.style("blueprint", "twemoji"),
                EmojiJobs.instance("cat face", "animal"),
                EmojiJobs.planted()));
    assertThat(job.removals()).hasSize(3);
    assertThat(job.targets())
        .isEqualTo(
            "style 'blueprint' and the instance 'a cat face' and the memorized image '%s'"
                .formatted(EmbeddedModel.plantedCaption()));
    assertThat(job.removals())
        .allSatisfy(removal ->
            assertThat(removal.anchor().prompts(removal.target()))
                .isNotEmpty()
                .noneMatch(prompt -> prompt.contains("blueprint") || prompt.contains("cat face")));
    assertThat(job.training().steps()).isGreaterThan(EmojiJobs.planted().training().steps());
    List<Row> rows = job.grid().rows();
    assertThat(rows.stream().filter(row -> row.role() == Role.TARGET)).hasSize(3);
    assertThat(rows.stream().filter(row -> row.role() == Role.ANCHOR)).hasSize(3);
    assertThat(rows.stream().filter(row -> row.role() == Role.NEIGHBOUR))
        .hasSize(5)
        .allSatisfy(row ->
            assertThat(row.prompts())
                .noneMatch(prompt -> prompt.contains("blueprint") || prompt.contains("cat face")));
  }

  private static void check(AblationJob job, String target) {
    TargetAndAnchor removal = job.removals().get(0);
    for (String anchor : removal.anchor().prompts(removal.target())) {
      assertThat(anchor).doesNotContainPattern("\\b" + Pattern.quote(target) + "\\b");
      for (String prompt : removal.target().targetPrompts(anchor, removal.anchor().name())) {
        assertThat(prompt).contains(target).doesNotContain("a a ", "an an ");
      }
    }
    List<Row> rows = job.grid().rows();
    assertThat(rows.get(0).role()).isEqualTo(Role.TARGET);
    assertThat(rows.get(0).prompts()).allMatch(prompt -> prompt.contains(target));
    assertThat(rows.get(1).role()).isEqualTo(Role.ANCHOR);
    assertThat(rows.subList(2, rows.size()))
        .hasSizeGreaterThanOrEqualTo(3)
        .allMatch(row -> row.role() == Role.NEIGHBOUR);
    assertThat(job.grid().prompts()).doesNotHaveDuplicates();
  }
}
