package dev.ablation.testkit;

import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelViews;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;

// @start region="contract"
class TinyDiffusionContractTest extends DiffusionModelContract {
  @Override
  protected DiffusionModel open() {
    return TinyDiffusion.open(7);
  }

  @Override
  protected Set<Class<?>> capabilities() {
    return Set.of(
        CheckpointExport.class,
        Differentiable.class,
        InputDifferentiable.class,
        LatentCodec.class,
        LoraTraining.class,
        ModelViews.class,
        PromptTokenizer.class);
  }

  @Override
  protected DiffusionModel reopen(Path folder) throws IOException {
    return TinyDiffusion.load(folder);
  }

  @Override
  protected double codecTolerance() {
    return 1e-6;
  }
}
// @end
