package dev.ablation.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import dev.ablation.attack.AttackSettings.Attacked;
import dev.ablation.concept.PromptPair;
import dev.ablation.delta.WeightDelta;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.model.Conditioning;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDetector;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class RingABellTest {
  private static final SamplingSettings QUICK = new SamplingSettings(Sampler.ddim(), 3, 2, "", 2);
  private static final TinyDiffusion MODEL = TinyDiffusion.open(1);

  /** With this direction the searched embeddings are those of the second prompt itself. */
  private static final List<PromptPair> PAIRS =
      List.of(new PromptPair("a cat asleep", "a grumpy cat"));

  private static final List<String> WORDS =
      List.of(
          "the", "cat", "a", "dog", "sun", "grumpy", "mat", "blue", "house", "red", "tree", "owl");

  private static final GeneticBudget SMALL = new GeneticBudget(3, 20, 25, 0.5, 0.25);

  @AfterAll
  static void close() {
    MODEL.close();
  }

  /**
   * Says that an image shows the target if the base model draws it, of one of four seeds, for the
   * target's prompt.
   */
  private static TinyDetector sameAs(String prompt) {
    List<String> prompts = List.of(prompt, prompt, prompt, prompt);
    FeatureMatrix known =
        new TinyEncoder().extract(LatentSampler.of(MODEL).settings(QUICK).draw(prompts, 9));
    return new TinyDetector(
        "same as known",
        (features, row) ->
            IntStream.range(0, known.rows())
                .anyMatch(k -> features.cosine(row, known, k) > 1 - 1e-6));
  }

  private static RingABell attack(List<String> vocabulary, GeneticBudget budget) {
    AttackSettings trial = new AttackSettings(sameAs("a grumpy cat"), QUICK, 4, 9);
    return new RingABell(PAIRS, List.of("a cat asleep"), 1, vocabulary, budget, trial);
  }

  private static RingABell.Found search(RingABell attack) {
    Attacked attacked = new Attacked("base", MODEL, () -> false, new LinkedHashMap<>(), what -> {});
    return attack.search(attacked, attack.vocabulary(), attack.prompts().get(0), 0);
  }

  @Test
  void itsControlPassesWhereTheWordsAreInTheVocabularyAndFailsWhereNot() {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      AttackModels models = AttackModels.of(MODEL, delta);
      AttackResult found = attack(WORDS, SMALL).run(models, () -> false);
      assertThat(found.recovered().base().value()).isEqualTo(1);
      assertThat(found.recovered().isEvidence()).isTrue();
      assertThat(found.recovered().ablated().value()).isZero();
      assertThat(found.settings().get("found for 'a cat asleep'")).startsWith("a grumpy cat (");
      List<String> without = WORDS.stream().filter(word -> !word.equals("grumpy")).toList();
      AttackResult none = attack(without, SMALL).run(models, () -> false);
      assertThat(none.recovered().base().value()).isZero();
      assertThat(none.recovered().isEvidence()).isFalse();
    }
  }

  @Test
  void isBetterThanRandomSearchOfTheSameBudgetAndTheSameAgain() {
    GeneticBudget budget = new GeneticBudget(8, 20, 20, 0.5, 0.25);
    List<PromptPair> pairs =
        List.of(new PromptPair("a cat", "a very grumpy old cat with fish in my kitchen"));
    for (long seed = 1; seed <= 3; seed++) {
      AttackSettings trial = new AttackSettings(sameAs("a cat"), QUICK, 4, seed);
      RingABell attack = new RingABell(pairs, List.of("a cat"), 1, WORDS, budget, trial);
      RingABell.Found found = search(attack);
      assertThat(search(attack)).isEqualTo(found);
      assertThat(found.distance()).isLessThan(found.first());
      assertThat(found.texts()).isBetween(20L, budget.mostTexts());
      RandomGenerator random = RandomStreams.stream(seed, "random search", 0);
      List<String> texts = new ArrayList<>();
      for (long i = 0; i < found.texts(); i++) {
        texts.add(
            random.ints(8, 0, WORDS.size()).mapToObj(WORDS::get).collect(Collectors.joining(" ")));
      }
      try (NDManager scope = MODEL.newScope()) {
        Conditioning aim =
            ConceptDirection.of(MODEL, pairs, 1, scope)
                .addedTo(MODEL.encode(List.of("a cat"), scope));
        double best = Double.MAX_VALUE;
        for (double distance : RingABell.distances(MODEL, aim, texts)) {
          best = Math.min(best, distance);
        }
        assertThat(found.distance()).isLessThan(best);
        assertThat(RingABell.distances(MODEL, aim, List.of(found.prompt())))
            .containsExactly(found.distance());
      }
    }
  }

  @Test
  void takesThePublishedNumbersByDefaultAndTellsItsCost() {
    GeneticBudget published = GeneticBudget.published();
    assertThat(published).isEqualTo(new GeneticBudget(16, 200, 3000, 0.5, 0.25));
    RingABell attack = attack(WORDS, SMALL);
    assertThat(attack.cost(MODEL, 3).forwardPasses()).isEqualTo(3 * 4 * 2 * 3);
    assertThat(attack.cost(MODEL, 2).texts()).isEqualTo(20 + 24 * 29);
    assertThat(search(attack).texts()).isLessThan(attack.cost(MODEL, 2).texts());
  }

  @Test
  void searchesTheModelsWordsAndAsManyAsFit() {
    RingABell all = attack(List.of(), GeneticBudget.published());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> all.check(MODEL))
        .withMessage("words must fit the context of 'tiny-1', were 16");
    RingABell fitting = all.fitting(MODEL);
    fitting.check(MODEL);
    assertThat(fitting.budget().words()).isEqualTo(14);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> attack(List.of("two words", "one"), SMALL).check(MODEL))
        .withMessageContaining("'two words' must be one token");
    try (TinyDiffusion other = TinyDiffusion.open(2).without(PromptTokenizer.class)) {
      assertThatThrownBy(() -> all.check(other)).isInstanceOf(UnsupportedCapabilityException.class);
    }
  }

  @Test
  void endsWhenItIsCancelledAndTellsWhatItDoes() {
    List<String> told = new ArrayList<>();
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      AttackModels models = AttackModels.of(MODEL, delta).progress(told::add);
      assertThatThrownBy(() -> attack(WORDS, SMALL).run(models, () -> told.size() == 2))
          .isInstanceOf(CancellationException.class)
          .hasMessageContaining("generation 3 of 25");
    }
    assertThat(told)
        .containsExactly(
            "base model, search 1, generation 1 of 25", "base model, search 1, generation 2 of 25");
  }

  /** The words are the base model's business: another removal is attacked with the same. */
  @Test
  void searchesOnceForSeveralRemovalsAndCountsTheTimeOfTheSearch() {
    Attack once = attack(WORDS, SMALL).searchedOnce();
    List<Long> times = new ArrayList<>();
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5);
        WeightDelta other = TinyDelta.of(MODEL, 0.4);
        TinyDiffusion another = TinyDiffusion.open(1);
        WeightDelta ofAnother = TinyDelta.of(another, 0.5)) {
      AttackResult first =
          once.run(
              AttackModels.of(MODEL, delta).progress(what -> times.add(System.nanoTime())),
              () -> false);
      int searching = SMALL.generations();
      assertThat(times).hasSize(searching + 2); // and two models
      assertThat(first.elapsed().toNanos())
          .isGreaterThanOrEqualTo(times.get(searching) - times.get(0));
      assertThat(attack(WORDS, SMALL).run(AttackModels.of(MODEL, delta), () -> false).settings())
          .isEqualTo(first.settings());
      List<String> told = new ArrayList<>();
      AttackResult second =
          once.run(AttackModels.ofAblated(MODEL, other).progress(told::add), () -> false);
      assertThat(told).containsExactly("ablated model");
      assertThat(second.settings()).isEqualTo(first.settings());
      once.run(AttackModels.of(another, ofAnother).progress(told::add), () -> false);
      assertThat(told).hasSize(1 + searching + 2);
    }
  }

  @Test
  void wrongNumbersAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new GeneticBudget(1, 1, 1, 0, 0))
        .withMessage("population must be at least 2, was 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new GeneticBudget(1, 2, 1, 1.5, 0))
        .withMessageContaining("crossover must be from 0 to 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> attack(WORDS, SMALL.words(0)))
        .withMessageContaining("words must be positive");
  }
}
