package dev.ablation.emoji.study;

import dev.ablation.Ablation;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.study.ResistanceStudy.Way;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.train.Redirection;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** The resistant method with other settings, for studies of them. */
final class ResistantVariant {
  /** The name of the method that is changed. */
  static final String METHOD = "resistant";

  private ResistantVariant() {}

  /**
   * Changes settings.
   *
   * @param changes name to value
   * @return the changed way, named by what differs
   * @throws IllegalArgumentException if there is no such setting, or a value is none
   */
  static Way of(Map<String, String> changes) {
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
          case "relearnEvery" ->
              redirection =
                  then(
                      redirection,
                      r -> r.relearning(whole(value), r.relearnSteps(), r.relearnRadius()));
          case "weights" -> plan = then(plan, p -> p.weights(group(value)));
          default ->
              throw new IllegalArgumentException(
                  "change must be one of steps, batch, rate, lora, pairs, keptImages,"
                      + " keptBatch, keepWeight, from, projection, words, wordRate, restartEvery,"
                      + " relearnEvery and weights, was '%s'".formatted(change.getKey()));
        }
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "%s must be a number, was '%s'".formatted(change.getKey(), value), e);
      }
    }
    UnaryOperator<Redirection> settings = redirection;
    UnaryOperator<EmojiAblation> trained = training;
    UnaryOperator<Ablation> planned = plan;
    String name = METHOD + ", " + new TreeMap<>(changes).toString().replaceAll("[{}]", "");
    return new Way(
        name,
        (target, model, evaluator) ->
            planned.apply(
                trained.apply(target.ablation().resistant().redirection(settings)).plan(model)));
  }

  private static int whole(String value) {
    return Integer.parseInt(value);
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
