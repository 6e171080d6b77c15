package dev.ablation.examples.study;

import dev.ablation.Ablation;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A way to ablate: the recommended settings of the embedded model, but for one thing.
 *
 * @param name short, for the tables' first column
 * @param differs what is not as recommended; empty for the recommended settings themselves
 * @param change makes that difference
 */
record Method(String name, String differs, UnaryOperator<Ablation> change) {

  /** Every method that the published comparison has. */
  static List<Method> all() {
    AblationObjective frozen = AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS);
    return List.of(
        new Method("recommended", "", UnaryOperator.identity()),
        new Method(
            "paper's teacher",
            "teacher: the weights under training",
            plan -> plan.objective(AblationObjective.modelBased())),
        new Method(
            "noise-based",
            "objective: noise-based",
            plan -> plan.objective(AblationObjective.noiseBased())),
        new Method(
            "with prior",
            "objective: model-based + prior preservation",
            plan -> plan.objective(frozen.plus(AblationObjective.priorPreservation()))),
        new Method(
            "all attention",
            "weights: all attention, learning rate 5e-4",
            plan -> plan.weights(WeightGroup.attention()).training(t -> t.learningRate(5e-4))),
        new Method(
            "whole UNet",
            "weights: the whole UNet, learning rate 2e-4",
            plan -> plan.weights(WeightGroup.denoiser()).training(t -> t.learningRate(2e-4))),
        new Method(
            "token embeddings",
            "weights: token embeddings of the target, learning rate 1e-2",
            plan ->
                plan.weights(WeightGroup.tokenEmbeddings()).training(t -> t.learningRate(1e-2))),
        new Method(
            "low rank",
            "keys and values by LoRA of rank 8, learning rate 5e-3",
            plan -> plan.training(t -> t.lora(Lora.rank(8)).learningRate(5e-3))));
  }
}
