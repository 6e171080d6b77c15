package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;

/**
 * How words are searched by a genetic algorithm.
 *
 * @param words how many are searched, positive
 * @param population candidates, at least 2; the better half stays in each generation
 * @param generations how often the better half is chosen, positive
 * @param crossover probability that a candidate has two children with another, from 0 to 1
 * @param mutation probability that one word of a candidate is exchanged, from 0 to 1
 */
@CheckReturnValue
public record GeneticBudget(
    int words, int population, int generations, double crossover, double mutation) {

  /** Checks the ranges. */
  public GeneticBudget {
    Preconditions.checkArgument(words > 0, "words must be positive, was %s", words);
    Preconditions.checkArgument(
        population > 1, "population must be at least 2, was %s", population);
    Preconditions.checkArgument(
        generations > 0, "generations must be positive, was %s", generations);
    Preconditions.checkArgument(
        crossover >= 0 && crossover <= 1, "crossover must be from 0 to 1, was %s", crossover);
    Preconditions.checkArgument(
        mutation >= 0 && mutation <= 1, "mutation must be from 0 to 1, was %s", mutation);
  }

  /**
   * {@return 16 words, 200 candidates, 3,000 generations, crossover 0.5, mutation 0.25, as
   * Ring-A-Bell (Tsai et al. 2024, arXiv 2310.10012)}
   */
  public static GeneticBudget published() {
    return new GeneticBudget(16, 200, 3000, 0.5, 0.25);
  }

  /**
   * Changes the number of words.
   *
   * @param count positive; published are 16, 38 and 77
   * @return a copy with the given number
   */
  public GeneticBudget words(int count) {
    return new GeneticBudget(count, population, generations, crossover, mutation);
  }

  /**
   * Changes the number of generations.
   *
   * @param count positive
   * @return a copy with the given number
   */
  public GeneticBudget generations(int count) {
    return new GeneticBudget(words, population, count, crossover, mutation);
  }

  /**
   * The most candidates that a search compares: all children, and every mutated one but the best.
   */
  long mostTexts() {
    return population + (generations - 1L) * (3L * half() - 1);
  }

  int half() {
    return population / 2;
  }
}
