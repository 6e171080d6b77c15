package dev.ablation.djl;

import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelViews;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.sample.SamplingDefaults;
import dev.ablation.testkit.DiffusionModelContract;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Nested;

/** The models that are trained by flow matching keep the contract. */
class FlowContractTest {

  @Nested
  class OfStableDiffusion3 extends Contract {
    OfStableDiffusion3() {
      super("tiny-sd3");
    }
  }

  /** Takes a guidance scale. */
  @Nested
  class OfFluxDev extends Contract {
    OfFluxDev() {
      super("tiny-flux-dev");
    }
  }

  abstract static class Contract extends DiffusionModelContract {
    private final String pipeline;

    Contract(String pipeline) {
      this.pipeline = pipeline;
    }

    @Override
    protected DiffusionModel open() throws IOException {
      return reopen(FlowGolden.path("pipelines").resolve(pipeline));
    }

    @Override
    protected DiffusionModel reopen(Path folder) throws IOException {
      return DiffusionPipeline.load(
          folder, LoadOptions.defaults().device(Golden.device()).threads(1).maxSequenceLength(24));
    }

    @Override
    protected boolean hasCrossAttention() {
      return false;
    }

    /** The network multiplies the guidance scale by 1000 and takes sines of it. */
    @Override
    protected double differenceStep(String condition) {
      return condition.equals(Conditioning.GUIDANCE) ? 5e-5 : super.differenceStep(condition);
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
          PromptTokenizer.class,
          SamplingDefaults.class);
    }
  }
}
