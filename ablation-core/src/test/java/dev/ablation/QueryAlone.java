package dev.ablation;

import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.TrainingSession;
import java.util.List;

/** A model of which one weight alone has a low-rank form. */
final class QueryAlone implements LoraTraining {
  private final LoraTraining training;

  QueryAlone(LoraTraining training) {
    this.training = training;
  }

  @Override
  public boolean hasLowRankForm(String weight) {
    return weight.equals("network.query");
  }

  @Override
  public TrainingSession train(
      List<String> weights, Lora lora, long seed, GradientOptions options) {
    return training.train(weights, lora, seed, options);
  }
}
