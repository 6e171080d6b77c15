package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class JudgedAnchorsTest {
  private static final Concept TARGET = Concept.instance("grumpy cat");
  private static final SamplingSettings QUICK = SamplingSettings.defaults().steps(1).batchSize(20);

  private final DiffusionModel model = TinyDiffusion.open(1);
  private final RecordingContext context = new RecordingContext();
  private final GeneratedAnchors cats =
      AnchorStrategy.generated("cat", List.of("a cat", "two cats", "the cat", "an angry cat"))
          .images(16)
          .sampling(QUICK);

  /** Sees the target where the prompt says so. */
  private static final AnchorJudge READER =
      new NamedJudge("reader", (image, prompt) -> prompt.contains("angry"));

  @AfterEach
  void close() {
    model.close();
  }

  @Test
  void warnsOfTheCeilingAndNotesIt() throws IOException {
    try (AnchorSet set = cats.judgedBy(READER).prepare(model, TARGET, context)) {
      assertThat(set.size()).isEqualTo(16);
      assertThat(set.keepsLatents()).isTrue();
    }
    assertThat(context.notes)
        .containsEntry("anchor.showsTarget", "0.2500")
        .containsEntry("anchor.showsTarget.judged", "16");
    assertThat(context.warnings)
        .singleElement()
        .asString()
        .startsWith("anchor 'cat' leads to the target: according to judge '")
        .contains("'reader', 4 of 16 images show the target (25 %);", "'an angry cat'");
  }

  @Test
  void isSilentBelowTheThreshold() throws IOException {
    cats.judgedBy(READER).warnAbove(0.25).prepare(model, TARGET, context).close();
    assertThat(context.warnings).isEmpty();
  }

  @Test
  void theEstimateAsksASampleOfPrompts() throws IOException {
    int before = model.manager().getManagedArrays().size();
    AnchorJudgement judgement =
        cats.images(1000)
            .judgedBy(READER)
            .sampleSize(8)
            .judgement(model, TARGET, context)
            .orElseThrow();
    assertThat(judgement.judged()).isEqualTo(8);
    assertThat(judgement.share()).isEqualTo(0.25);
    assertThat(judgement.leading(0))
        .containsExactly(new AnchorJudgement.OfPrompt("an angry cat", 2, 2));
    assertThat(judgement).hasToString("2 of 8 images show the target (25 %)");
    assertThat(model.manager().getManagedArrays()).hasSize(before);
    assertThat(cats.judgement(model, TARGET, context)).isEmpty();
    assertThat(
            cats.judgedBy(READER).augmented(Augmentation.paper()).judgement(model, TARGET, context))
        .isPresent();
  }

  @Test
  void dropsPromptsThatLeadToTheTarget() throws IOException {
    try (AnchorSet set = cats.judgedBy(READER).dropLeading().prepare(model, TARGET, context)) {
      assertThat(set.size()).isEqualTo(12);
      assertThat(set.prompts()).doesNotContain("an angry cat");
    }
    assertThat(context.warnings).isEmpty();
    assertThat(context.notes)
        .containsEntry("anchor.showsTarget", "0.2500")
        .containsEntry("anchor.showsTarget.afterDropping", "0.0000")
        .containsEntry("anchor.showsTarget.afterDropping.judged", "6")
        .containsEntry("anchor.dropped", "4");
  }

  @Test
  void anAccidentIsNotTakenForSuccess() throws IOException {
    // Every image shows the target with probability 1/2, whatever its prompt says.
    AnchorJudge coin =
        AnchorJudge.of("coin", image -> (image.getRGB(0, 0) * 2654435761L >> 16 & 1) == 0);
    List<String> many =
        java.util.stream.IntStream.range(0, 60).mapToObj(i -> "cat number " + i).toList();
    cats.prompts(many)
        .images(240)
        .judgedBy(coin)
        .dropLeading()
        .prepare(model, TARGET, context)
        .close();
    assertThat(Double.parseDouble(context.notes.get("anchor.showsTarget.afterDropping")))
        .isCloseTo(0.5, within(0.35))
        .isGreaterThan(0.1);
    assertThat(context.warnings).hasSize(1);
  }

  @Test
  void aHigherLimitDropsLess() throws IOException {
    AnchorJudge bright = AnchorJudge.scoring("red", image -> (image.getRGB(0, 0) >> 16) & 0xff, 0);
    try (AnchorSet set =
        cats.judgedBy(bright).dropLeading(1).warnAbove(1).prepare(model, TARGET, context)) {
      assertThat(set.size()).isEqualTo(16);
    }
    assertThat(cats.judgedBy(bright).settings(TARGET)).containsEntry("anchor.judge", "red >= 0.0");
  }

  @Test
  void dropsImagesAlone() throws IOException {
    AnchorJudge dark = AnchorJudge.of("dark", image -> (image.getRGB(0, 0) & 0xff) < 128);
    int kept;
    try (AnchorSet set = cats.judgedBy(dark).dropImages().prepare(model, TARGET, context)) {
      kept = set.size();
    }
    int dropped = Integer.parseInt(context.notes.get("anchor.dropped"));
    assertThat(kept + dropped).isEqualTo(16);
    assertThat(Double.parseDouble(context.notes.get("anchor.showsTarget")))
        .isCloseTo(dropped / 16.0, within(1e-4));
    assertThat(context.notes).doesNotContainKey("anchor.showsTarget.afterDropping");
  }

  @Test
  void replacesWhatItDrops() throws IOException {
    GeneratedAnchors spare =
        cats.prompts(List.of("my cat", "another angry cat", "your cat")).images(9);
    JudgedAnchors judged = cats.judgedBy(READER).dropLeading().replacedFrom(spare);
    try (AnchorSet set = judged.prepare(model, TARGET, context)) {
      assertThat(set.size()).isEqualTo(16);
      assertThat(set.prompts())
          .noneMatch(prompt -> prompt.contains("angry"))
          .contains("my cat", "your cat");
      assertThat(judged.prompts(TARGET)).containsAll(set.prompts());
    }
    assertThat(context.notes).containsEntry("anchor.replaced", "4");
    assertThat(judged.settings(TARGET)).containsEntry("anchor.spare.images", "9");
  }

  @Test
  void goesOnWithFewerAndSaysSo() throws IOException {
    GeneratedAnchors spare = cats.prompts(List.of("my cat", "a very angry cat")).images(2);
    try (AnchorSet set =
        cats.judgedBy(READER).dropLeading().replacedFrom(spare).prepare(model, TARGET, context)) {
      assertThat(set.size()).isEqualTo(13);
    }
    assertThat(context.warnings)
        .containsExactly(
            "4 of 16 anchor images were dropped, but only 1 spare images are usable; training uses 13");
  }

  @Test
  void refusesToTrainWithTooFew() {
    int before = model.manager().getManagedArrays().size();
    AnchorJudge always = new NamedJudge("always", (image, prompt) -> true);
    for (JudgedAnchors judged :
        List.of(
            cats.judgedBy(always).dropLeading(),
            cats.judgedBy(always).dropImages(),
            cats.judgedBy(READER).dropLeading().atLeast(13),
            cats.judgedBy(always).dropLeading().replacedFrom(cats.images(4)))) {
      assertThatExceptionOfType(TooFewAnchorsException.class)
          .isThrownBy(() -> judged.prepare(model, TARGET, context))
          .withMessageContaining(
              "anchor 'cat' must have at least %s images left",
              judged.settings(TARGET).get("anchor.judge.atLeast"))
          .withMessageContaining("spare prompts")
          .satisfies(e -> assertThat(e.left()).isLessThan(e.needed()));
    }
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }

  @Test
  void whatAJudgeThrowsReachesTheCallerAndLeavesNoArrays() {
    int before = model.manager().getManagedArrays().size();
    AnchorJudge broken =
        (image, prompt) -> {
          throw new IllegalStateException("broken");
        };
    assertThatExceptionOfType(IllegalStateException.class)
        .isThrownBy(() -> cats.judgedBy(broken).prepare(model, TARGET, context))
        .withMessage("broken");
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }

  @Test
  void augmentedImagesAreJudgedAsTheyWere() throws IOException {
    try (AnchorSet set =
        cats.judgedBy(READER)
            .dropLeading()
            .augmented(Augmentation.diffusers())
            .prepare(model, TARGET, context)) {
      assertThat(set.size()).isEqualTo(12);
      assertThat(set.keepsLatents()).isFalse();
    }
    assertThat(context.notes).containsEntry("anchor.showsTarget", "0.2500");
  }

  @Test
  void refusesWrongValuesAtTheCall() {
    JudgedAnchors judged = cats.judgedBy(READER);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> judged.sampleSize(0))
        .withMessage("sampleSize must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> judged.warnAbove(1.5))
        .withMessage("warnAbove must be from 0 to 1, was 1.5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> judged.dropLeading(-1))
        .withMessage("leadsAbove must be from 0 to 1, was -1.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> judged.atLeast(0))
        .withMessage("atLeast must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AnchorJudge.scoring("x", image -> 0, Double.NaN))
        .withMessage("threshold must be finite, was NaN");
  }
}
