package dev.ablation.testkit;

import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.testing.TinyFlow;
import java.util.Set;

class TinyFlowContractTest extends DiffusionModelContract {
  @Override
  protected DiffusionModel open() {
    return TinyFlow.open(7);
  }

  @Override
  protected Set<Class<?>> capabilities() {
    return Set.of(
        Differentiable.class,
        InputDifferentiable.class,
        LatentCodec.class,
        LoraTraining.class,
        PromptTokenizer.class);
  }

  @Override
  protected double codecTolerance() {
    return 1e-6;
  }
}
