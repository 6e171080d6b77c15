package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.PromptPair;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.Started;
import dev.ablation.event.AblationEvent.Warning;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.Preset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Plans with more than one target. */
class SeveralTargetsTest {
  private static final TargetAnchor CAT =
      new TargetAnchor(
          Concept.instance("grumpy cat"),
          few(AnchorStrategy.generated("cat", List.of("a cat", "two cats", "Cat on a sofa"))));
  private static final TargetAnchor MONET =
      new TargetAnchor(
          Concept.style("Monet"),
          few(AnchorStrategy.generated("painting", List.of("painting of a boat", "a painting"))));
  private static final TargetAnchor VAN_GOGH =
      new TargetAnchor(Concept.style("Van Gogh"), MONET.anchor());
  private static final TargetAnchor CASE =
      new TargetAnchor(
          Concept.memorized("Galaxy Case", "a Galaxy Case"),
          few(AnchorStrategy.generated("phone", List.of("a printed phone", "stars on a phone"))));

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();

  @AfterEach
  void close() {
    model.close();
  }

  private static GeneratedAnchors few(GeneratedAnchors anchors) {
    return anchors.images(4).sampling(SamplingSettings.defaults().steps(2).batchSize(2));
  }

  private Ablation plan(List<TargetAnchor> pairs) {
    Ablation plan = Ablator.of(model).target(pairs.get(0).target()).anchor(pairs.get(0).anchor());
    for (TargetAnchor pair : pairs.subList(1, pairs.size())) {
      plan = plan.andTarget(pair.target()).anchor(pair.anchor());
    }
    return plan.training(t -> t.steps(5).batchSize(3).learningRate(0.01)).listener(events::add);
  }

  private Ablation plan(TargetAnchor... pairs) {
    return plan(List.of(pairs));
  }

  private static Map<String, float[]> values(AblationResult result) {
    Map<String, float[]> values = new LinkedHashMap<>();
    result.delta().names().forEach(n -> values.put(n, result.delta().get(n).toFloatArray()));
    return values;
  }

  private static void assertSame(AblationResult one, AblationResult two) {
    Map<String, float[]> expected = values(one);
    Map<String, float[]> actual = values(two);
    assertThat(actual).containsOnlyKeys(expected.keySet());
    actual.forEach((name, array) -> assertThat(array).as(name).isEqualTo(expected.get(name)));
    assertThat(two.history()).isEqualTo(one.history());
    assertThat(two.provenance()).isEqualTo(one.provenance());
  }

