package dev.ablation.memorized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import dev.ablation.Ablation;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.PromptSource;
import dev.ablation.anchor.TooFewAnchorsException;
import dev.ablation.concept.Concept;
import dev.ablation.concept.MemorizedImage;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class CopyFreeAnchorsTest {
  private static final MemorizedImage IMAGE = Concept.memorized("the caption");
  private static final SamplingSettings QUICK =
      SamplingSettings.defaults().steps(1).guidanceScale(1).batchSize(4);

  private final List<String> warnings = new ArrayList<>();
  private final Map<String, String> notes = new HashMap<>();
  private int questions = Integer.MAX_VALUE;

  private final AnchorContext context =
      new AnchorContext() {
        @Override
        public long seed() {
          return 7;
        }

        @Override
        public void progress(long done, long total, boolean fromCache) {
          assertThat(done).isLessThanOrEqualTo(total);
        }

        @Override
        public void warn(String message) {
          warnings.add(message);
        }

        @Override
        public void note(String name, String value) {
          notes.put(name, value);
        }

        @Override
        public boolean cancelled() {
          return questions-- <= 0;
        }
      };

  private static SurveyResult surveyed() throws IOException {
    try (ScriptedModel model = new ScriptedModel(Map.of("the caption", 10))) {
      return MemorizationSurvey.of(
              IMAGE, List.of(ScriptedModel.original()), PromptSource.of(List.of("a", "b", "c")))
          .sampling(QUICK)
          .rules(SurveyRules.defaults().anchors(3, 3))
          .run(model);
    }
  }

  private static CopyFreeAnchors anchor(int images) throws IOException {
    return surveyed().anchor().sampling(QUICK).images(images);
  }

  private List<String> prepared(CopyFreeAnchors anchor, Map<String, Integer> script)
      throws IOException {
    try (ScriptedModel model = new ScriptedModel(script)) {
      int before = model.manager().getManagedArrays().size();
      List<String> prompts;
      try (AnchorSet set = anchor.prepare(model, IMAGE, context)) {
        prompts = set.prompts();
        assertThat(drawn(model, set, prompts.size() - 1)).isNotEmpty();
      }
      assertThat(model.manager().getManagedArrays()).hasSize(before);
      return prompts;
    }
  }

  private static float[] drawn(DiffusionModel model, AnchorSet set, int row) {
    try (NDManager scope = model.manager().newSubManager()) {
      return set.draw(new int[] {row}, RandomStreams.stream(0, "rows", 0), scope)
          .latents()
          .toFloatArray();
    }
  }

  @Test
  void withoutCopiesEveryImageIsKept() throws IOException {
    assertThat(prepared(anchor(7), Map.of())).containsExactly("a", "b", "c", "a", "b", "c", "a");
    assertThat(notes)
        .containsEntry("anchor.showsTarget", "0.0000")
        .containsEntry("anchor.dropped", "0")
        .containsEntry("anchor.replaced", "0");
    assertThat(warnings).isEmpty();
  }

  @Test
  void copiesAreDrawnAgainWithTheirPrompts() throws IOException {
    // Of a, the first three are copies: both of the set, and the first that is drawn again.
    assertThat(prepared(anchor(6), Map.of("a", 3, "b", 1)))
        .containsExactly("c", "b", "c", "b", "a", "a");
    assertThat(notes)
        .containsEntry("anchor.showsTarget", "0.5000")
        .containsEntry("anchor.dropped", "3")
        .containsEntry("anchor.replaced", "3");
    assertThat(warnings).isEmpty();
  }

  @Test
  void afterSomeRoundsThereAreFewer() throws IOException {
    assertThat(prepared(anchor(6).rounds(2), Map.of("a", 5)))
        .containsExactly("b", "c", "b", "c", "a");
    assertThat(warnings)
        .containsExactly(
            "1 of 6 anchor images are still copies of the memorized image after 2 more"
                + " attempts; training uses the other 5");
    assertThat(notes).containsEntry("anchor.dropped", "2").containsEntry("anchor.replaced", "1");
  }

  @Test
  void withoutRoundsCopiesAreOnlyDropped() throws IOException {
    assertThat(prepared(anchor(3).rounds(0), Map.of("a", 5))).containsExactly("b", "c");
    assertThat(warnings).hasSize(1);
  }

  @Test
  void aSetOfCopiesAloneIsRefused() throws IOException {
    CopyFreeAnchors anchor = anchor(3).rounds(1);
    Map<String, Integer> script = Map.of("a", 9, "b", 9, "c", 9);
    try (ScriptedModel model = new ScriptedModel(script)) {
      int before = model.manager().getManagedArrays().size();
      assertThatThrownBy(() -> anchor.prepare(model, IMAGE, context))
          .isInstanceOf(TooFewAnchorsException.class)
          .hasMessageContaining("anchor 'other wordings'")
          .hasMessageContaining("6 of 6 images show the target (100 %)");
      assertThat(model.manager().getManagedArrays()).hasSize(before);
      assertThat(model.drawn).isEqualTo(Map.of("a", 2, "b", 2, "c", 2));
    }
  }

  @Test
  void canBeCancelledAtAnyQuestion() throws IOException {
    CopyFreeAnchors anchor = anchor(6);
    for (int asked = 0; asked < 100; asked++) {
      try (ScriptedModel model = new ScriptedModel(Map.of("a", 3, "b", 1))) {
        int before = model.manager().getManagedArrays().size();
        questions = asked;
        try (AnchorSet set = anchor.prepare(model, IMAGE, context)) {
          assertThat(set.size()).isEqualTo(6);
          assertThat(asked).isGreaterThan(5);
          return;
        } catch (CancellationException e) {
          assertThat(model.manager().getManagedArrays()).hasSize(before);
        }
      }
    }
    throw new AssertionError("was never finished");
  }

  @Test
  void furtherRoundsBeginFromOtherNoise() throws IOException {
    // The cache's keys hold the seed: equal seeds would find the dropped images again.
    CopyFreeAnchors anchor = anchor(1);
    try (ScriptedModel model = new ScriptedModel(Map.of("a", 1));
        AnchorSet again = anchor.prepare(model, IMAGE, context);
        AnchorSet first = anchor.generated().prepare(model, IMAGE, context)) {
      assertThat(drawn(model, again, 0)).isNotEqualTo(drawn(model, first, 0));
    }
  }

  @Test
  void reportsHowOftenItsImagesAreCopies() throws IOException {
    try (ScriptedModel model = new ScriptedModel(Map.of("a", 1))) {
      assertThat(anchor(6).judgement(model, IMAGE, context).orElseThrow())
          .hasToString("1 of 6 images show the target (17 %)");
    }
  }

  @Test
  void settingsTellWhatIsACopy() throws IOException {
    assertThat(anchor(3).rounds(2).settings(IMAGE))
        .containsAllEntriesOf(anchor(3).generated().settings(IMAGE))
        .containsEntry("anchor.copies.extractor", "pooled pixels 32 x 32, mean-free")
        .containsEntry("anchor.copies.threshold", "0.6")
        .containsEntry("anchor.copies.rounds", "2")
        .containsKeys("anchor.copies.extractor.sha256", "anchor.copies.originals.sha256");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> anchor(3).rounds(-1))
        .withMessage("rounds must not be negative, was -1");
  }

  @Test
  void aPlanHasTargetAndAnchorOfTheSurvey() throws IOException {
    SurveyResult surveyed = surveyed();
    try (TinyDiffusion model = TinyDiffusion.open(3)) {
      Ablation plan = surveyed.plan(model);
      assertThat(plan.check()).isEmpty();
      assertThat(plan.settings())
          .containsEntry("anchor.name", "other wordings")
          .containsEntry("anchor.prompts", "3")
          .containsEntry("anchor.copies.rounds", "4")
          .containsEntry("target.captions", "[the caption]");
    }
  }
}
