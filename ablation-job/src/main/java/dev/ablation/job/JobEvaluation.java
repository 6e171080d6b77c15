package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How the result is evaluated: with images before and after from the same seeds.
 *
 * @param evaluator {@code embedded}: the emoji model's evaluator. {@code pixels}: how much pixels
 *     change. {@code none}: no evaluation, no images. Else the path of a CLIP folder. Default:
 *     {@code embedded} for the emoji model, else {@code pixels}
 * @param images how many images are drawn. Default: 6 of each subject with {@code embedded}, 4 with
 *     {@code pixels}, the paper's numbers with CLIP
 * @param neighbours concepts that are near the target and must stay. The emoji model has its own
 * @param unrelated prompts that have nothing to do with the target
 * @param sampling how the images are drawn
 * @param attacks attempts to recover the target; {@code quick} and {@code full} are sets of them,
 *     {@code none} takes them away. Default with {@code embedded}: {@code wordings}
 * @param nearest neighbours that are found by themselves, in addition
 * @param inPrompt other things, as a prompt names them beside the target; they must stay
 * @param control checkpoint of a model that never knew the target, on which every attack is made,
 *     too
 */
@Shorthand("evaluator")
@CheckReturnValue
public record JobEvaluation(
    @Described(
            "`embedded`: the emoji model's evaluator. `pixels`: how much pixels change. `none`: no evaluation, no images. Else the path of a CLIP folder. Default: `embedded` for the emoji model, else `pixels`.")
        @Nullable String evaluator,
    @Described(
            "How many images are drawn. Default: 6 of each subject with `embedded`, 4 with `pixels`, the paper's numbers with CLIP.")
        @Nullable JobImageCounts images,
    @Described("Concepts that are near the target and must stay. The emoji model has its own.")
        List<JobConcept> neighbours,
    @Described("Prompts that have nothing to do with the target.") List<String> unrelated,
    @Described("How the images are drawn.") @Nullable JobSampling sampling,
    @Described(
            value =
                "Attempts to recover the target; `quick` and `full` are sets of them. Default with `embedded`: `wordings`, which `none` takes away.",
            alone = true)
        List<JobAttack> attacks,
    @Described(
            "Neighbours that are found by themselves, in addition; those of the emoji model take the place of its own.")
        @Nullable JobNearest nearest,
    @Described(
            "Other things, as a prompt names them beside the target, such as `a bicycle`; they must stay. Not for the emoji model, which draws one thing.")
        List<String> inPrompt,
    @Described(
            "Checkpoint of a model that never knew the target, such as one trained by the same recipe without it. Every attack is made on it, too: what the ablated model draws beyond it was not removed.")
        @Nullable Path control) {

  /** Copies and checks the values. */
  public JobEvaluation {
    neighbours = neighbours == null ? List.of() : List.copyOf(neighbours);
    unrelated = unrelated == null ? List.of() : List.copyOf(unrelated);
    attacks = attacks == null ? List.of() : List.copyOf(attacks);
    inPrompt = inPrompt == null ? List.of() : List.copyOf(inPrompt);
  }

  /** The evaluator of the emoji model. */
  public static final String EMBEDDED = "embedded";

  /** Measures only how much pixels change. */
  public static final String PIXELS = "pixels";

  /** Draws and measures nothing. */
  public static final String NONE = "none";

  /**
   * Chooses an evaluator.
   *
   * @param evaluator {@code embedded}, {@code pixels}, {@code none} or the path of a CLIP folder
   * @return the evaluation
   */
  public static JobEvaluation with(String evaluator) {
    return new JobEvaluation(
        evaluator, null, List.of(), List.of(), null, List.of(), null, List.of(), null);
  }

  /** {@return the evaluation with an evaluator's defaults} */
  public static JobEvaluation defaults() {
    return new JobEvaluation(
        null, null, List.of(), List.of(), null, List.of(), null, List.of(), null);
  }

  /**
   * Changes the neighbours.
   *
   * @param changed concepts that must stay
   * @return a copy with the given neighbours
   */
  public JobEvaluation neighbours(List<JobConcept> changed) {
    return new JobEvaluation(
        evaluator, images, changed, unrelated, sampling, attacks, nearest, inPrompt, control);
  }

  /**
   * Changes the evaluator.
   *
   * @param changed as {@link #with} takes it
   * @return a copy with the given evaluator
   */
  public JobEvaluation evaluator(String changed) {
    return new JobEvaluation(
        changed, images, neighbours, unrelated, sampling, attacks, nearest, inPrompt, control);
  }

  /**
   * Changes how neighbours are found.
   *
   * @param changed the search; {@code null} for none
   * @return a copy with the given search
   */
  public JobEvaluation nearest(@Nullable JobNearest changed) {
    return new JobEvaluation(
        evaluator, images, neighbours, unrelated, sampling, attacks, changed, inPrompt, control);
  }

  /**
   * Changes the attacks.
   *
   * @param changed such as {@code List.of(JobAttack.of("quick"))}
   * @return a copy with the given attacks
   */
  public JobEvaluation attacks(List<JobAttack> changed) {
    return new JobEvaluation(
        evaluator, images, neighbours, unrelated, sampling, changed, nearest, inPrompt, control);
  }

  /**
   * Changes the control.
   *
   * @param changed checkpoint of a model that never knew the target; {@code null} for none
   * @return a copy with the given control
   */
  public JobEvaluation control(@Nullable Path changed) {
    return new JobEvaluation(
        evaluator, images, neighbours, unrelated, sampling, attacks, nearest, inPrompt, changed);
  }

  /** {@return the folder of CLIP, if it is the evaluator} */
  public Optional<String> evaluatorPath() {
    return Optional.ofNullable(evaluator)
        .filter(name -> !List.of(NONE, PIXELS, EMBEDDED).contains(name));
  }

  /** {@return whether nothing is drawn and measured} */
  public boolean isNone() {
    return NONE.equals(evaluator);
  }
}
