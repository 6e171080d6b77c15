package dev.ablation.train;

import dev.ablation.concept.ConceptKind;
import dev.ablation.model.AdamW;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;

/**
 * The published numbers for a kind of concept. Learning rates are effective ones: what the
 * published commands reach by scaling a base number with accumulation, batch and processes.
 *
 * {@snippet class="dev.ablation.Snippets" region="preset"}
 *
 * @param name for provenance
 * @param training steps, batch, learning rate, clipping
 * @param weights what is trained
 * @param objective what is minimised
 */
public record Preset(
    String name, GradientTrainer training, WeightGroup weights, AblationObjective objective) {

  /**
   * The numbers of the reference implementation for diffusers. Styles and instances: base learning
   * rate 2e-6 times 4 pairs times 2 GPUs = 1.6e-5, so 8 pairs a step; 100 steps; cross-attention
   * keys and values; gradients clipped to norm 1; AdamW with weight decay 0.01; model-based
   * objective with the paper's teacher.
   *
   * @param kind of the concept
   * @return the preset
   */
  public static Preset diffusers(ConceptKind kind) {
    return switch (kind) {
      case STYLE, INSTANCE ->
          new Preset(
              "diffusers",
              new GradientTrainer(100, 8, 1.6e-5, 1, AdamW.reference(), true),
              WeightGroup.crossAttentionKeyValue(),
              AblationObjective.modelBased());
    };
  }
}
