package dev.ablation.cli;

import dev.ablation.Ablation;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.model.DiffusionModel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The request of the command line, checked as far as possible before a model is opened.
 *
 * @param planning makes the plan, evaluation included
 * @param columns captions of the evaluation's images: image i of every subject is of column i
 */
record AblationJob(Planning planning, List<String> columns) {
  AblationJob {
    columns = List.copyOf(columns);
  }

  /** Makes a plan of a model. */
  interface Planning {
    /**
     * Plans the ablation and its evaluation.
     *
     * @param model to remove something from
     * @param evaluator of the embedded model; {@code null} with any other
     */
    Ablation plan(DiffusionModel model, @Nullable EmbeddedEvaluator evaluator);
  }

  /** Removes something from the embedded model. */
  static AblationJob of(EmojiAblation ablation, long seed) {
    return new AblationJob(
        (model, evaluator) -> {
          Ablation plan = ablation.plan(model).seed(seed);
          return evaluator == null ? plan : plan.evaluate(ablation.evaluation(evaluator, seed));
        },
        ablation.columns());
  }
}
