package dev.ablation.emoji.study;

import dev.ablation.Ablation;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.train.Redirection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** The resistant methods with other settings, for studies of them. */
final class ResistantVariant {
  /** The name of the method whose training stops when attacks fail. */
  static final String MEASURED = "measured resistant";

  /** The names of the methods that can be changed. */
  static final List<String> METHODS = List.of("resistant", ResistantVariant.MEASURED);

  private ResistantVariant() {}

  /** Whether a method can be changed. */
  static boolean changes(String method) {
    return METHODS.contains(method);
  }

  /**
   * Changes settings of a resistant method.
   *
   * @param method any
   * @param changes name to value, at least one
   * @return the changed method, named by what differs; every other method as it is
   * @throws IllegalArgumentException if there is no such setting, or a value is none
   */
  static Method of(Method method, Map<String, String> changes) {
    if (!changes(method.name())) {
      return method;
    }
    UnaryOperator<EmojiAblation> training = UnaryOperator.identity();
    UnaryOperator<Redirection> redirection = UnaryOperator.identity();
    UnaryOperator<Ablation> plan = UnaryOperator.identity();
    for (Map.Entry<String, String> change : new TreeMap<>(changes).entrySet()) {
      String value = change.getValue();
      try {
        switch (change.getKey()) {
          case "steps" -> training = then(training, t -> t.training(g -> g.steps(whole(value))));
          case "batch" ->
              training = then(training, t -> t.training(g -> g.batchSize(whole(value))));
          case "rate" ->
              training = then(training, t -> t.training(g -> g.learningRate(number(value))));
          case "lora" ->
              training = then(training, t -> t.training(g -> g.lora(Lora.rank(whole(value)))));
          case "pairs" -> redirection = then(redirection, r -> r.pairs(whole(value)));
          case "keptImages" -> redirection = then(redirection, r -> r.keptImages(whole(value)));
          case "keptPrompts" ->
              redirection =
                  then(redirection, r -> r.keptPrompts(first(r.keptPrompts(), whole(value))));
          case "keptBatch" -> redirection = then(redirection, r -> r.keptBatch(whole(value)));
          case "keepWeight" -> redirection = then(redirection, r -> r.keepWeight(number(value)));
          case "from" -> redirection = then(redirection, r -> r.from(number(value)));
          case "projection" ->
              redirection = then(redirection, r -> r.projection(Boolean.parseBoolean(value)));
          case "words" ->
              redirection = then(redirection, r -> r.words(whole(value), r.placeholder()));
          case "wordRate" ->
              redirection =
                  then(redirection, r -> r.learningOfWords(number(value), r.restartEvery()));
          case "restartEvery" ->
              redirection = then(redirection, r -> r.learningOfWords(r.wordRate(), whole(value)));
          case "wordSteps" -> redirection = then(redirection, r -> r.wordSteps(whole(value)));
          case "relearnEvery" ->
              redirection =
                  then(
                      redirection,
                      r -> r.relearning(whole(value), r.relearnSteps(), r.relearnRadius()));
          case "relearnSteps" ->
              redirection =
                  then(
                      redirection,
                      r -> r.relearning(r.relearnEvery(), whole(value), r.relearnRadius()));
          case "relearnRadius" ->
              redirection =
                  then(
                      redirection,
                      r -> r.relearning(r.relearnEvery(), r.relearnSteps(), number(value)));
          case "weights" -> plan = then(plan, p -> p.weights(group(value)));
          default ->
              throw new IllegalArgumentException(
                  "change must be one of steps, batch, rate, lora, pairs, keptImages,"
                      + " keptPrompts, keptBatch, keepWeight, from, projection, words, wordRate, restartEvery,"
                      + " wordSteps, relearnEvery, relearnSteps, relearnRadius and weights, was '%s'"
                          .formatted(change.getKey()));
        }
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "%s must be a number, was '%s'".formatted(change.getKey(), value), e);
      }
    }
    UnaryOperator<Redirection> settings = redirection;
    UnaryOperator<EmojiAblation> trained = training;
    return new Method(
        method.name() + ", " + new TreeMap<>(changes).toString().replaceAll("[{}]", ""),
        method.differs(),
        false,
        planner(
            method.name().equals(MEASURED),
            ablation -> trained.apply(ablation.redirection(settings)),
            plan));
  }

  /**
   * Plans a resistant removal.
   *
   * @param measured whether training stops when attacks fail
   * @param settings changes of training and redirection
   * @param change of the plan
   */
  static Method.Planner planner(
      boolean measured, UnaryOperator<EmojiAblation> settings, UnaryOperator<Ablation> change) {
    return (target, model, evaluator) -> {
      EmojiAblation ablation = settings.apply(target.ablation().resistant());
      return change.apply(
          (measured
                  ? ablation.training(t -> t.monitor(target.resistantStopping(evaluator)))
                  : ablation)
              .plan(model));
    };
  }

  private static int whole(String value) {
    return Integer.parseInt(value);
  }

  private static List<String> first(List<String> prompts, int count) {
    return prompts.subList(0, Math.min(count, prompts.size()));
  }

  private static double number(String value) {
    return Double.parseDouble(value);
  }

  private static WeightGroup group(String name) {
    return switch (name) {
      case "attention" -> WeightGroup.attention();
      case "cross-attention" -> WeightGroup.crossAttention();
      case "denoiser" -> WeightGroup.denoiser();
      default ->
          throw new IllegalArgumentException(
              "weights must be attention, cross-attention or denoiser, was '%s'".formatted(name));
    };
  }

  private static <T> UnaryOperator<T> then(UnaryOperator<T> first, UnaryOperator<T> next) {
    return given -> next.apply(first.apply(given));
  }
}
