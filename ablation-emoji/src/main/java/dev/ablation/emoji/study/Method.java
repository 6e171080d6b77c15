package dev.ablation.emoji.study;

import dev.ablation.Ablation;
import dev.ablation.concept.Preservation;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.train.LearningRateSchedule;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A way to ablate: training with the embedded model's settings, with one difference.
 *
 * @param name short, for the tables' first column
 * @param differs what is not as in the first method; empty for the first one
 * @param forAll whether it is tried on every target, not on a few
 * @param planner makes the plan
 */
record Method(String name, String differs, boolean forAll, Planner planner) {
  /** Of steps that keep what a closed form loses. */
  private static final int KEPT_STEPS = 60;

  /** A fifth of the rate of training from the base model. */
  private static final double KEPT_RATE = 3e-4;

  /** Steps at most, where measuring stops a run. */
  static final int MOST_STEPS = 400;

  /** Makes a plan for a target. */
  @FunctionalInterface
  interface Planner {
    Ablation plan(StudyTarget target, DiffusionModel model, EmbeddedEvaluator evaluator);
  }

  private static Method changing(String name, String differs, UnaryOperator<Ablation> change) {
    return new Method(
        name, differs, false, (target, model, evaluator) -> change.apply(target.plan(model)));
  }

  /**
   * A closed form whose polish works on what least squares loses: it holds all embeddings alike,
   * and these steps hold predictions, where the network is sensitive. Early stopping would make
   * none, since the target is gone at once.
   */
  private static Ablation kept(StudyTarget target, DiffusionModel model) {
    EmojiAblation ablation = target.ablation().polishedClosedForm();
    return ablation
        .training(t ->
            t.steps(KEPT_STEPS).learningRate(KEPT_RATE).schedule(LearningRateSchedule.cosine(0, 0)))
        .plan(model)
        .preserve(Preservation.ofPrompts(ablation.preservedCaptions()));
  }

  /** Returns a method by its name. */
  static Method named(String name) {
    return all().stream()
        .filter(method -> method.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "method must be one of %s, was '%s'"
                    .formatted(all().stream().map(Method::name).toList(), name)));
  }

  /** Every method of the benchmark, the one that others are compared with first. */
  static List<Method> all() {
    AblationObjective frozen = AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS);
    return List.of(
        new Method(
            "measured",
            "",
            true,
            (target, model, evaluator) ->
                target
                    .plan(model)
                    .training(t -> t.steps(MOST_STEPS).monitor(target.stopping(evaluator)))),
        new Method(
            "fixed steps",
            "200 steps, without early stopping",
            true,
            (target, model, evaluator) -> target.plan(model)),
        new Method(
            "closed form",
            "least squares on text embeddings, no image and no step",
            true,
            (target, model, evaluator) -> target.ablation().closedForm().plan(model)),
        new Method(
            "polished closed form",
            "begins with the closed form",
            true,
            (target, model, evaluator) ->
                target
                    .ablation()
                    .polishedClosedForm()
                    .training(t -> t.steps(MOST_STEPS).monitor(target.stopping(evaluator)))
                    .plan(model)),
        new Method(
            "kept closed form",
            "begins with the closed form; 60 steps without early stopping, learning rate 3e-4 falling"
                + " to none, the captions that stay are preserved",
            false,
            (target, model, evaluator) -> kept(target, model)),
        new Method(
            "resistant",
            "begins with the closed form; redirection of the whole denoiser, learned words",
            false,
            ResistantVariant.planner(false, UnaryOperator.identity(), UnaryOperator.identity())),
        new Method(
            ResistantVariant.MEASURED,
            "the same, until neither noised images nor a learned word bring the target back",
            false,
            ResistantVariant.planner(true, UnaryOperator.identity(), UnaryOperator.identity())),
        changing(
            "paper's teacher",
            "200 steps; teacher: the weights under training",
            plan -> plan.objective(AblationObjective.modelBased())),
        new Method(
            "paper's teacher, measured",
            "teacher: the weights under training",
            false,
            (target, model, evaluator) ->
                target
                    .plan(model)
                    .objective(AblationObjective.modelBased())
                    .training(t -> t.steps(MOST_STEPS).monitor(target.stopping(evaluator)))),
        changing(
            "noise-based",
            "200 steps; objective: noise-based",
            plan -> plan.objective(AblationObjective.noiseBased())),
        changing(
            "with prior",
            "200 steps; objective: model-based + prior preservation",
            plan -> plan.objective(frozen.plus(AblationObjective.priorPreservation()))),
        new Method(
            "other anchor",
            "200 steps; anchor of a style: captions without a style; of an object: its category",
            false,
            (target, model, evaluator) ->
                target.kind() == Kind.STYLE
                    ? EmojiAblation.style(target.name(), EmojiAblation.NO_STYLE).plan(model)
                    : target.kind() == Kind.INSTANCE
                        ? EmojiAblation.instance(
                                target.name(), EmbeddedModel.categoryOf(target.name()))
                            .plan(model)
                        : target.plan(model)),
        changing(
            "all attention",
            "200 steps; weights: all attention, learning rate 5e-4",
            plan -> plan.weights(WeightGroup.attention()).training(t -> t.learningRate(5e-4))),
        changing(
            "whole UNet",
            "200 steps; weights: the whole UNet, learning rate 2e-4",
            plan -> plan.weights(WeightGroup.denoiser()).training(t -> t.learningRate(2e-4))),
        changing(
            "token embeddings",
            "200 steps; weights: token embeddings of the target, learning rate 1e-2",
            plan ->
                plan.weights(WeightGroup.tokenEmbeddings()).training(t -> t.learningRate(1e-2))),
        changing(
            "low rank",
            "200 steps; keys and values by LoRA of rank 8, learning rate 5e-3",
            plan -> plan.training(t -> t.lora(Lora.rank(8)).learningRate(5e-3))));
  }
}
