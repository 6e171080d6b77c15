package dev.ablation.emoji;

import dev.ablation.djl.clip.Clip;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.metric.FeatureMatrix;
import java.util.function.Predicate;

/**
 * Counts images by the evaluator's verdict.
 *
 * @param evaluator the evaluator that judges them
 * @param name what is counted, in words
 * @param counts whether an image counts
 */
record EmojiDetector(
    EmbeddedEvaluator evaluator, String name, Predicate<EmbeddedEvaluator.Verdict> counts)
    implements ConceptDetector {

  @Override
  public Clip extractor() {
    return evaluator.clip();
  }

  @Override
  public double[] shows(FeatureMatrix features) {
    return evaluator.judge(features).stream()
        .mapToDouble(verdict -> counts.test(verdict) ? 1 : 0)
        .toArray();
  }
}
