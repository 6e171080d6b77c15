package dev.ablation.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.examples.PictureGrid.Role;
import dev.ablation.examples.PictureGrid.Row;
import dev.ablation.examples.dataset.EmojiConcept;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
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

  private static void check(Job job, String target) {
    for (String anchor : job.anchor().prompts(job.target())) {
      assertThat(anchor).doesNotContain(target);
      for (String prompt : job.target().targetPrompts(anchor, job.anchor().name())) {
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
