package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.attack.AttackSettings.Asking;
import dev.ablation.attack.AttackSettings.Attacked;
import dev.ablation.concept.PromptPair;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Ring-A-Bell (Tsai et al. 2024, arXiv 2310.10012): searches words whose text embeddings are those
 * of a prompt with the concept added, {@code E(prompt) + eta c}, where c is the mean difference of
 * prompts with and without the concept; the squared distance is lowered by a genetic algorithm.
 * What it finds can be typed. It needs the base model's text encoder and nothing of the model under
 * attack; {@link EmbeddingAttack} passes the embeddings themselves.
 *
 * <p>Unlike the published code the search keeps the best candidate as it is, compares only what has
 * changed, and chooses among whole words, so that a prompt is read as it was found.
 *
 * @param pairs prompts with and without the concept, at least one; published are 30 and more
 * @param prompts to which the concept is added, one search each; they need not name the target
 * @param strength eta; published are 3 for nudity and 0.9 for a painter
 * @param vocabulary words that are one token each; empty for all that the model's tokenizer knows.
 *     Leave the target's name out to see whether other words do
 * @param budget of each search
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record RingABell(
    List<PromptPair> pairs,
    List<String> prompts,
    double strength,
    List<String> vocabulary,
    GeneticBudget budget,
    AttackSettings trial)
    implements Attack {
  private static final int TEXTS_AT_ONCE = 64;
  private static final String PURPOSE = "ring-a-bell";

  /** Copies the lists and checks the values. */
  public RingABell {
    pairs = List.copyOf(pairs);
    prompts = List.copyOf(prompts);
    vocabulary = List.copyOf(new LinkedHashSet<>(vocabulary));
    Objects.requireNonNull(budget, "budget");
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!pairs.isEmpty(), "pairs must not be empty");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Preconditions.checkArgument(
        Double.isFinite(strength) && strength != 0,
        "strength must be a number other than 0, was %s",
        strength);
    for (String word : vocabulary) {
      Preconditions.checkArgument(!word.isBlank(), "words of the vocabulary must not be blank");
    }
  }

  @Override
  public String name() {
    return "%d words by a genetic search, %s times".formatted(budget.words(), strength);
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    List<String> words = words(model);
    Preconditions.checkArgument(
        words.size() > 1,
        "vocabulary must have words, had %s, and the tokenizer of '%s' cannot list its own",
        words,
        model.descriptor().name());
    for (String word : vocabulary) {
      LearnedTokens.token(model, word);
    }
    Preconditions.checkArgument(
        fits(model, words, budget.words()),
        "words must fit the context of '%s', were %s",
        model.descriptor().name(),
        budget.words());
  }

  /** The same search for as many words, at most, as the model's context has room for. */
  RingABell fitting(DiffusionModel model) {
    List<String> known = words(model);
    GeneticBudget fitting = budget;
    while (fitting.words() > 1 && !known.isEmpty() && !fits(model, known, fitting.words())) {
      fitting = fitting.words(fitting.words() - 1);
    }
    return new RingABell(pairs, prompts, strength, vocabulary, fitting, trial);
  }

  private static boolean fits(DiffusionModel model, List<String> words, int count) {
    String prompt = String.join(" ", Collections.nCopies(count, words.get(0)));
    return !Capabilities.require(model, PromptTokenizer.class, "a search among words")
        .tokens(prompt)
        .truncated();
  }

  private List<String> words(DiffusionModel model) {
    return vocabulary.isEmpty()
        ? Capabilities.require(model, PromptTokenizer.class, "a search among words").words()
        : vocabulary;
  }

  /** The index of the word at a position. */
  private interface Choice {
    int at(int position);
  }

  private List<String> some(List<String> words, Choice choice) {
    List<String> chosen = new ArrayList<>();
    for (int i = 0; i < budget.words(); i++) {
      chosen.add(words.get(choice.at(i)));
    }
    return chosen;
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial
        .drawing(model)
        .times(models)
        .plus(new AttackCost(0, 0, searched().size() * budget.mostTexts()));
  }

  /** No more prompts than images. */
  private List<String> searched() {
    return prompts.subList(0, Math.min(prompts.size(), trial.images()));
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    return searchedOnce().run(models, cancelled);
  }

  /**
   * {@return the same attack, which searches in its first run on a base model alone: to attack
   * several ablated models of it with the same words}
   */
  public Attack searchedOnce() {
    return new SearchedOnce(this);
  }

  /** What was found on a base model. */
  private record Searched(DiffusionModel base, List<Found> found) {}

  /** Keeps what was found last. Searches that run at the same time do not wait for each other. */
  private static final class SearchedOnce implements ForwardingAttack {
    private final RingABell attack;
    private volatile @Nullable Searched last;

    SearchedOnce(RingABell attack) {
      this.attack = attack;
    }

    @Override
    public Attack attack() {
      return attack;
    }

    @Override
    public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
      long begun = System.nanoTime();
      return AttackSettings.since(
          begun, attack.compare(found(models, cancelled), models, cancelled));
    }

    private List<Found> found(AttackModels models, BooleanSupplier cancelled) {
      Searched before = last;
      if (before != null && before.base() == models.base()) {
        return before.found();
      }
      List<Found> found = attack.search(models, cancelled);
      last = new Searched(models.base(), found);
      return found;
    }
  }

  private List<Found> search(AttackModels models, BooleanSupplier cancelled) {
    DiffusionModel base = models.base();
    List<String> words = words(base);
    List<Found> found = new ArrayList<>();
    for (String prompt : searched()) {
      Attacked searching =
          new Attacked("base", base, cancelled, new LinkedHashMap<>(), models.progress());
      found.add(search(searching, words, prompt, found.size()));
    }
    return List.copyOf(found);
  }

  private AttackResult compare(List<Found> found, AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("pairs", Integer.toString(pairs.size()));
    settings.put("strength", Double.toString(strength));
    settings.put("vocabulary", Integer.toString(words(models.base()).size()));
    settings.put("words", Integer.toString(budget.words()));
    settings.put("population", Integer.toString(budget.population()));
    settings.put("generations", Integer.toString(budget.generations()));
    settings.put("crossover", Double.toString(budget.crossover()));
    settings.put("mutation", Double.toString(budget.mutation()));
    settings.put("texts encoded", Long.toString(found.stream().mapToLong(Found::texts).sum()));
    for (int i = 0; i < found.size(); i++) {
      settings.put(
          "found for '%s'".formatted(prompts.get(i)),
          "%s (squared distance %.4g, at first %.4g)"
              .formatted(found.get(i).prompt(), found.get(i).distance(), found.get(i).first()));
    }
    List<String> asked = trial.inTurn(found.stream().map(Found::prompt).toList());
    return trial.compare(
        "adversarial prompt", name(), settings, asked, models, cancelled, new Asking(trial, asked));
  }

  /**
   * What a search found.
   *
   * @param prompt the words
   * @param distance squared, of its text embeddings to those that are searched
   * @param first that of the best random candidate, with which the search began
   * @param texts how many were encoded
   */
  record Found(String prompt, double distance, double first, long texts) {}

  /** A candidate; not a number until its text was encoded. */
  private static final class Candidate {
    private final int[] words;
    private double distance = Double.NaN;

    Candidate(int[] words) {
      this.words = words;
    }
  }

  /** Searches with the base model's text encoder. */
  Found search(Attacked attacked, List<String> words, String prompt, int index) {
    RandomGenerator random = RandomStreams.stream(trial.seed(), PURPOSE, index);
    DiffusionModel model = attacked.model();
    try (NDManager scope = model.newScope()) {
      Conditioning aim =
          ConceptDirection.of(model, pairs, strength, scope)
              .addedTo(model.encode(List.of(prompt), scope));
      List<Candidate> population = new ArrayList<>();
      for (int i = 0; i < budget.population(); i++) {
        population.add(new Candidate(random.ints(budget.words(), 0, words.size()).toArray()));
      }
      long texts = 0;
      double first = Double.NaN;
      for (int generation = 1; generation <= budget.generations(); generation++) {
        attacked.step(
            "search %d, generation".formatted(index + 1), generation, budget.generations());
        texts += measure(model, aim, words, population);
        population.sort(Comparator.comparingDouble(candidate -> candidate.distance));
        if (generation == 1) {
          first = population.get(0).distance;
        }
        population = new ArrayList<>(population.subList(0, budget.half()));
        if (generation < budget.generations()) {
          population = next(population, words.size(), random);
        }
      }
      Candidate best = population.get(0);
      return new Found(
          String.join(" ", some(words, i -> best.words[i])), best.distance, first, texts);
    }
  }

  /** The survivors and their children, some of them mutated; the best stays as it is, first. */
  private List<Candidate> next(List<Candidate> survivors, int words, RandomGenerator random) {
    List<Candidate> population = new ArrayList<>();
    for (Candidate one : survivors) {
      population.add(one);
      if (random.nextDouble() < budget.crossover()) {
        Candidate other = survivors.get(random.nextInt(survivors.size()));
        int cut = budget.words() == 1 ? 0 : 1 + random.nextInt(budget.words() - 1);
        population.add(crossed(one, other, cut));
        population.add(crossed(other, one, cut));
      }
    }
    for (int i = 1; i < population.size(); i++) {
      if (random.nextDouble() < budget.mutation()) {
        int[] mutated = population.get(i).words.clone();
        mutated[random.nextInt(mutated.length)] = random.nextInt(words);
        population.set(i, new Candidate(mutated));
      }
    }
    return population;
  }

  private static Candidate crossed(Candidate begin, Candidate end, int cut) {
    int[] words = end.words.clone();
    System.arraycopy(begin.words, 0, words, 0, cut);
    return new Candidate(words);
  }

  /** Encodes the candidates that are new; returns how many. */
  private long measure(
      DiffusionModel model, Conditioning aim, List<String> words, List<Candidate> population) {
    List<Candidate> open =
        population.stream().filter(candidate -> Double.isNaN(candidate.distance)).toList();
    for (int from = 0; from < open.size(); from += TEXTS_AT_ONCE) {
      List<Candidate> some = open.subList(from, Math.min(open.size(), from + TEXTS_AT_ONCE));
      double[] distances =
          distances(
              model,
              aim,
              some.stream()
                  .map(candidate -> String.join(" ", some(words, i -> candidate.words[i])))
                  .toList());
      for (int i = 0; i < distances.length; i++) {
        // What is no number is no candidate.
        some.get(i).distance = Double.isNaN(distances[i]) ? Double.MAX_VALUE : distances[i];
      }
    }
    return open.size();
  }

  /** The squared distances of texts' embeddings, of all arrays that depend on the prompt. */
  static double[] distances(DiffusionModel model, Conditioning aim, List<String> texts) {
    double[] distances = new double[texts.size()];
    try (NDManager scope = model.newScope()) {
      Conditioning encoded = model.encode(texts, scope);
      for (String name : List.of(Conditioning.TEXT, Conditioning.POOLED)) {
        if (encoded.has(name)) {
          NDArray square = encoded.get(name).sub(aim.get(name)).square();
          float[] sums = square.reshape(texts.size(), -1).sum(new int[] {1}).toFloatArray();
          Arrays.setAll(distances, i -> distances[i] + sums[i]);
        }
      }
    }
    return distances;
  }
}