  static LongStream seeds() {
    return LongStream.range(0, 6);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void theOrderOfTargetsMakesNoDifference(long seed) {
    List<TargetAnchor> shuffled = new ArrayList<>(List.of(CAT, MONET, VAN_GOGH));
    Collections.shuffle(shuffled, new Random(seed));
    AblationObjective objective =
        AblationObjective.modelBased().plus(AblationObjective.priorPreservation().times(0.2));
    Concept[] kept = {Concept.style("Dali"), Concept.instance("dog")};
    Concept[] keptOtherwise = {kept[1], kept[0]};
    try (AblationResult one =
            plan(CAT, MONET, VAN_GOGH).seed(seed).objective(objective).preserve(kept).run();
        AblationResult two =
            plan(shuffled).seed(seed).objective(objective).preserve(keptOtherwise).run()) {
      assertSame(one, two);
    }
  }

  @Test
  void anotherTargetChangesTheDelta() {
    try (AblationResult two = plan(CAT, MONET).run();
        AblationResult other = plan(CAT, VAN_GOGH).run()) {
      assertThat(values(two).get("network.key")).isNotEqualTo(values(other).get("network.key"));
    }
  }

  @Test
  void aTargetIsNamedOnce() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(CAT, MONET).andTarget(Concept.style("MONET")).anchor("drawing"))
        .withMessage("target must be named once, but style 'MONET' is a target already");
    assertThat(plan(CAT).andTarget(Concept.style("grumpy cat")).anchor("drawing").pairs())
        .as("another kind is another target")
        .hasSize(2);
    assertThatNullPointerException()
        .isThrownBy(() -> plan(CAT).andTarget((Concept) null))
        .withMessage("target");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(CAT).andTarget("dog").anchor("Dog"))
        .withMessage("anchor must differ from the target, both were 'dog'");
  }

  @Test
  void provenanceTellsEveryPair() {
    assertThat(plan(CAT, MONET).settings())
        .containsEntry("pair.1.target", "style 'Monet'")
        .containsEntry("pair.1.target.kind", "STYLE")
        .containsEntry("pair.1.target.templates", "diffusers")
        .containsEntry("pair.1.anchor.name", "painting")
        .containsEntry("pair.2.target", "instance 'grumpy cat'")
        .containsEntry("pair.2.anchor.name", "cat")
        .containsKeys("pair.1.anchor.prompts.sha256", "pair.2.anchor.prompts.sha256")
        .containsEntry("preset", "diffusers")
        .doesNotContainKeys("target", "anchor.name");
    assertThat(plan(CAT).settings()).containsKeys("target", "anchor.name");
    assertThat(plan(CAT, MONET).toString())
        .isEqualTo(
            "ablation of instance 'grumpy cat' to 'cat', style 'Monet' to 'painting' in 'tiny-1'");
    assertThat(plan(CAT, MONET).pairs()).containsExactly(CAT, MONET);
  }

  @Test
  void eventsTellOfAllPairs() {
    plan(CAT, MONET).run().close();
    assertThat(events.get(0))
        .isEqualTo(new Started(List.of("Monet", "grumpy cat"), List.of("painting", "cat"), 8, 5));
    List<AnchorsProgressed> progress =
        events.stream()
            .filter(AnchorsProgressed.class::isInstance)
            .map(AnchorsProgressed.class::cast)
            .toList();
    assertThat(progress).extracting(AnchorsProgressed::done).isSorted();
    assertThat(progress).extracting(AnchorsProgressed::total).containsOnly(8000L);
    assertThat(progress).last().isEqualTo(new AnchorsProgressed(8000, 8000, false));
    assertThat(progress.get(progress.size() / 2 - 1).done()).isEqualTo(4000);
  }

  @Test
  void equalAnchorsAreDrawnOnce(@TempDir Path folder) {
    plan(MONET, VAN_GOGH).run().close();
    assertThat(events.get(0))
        .isEqualTo(
            new Started(List.of("Monet", "Van Gogh"), List.of("painting", "painting"), 4, 5));
    assertThat(events).filteredOn(AnchorsProgressed.class::isInstance).hasSize(4);
    TargetAnchor cached =
        new TargetAnchor(CAT.target(), few(AnchorStrategy.generated("cat")).cachedIn(folder));
    TargetAnchor alsoCached =
        new TargetAnchor(MONET.target(), ((GeneratedAnchors) MONET.anchor()).cachedIn(folder));
    plan(cached, alsoCached).run().close();
    assertThat(folder.toFile().list()).hasSize(2);
    events.clear();
    plan(alsoCached, cached).run().close();
    assertThat(events)
        .filteredOn(AnchorsProgressed.class::isInstance)
        .containsExactly(
            new AnchorsProgressed(4000, 8000, true), new AnchorsProgressed(8000, 8000, true));
  }

  @Test
  void everythingIsFreedWhateverHappens() {
    int before = model.manager().getManagedArrays().size();
    plan(CAT, MONET, VAN_GOGH).run().close();
    assertThat(model.manager().getManagedArrays()).hasSize(before);
    Ablation cancelled =
        plan(CAT, MONET)
            .listener(event -> {
              if (event instanceof AnchorsProgressed progress && progress.done() > 4000) {
                Thread.currentThread().interrupt();
              }
            });
    assertThatExceptionOfType(CancellationException.class).isThrownBy(cancelled::run);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(model.manager().getManagedArrays()).hasSize(before);
  }

  @Test
  void theTokensOfAllTargetsAreTrained() {
    PromptTokenizer tokenizer = model.capability(PromptTokenizer.class).orElseThrow();
    Set<Integer> ids = new HashSet<>(tokenizer.tokens("grumpy cat Monet").ids());
    try (AblationResult result = plan(CAT, MONET).weights(WeightGroup.tokenEmbeddings()).run()) {
      float[] change = values(result).get("text.table");
      int width = TinyDiffusion.TEXT_WIDTH;
      for (int row = 0; row < change.length / width; row++) {
        float[] ofRow = Arrays.copyOfRange(change, row * width, (row + 1) * width);
        if (ids.contains(row)) {
          assertThat(ofRow).as("row %s", row).isNotEqualTo(new float[width]);
        } else {
          assertThat(ofRow).as("row %s", row).isEqualTo(new float[width]);
        }
      }
    }
  }

  // Checks

  @Test
  void problemsOfAllPairsAreListedAtOnce() {
    TargetAnchor fish =
        new TargetAnchor(
            Concept.instance("nemo"),
            few(AnchorStrategy.generated("fish", List.of("a fish", "a shark", "a whale"))));
    TargetAnchor dog =
        new TargetAnchor(
            Concept.instance("Lassie"),
            few(AnchorStrategy.generated("dog", List.of("a dog", "a wolf"))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(fish, dog).run())
        .withMessageStartingWith("3 problems with the plan:")
        .withMessageContaining("but 'a shark' does not contain it")
        .withMessageContaining("but 'a whale' does not contain it")
        .withMessageContaining("but 'a wolf' does not contain it");
  }

  @Test
  void unmatchedPromptsAreDroppedWithAWarning() {
    List<String> prompts = List.of("a cat", "a dog", "two cats", "a bobcat");
    TargetAnchor given =
        new TargetAnchor(CAT.target(), few(AnchorStrategy.generated("cat", prompts)));
    TargetAnchor kept =
        new TargetAnchor(
            CAT.target(), few(AnchorStrategy.generated("cat", List.of("a cat", "two cats"))));
    try (AblationResult dropped = plan(given).dropUnmatchedPrompts(true).run();
        AblationResult expected = plan(kept).run()) {
      assertThat(values(dropped).get("network.key")).isEqualTo(values(expected).get("network.key"));
      assertThat(dropped.provenance().settings())
          .containsEntry("anchor.unmatchedPrompts", "dropped");
    }
    assertThat(events)
        .filteredOn(Warning.class::isInstance)
        .containsExactly(
            new Warning(
                "2 of 4 anchor prompts make no target prompt of instance 'grumpy cat': 'a dog',"
                    + " 'a bobcat'; they are excluded"));
  }

  @Test
  void thatAllPromptsAreUnmatchedIsAProblem() {
    TargetAnchor dogs =
        new TargetAnchor(CAT.target(), few(AnchorStrategy.generated("cat", List.of("a dog"))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(dogs).dropUnmatchedPrompts(true).run())
        .withMessage(
            "1 of 1 anchor prompts make no target prompt of instance 'grumpy cat': 'a dog'");
  }

  @Test
  void warnsOfAnchorPromptsThatNameATarget() {
    TargetAnchor wolf =
        new TargetAnchor(
            Concept.style("Van Gogh"),
            few(AnchorStrategy.generated("painting", List.of("a grumpy cat", "a boat"))));
    plan(CAT, wolf).run().close();
    assertThat(events)
        .filteredOn(Warning.class::isInstance)
        .containsExactly(
            new Warning(
                "anchor prompts should not draw the target instance 'grumpy cat', but it is named"
                    + " in 'a grumpy cat'"));
  }

  // Presets

  @Test
  void everyTargetTakesWhatItsKindsPresetSays() {
    TargetAnchor open =
        new TargetAnchor(Concept.style("Monet"), AnchorStrategy.generated("painting"));
    Ablation plan =
        Ablator.of(model).target(open.target()).anchor(open.anchor()).preset(Preset::paper);
    assertThat(plan.settings())
        .containsEntry("preset", "paper")
        .containsEntry("target.templates", "paper")
        .containsEntry("anchor.steps", "200")
        .containsEntry("anchor.images", "1000")
        .containsEntry("training.steps", "110")
        .containsEntry("training.maxGradientNorm", "Infinity");
    assertThat(plan.settings().get("anchor.sampler")).contains("ddim").contains("eta=1.0");
    assertThat(
            Ablator.of(model)
                .target(Concept.inappropriate("nudity, nsfw", "violence"))
                .anchor("people")
                .settings())
        .containsEntry("anchor.negativePrompt", "nudity, nsfw; violence")
        .containsEntry("weights", "attention")
        .containsEntry("training.learningRate", "6.4E-5")
        .containsEntry("objective", "model-based + prior-preservation");
    assertThat(
            Ablator.of(model)
                .target(Concept.pairs("armed", List.of(new PromptPair("a kid", "a soldier"))))
                .anchor("kids")
                .settings())
        .containsEntry("preset", "standard")
        .containsEntry("target.pairs", "1");
  }

  @Test
  void whatWasChosenStays() {
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Monet", new StyleTemplates("by", List.of("{prompt} by {name}"))))
            .anchor(AnchorStrategy.generated("painting").images(20))
            .preset(Preset.paper(ConceptKind.STYLE))
            .training(t -> t.steps(7))
            .weights(WeightGroup.denoiser());
    assertThat(plan.settings())
        .containsEntry("preset", "paper")
        .containsEntry("target.templates", "by[{prompt} by {name}]")
        .containsEntry("anchor.images", "20")
        .containsEntry("anchor.steps", "200")
        .containsEntry("training.steps", "7")
        .containsEntry("training.learningRate", "1.6E-5")
        .containsEntry("weights", "denoiser");
    assertThat(plan.preset(Preset::diffusers).settings())
        .as("a preset replaces what the plan was told before")
        .containsEntry("training.steps", "100")
        .containsEntry("weights", "cross-attention-kv")
        .containsEntry("anchor.images", "20");
  }

  @Test
  void aKindWithoutPublishedNumbersIsRefusedAtTheCall() {
    Concept nudity = Concept.inappropriate("nudity");
    Ablation plan = Ablator.of(model).target(nudity).anchor("people");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan.preset(Preset::paper))
        .withMessageStartingWith("preset 'paper' must be asked for a kind with published numbers");
    Ablation paper = plan(MONET).preset(Preset::paper);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> paper.andTarget(nudity).anchor("people"))
        .withMessageContaining("was INAPPROPRIATE_CONTENT");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void presetsThatDifferAreNotMixed(boolean styleFirst) {
    Ablation mixed = styleFirst ? plan(MONET, CASE) : plan(CASE, MONET);
    String kinds = "since targets of the kinds [STYLE, MEMORIZED_IMAGE] have different presets";
    assertThatIllegalArgumentException()
        .isThrownBy(mixed::run)
        .withMessageStartingWith("3 problems with the plan:")
        .withMessageContaining("training must be chosen, " + kinds)
        .withMessageContaining("weights must be chosen, " + kinds)
        .withMessageContaining("objective must be chosen, " + kinds);
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            mixed
                .weights(WeightGroup.crossAttentionKeyValue())
                .objective(AblationObjective.modelBased())
                .run())
        .withMessage("training must be chosen, " + kinds + "; see preset(...)");
    mixed
        .preset(Preset.diffusers(ConceptKind.STYLE))
        .training(t -> t.steps(2).batchSize(2))
        .run()
        .close();
  }

  @Test
  void trainingIsAdjustedWhateverTheOrderOfCalls() {
    Ablation first = plan(CAT).training(t -> t.steps(t.steps() * 2));
    assertThat(first.settings()).containsEntry("training.steps", "10");
    assertThat(first.training(t -> t.batchSize(7)).settings())
        .containsEntry("training.steps", "10")
        .containsEntry("training.batchSize", "7");
    assertThat(first.andTarget(MONET.target()).anchor(MONET.anchor()).settings())
        .containsEntry("training.steps", "10");
  }
}
