package dev.ablation.train;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorDefaults;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.model.AdamW;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/**
 * The published settings for a kind of concept. Learning rates are effective ones: the published
 * commands scale a base rate by the number of pairs and processes and, in one of the
 * implementations, for prior preservation.
 *
 * {@snippet class="dev.ablation.Snippets" region="preset"}
 *
 * <p>All of them minimise the model-based objective with the paper's teacher by {@link
 * AdamW#reference()}, and stop gradients at the start token.
 *
 * @param name for provenance
 * @param training steps, batch, learning rate, clipping
 * @param weights weights to train
 * @param objective the loss, including prior preservation
 * @param anchors how anchor images are generated if their strategy does not specify it
 * @param styleTemplates prompt templates of a style without its own templates
 */
public record Preset(
    String name,
    GradientTrainer training,
    WeightGroup weights,
    AblationObjective objective,
    AnchorDefaults anchors,
    StyleTemplates styleTemplates) {
  private static final Set<ConceptKind> OF_THE_PAPER =
      EnumSet.of(
          ConceptKind.STYLE,
          ConceptKind.INSTANCE,
          ConceptKind.COMPOSITION,
          ConceptKind.MEMORIZED_IMAGE);
  private static final Set<ConceptKind> OF_DIFFUSERS =
      EnumSet.complementOf(EnumSet.of(ConceptKind.PROMPT_PAIRS));

  /** Checks that the name is not blank and nothing null. */
  public Preset {
    Preconditions.checkArgument(!name.isBlank(), "name of a preset must not be blank");
    Objects.requireNonNull(training, "training");
    Objects.requireNonNull(weights, "weights");
    Objects.requireNonNull(objective, "objective");
    Objects.requireNonNull(anchors, "anchors");
    Objects.requireNonNull(styleTemplates, "styleTemplates");
  }

  /**
   * The default settings of a plan: those of {@link #diffusers}; for prompt pairs, for which
   * nothing is published, those of an instance without augmentation.
   *
   * @param kind of the concept
   * @return the preset
   */
  public static Preset standard(ConceptKind kind) {
    if (kind == ConceptKind.PROMPT_PAIRS) {
      Preset instance = diffusers(ConceptKind.INSTANCE);
      return new Preset(
          "standard",
          instance.training,
          instance.weights,
          instance.objective,
          instance.anchors.augmentation(Augmentation.diffusers().withoutScaling()),
          instance.styleTemplates);
    }
    return diffusers(kind);
  }

  /**
   * The settings of the paper's own implementation (CompVis), with two processes as documented. No
   * gradient is clipped; anchors are 1,000 images by 200 steps of DDIM with eta 1 and guidance 6;
   * styles have six forms.
   *
   * <table>
   * <caption>What differs by kind</caption>
   * <tr><th>kind</th><th>learning rate</th><th>pairs</th><th>steps</th><th>weights</th>
   * <th>prior</th><th>augmentation</th></tr>
   * <tr><td>style</td><td>1.6e-5 = 2e-6 x 4 pairs x 2 processes</td><td>8</td><td>110</td>
   * <td>cross-attention keys and values</td><td>none</td><td>no</td></tr>
   * <tr><td>instance, composition</td><td>1.6e-5 = 2e-6 x 4 x 2</td><td>8</td><td>110</td>
   * <td>cross-attention keys and values</td><td>none, see {@link #paperWithPrior}</td>
   * <td>yes</td></tr>
   * <tr><td>memorized image</td><td>2e-6 = 5e-7 x 2 x 2</td><td>2 and 2 of the prior</td>
   * <td>410</td><td>the whole denoising network</td><td>0.2</td><td>no</td></tr>
   * </table>
   *
   * <p>The published evaluations take the weights after step 100 or 400. The reference treats a
   * composition as an instance.
   *
   * @param kind of the concept
   * @return the preset
   * @throws IllegalArgumentException if that implementation has no settings for the kind
   */
  public static Preset paper(ConceptKind kind) {
    refuseOthers("paper", kind, OF_THE_PAPER);
    AblationObjective objective = AblationObjective.modelBased();
    double noClipping = Double.POSITIVE_INFINITY;
    if (kind == ConceptKind.MEMORIZED_IMAGE) {
      return new Preset(
          "paper",
          trainer(410, 2, 5e-7 * 2 * 2, noClipping),
          WeightGroup.denoiser(),
          objective.plus(priorOfThePaper()),
          AnchorDefaults.paper(),
          StyleTemplates.paper());
    }
    return new Preset(
        "paper",
        trainer(110, 8, 2e-6 * 4 * 2, noClipping),
        WeightGroup.crossAttentionKeyValue(),
        objective,
        AnchorDefaults.paper()
            .augmentation(
                kind == ConceptKind.STYLE
                    ? Augmentation.paper().withoutScaling()
                    : Augmentation.paper()),
        StyleTemplates.paper());
  }

  /**
   * The settings of {@link #paper} with prior preservation, as published where target and anchor
   * share words ("grumpy cat" and "cat"): weight 0.2, and half of the 8 images of a step are the
   * prior's.
   *
   * @param kind of the concept
   * @return the preset
   * @throws IllegalArgumentException if nothing is published with prior preservation for the kind
   */
  public static Preset paperWithPrior(ConceptKind kind) {
    refuseWithPrior("paper", kind, OF_THE_PAPER);
    Preset without = paper(kind);
    return without.objective.usesPriorBatch()
        ? without
        : new Preset(
            "paper with prior",
            without.training.batchSize(without.training.batchSize() / 2),
            without.weights,
            without.objective.plus(priorOfThePaper()),
            without.anchors,
            without.styleTemplates);
  }

  /**
   * The settings of the reference implementation for diffusers, with two processes as documented.
   * Gradients are clipped to norm 1; anchors are 1,000 images by 25 steps of DPM-Solver++ and
   * guidance 6; styles have two forms.
   *
   * <table>
   * <caption>What differs by kind</caption>
   * <tr><th>kind</th><th>learning rate</th><th>pairs</th><th>steps</th><th>weights</th>
   * <th>prior</th><th>augmentation</th></tr>
   * <tr><td>style</td><td>1.6e-5 = 2e-6 x 4 pairs x 2 processes</td><td>8</td><td>100</td>
   * <td>cross-attention keys and values</td><td>none</td><td>no</td></tr>
   * <tr><td>instance, composition</td><td>1.6e-5 = 2e-6 x 4 x 2</td><td>8</td><td>100</td>
   * <td>cross-attention keys and values</td><td>none, see {@link #diffusersWithPrior}</td>
   * <td>yes</td></tr>
   * <tr><td>memorized image</td><td>4e-6 = 5e-7 x 2 x 2 x 2 for the prior</td><td>4</td>
   * <td>400</td><td>the whole denoising network</td><td>1</td><td>yes</td></tr>
   * <tr><td>inappropriate content</td><td>6.4e-5 = 4e-6 x 4 x 2 x 2 for the prior</td><td>8</td>
   * <td>400</td><td>all attention</td><td>1</td><td>no</td></tr>
   * </table>
   *
   * <p>Anchors of inappropriate content are drawn with the target as negative prompt. The reference
   * treats a composition as an instance.
   *
   * @param kind of the concept
   * @return the preset
   * @throws IllegalArgumentException if that implementation has no settings for the kind
   */
  public static Preset diffusers(ConceptKind kind) {
    refuseOthers("diffusers", kind, OF_DIFFUSERS);
    AblationObjective objective = AblationObjective.modelBased();
    AblationObjective withPrior = objective.plus(AblationObjective.priorPreservation());
    if (kind == ConceptKind.MEMORIZED_IMAGE) {
      return new Preset(
          "diffusers",
          trainer(400, 4, 5e-7 * 2 * 2 * 2, 1),
          WeightGroup.denoiser(),
          withPrior,
          AnchorDefaults.diffusers().augmentation(Augmentation.diffusers()),
          StyleTemplates.diffusers());
    }
    if (kind == ConceptKind.INAPPROPRIATE_CONTENT) {
      return new Preset(
          "diffusers",
          trainer(400, 8, 4e-6 * 4 * 2 * 2, 1),
          WeightGroup.attention(),
          withPrior,
          AnchorDefaults.diffusers().avoidTarget(true),
          StyleTemplates.diffusers());
    }
    return new Preset(
        "diffusers",
        trainer(100, 8, 2e-6 * 4 * 2, 1),
        WeightGroup.crossAttentionKeyValue(),
        objective,
        AnchorDefaults.diffusers()
            .augmentation(
                kind == ConceptKind.STYLE
                    ? Augmentation.diffusers().withoutScaling()
                    : Augmentation.diffusers()),
        StyleTemplates.diffusers());
  }

  /**
   * The settings of {@link #diffusers} with prior preservation, as published where target and
   * anchor share words ("grumpy cat" and "cat"): weight 1, 8 further images a step, and twice the
   * learning rate.
   *
   * @param kind of the concept
   * @return the preset
   * @throws IllegalArgumentException if nothing is published with prior preservation for the kind
   */
  public static Preset diffusersWithPrior(ConceptKind kind) {
    refuseWithPrior("diffusers", kind, OF_DIFFUSERS);
    Preset without = diffusers(kind);
    return without.objective.usesPriorBatch()
        ? without
        : new Preset(
            "diffusers with prior",
            without.training.learningRate(2 * without.training.learningRate()),
            without.weights,
            without.objective.plus(AblationObjective.priorPreservation()),
            without.anchors,
            without.styleTemplates);
  }

  private static AblationObjective priorOfThePaper() {
    return AblationObjective.maskedPriorPreservation().times(0.2);
  }

  private static GradientTrainer trainer(
      int steps, int batchSize, double learningRate, double maxGradientNorm) {
    return GradientTrainer.defaults()
        .steps(steps)
        .batchSize(batchSize)
        .learningRate(learningRate)
        .maxGradientNorm(maxGradientNorm);
  }

  private static void refuseOthers(String preset, ConceptKind kind, Set<ConceptKind> kinds) {
    Preconditions.checkArgument(
        kinds.contains(kind),
        "preset '%s' must be asked for a kind with published numbers, one of %s, was %s",
        preset,
        kinds,
        kind);
  }

  private static void refuseWithPrior(String preset, ConceptKind kind, Set<ConceptKind> kinds) {
    EnumSet<ConceptKind> withPrior = EnumSet.copyOf(kinds);
    withPrior.remove(ConceptKind.STYLE);
    refuseOthers(preset + " with prior", kind, withPrior);
  }
}
