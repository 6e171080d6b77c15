package dev.ablation.testkit;

import dev.ablation.model.DiffusionModel;
import org.junit.jupiter.api.Nested;

/**
 * What every {@link DiffusionModel} keeps to, by capability. An adapter's test extends this class
 * and opens a small model; each rule is then a separate test:
 *
 * <pre>{@code
 * class MyModelContractTest extends DiffusionModelContract {
 *   @Override
 *   protected DiffusionModel open() {
 *     return MyModel.open(Path.of("src/test/resources/small-model"));
 *   }
 *
 *   @Override
 *   protected Set<Class<?>> capabilities() {
 *     return Set.of(Differentiable.class, LatentCodec.class);
 *   }
 * }
 * }</pre>
 *
 * <p>Rules of capabilities that the model lacks are skipped. To test one capability alone, extend
 * its contract, such as {@link LatentCodecContract}, with its own {@link ModelFixture}.
 */
public abstract class DiffusionModelContract extends ModelFixture {
  /** For subclasses. */
  protected DiffusionModelContract() {}

  /** Whatever the model can do. */
  @Nested
  class OfSampling extends SamplingContract {
    /** For JUnit. */
    OfSampling() {
      super(DiffusionModelContract.this);
    }
  }

  /**
   * How a model gives access to its weights, bind other arrays in their place, and overwrite them.
   */
  @Nested
  class OfWeights extends WeightsContract {
    /** For JUnit. */
    OfWeights() {
      super(DiffusionModelContract.this);
    }
  }

  /** How a model turns latents into images and back. */
  @Nested
  class OfLatentCodec extends LatentCodecContract {
    /** For JUnit. */
    OfLatentCodec() {
      super(DiffusionModelContract.this);
    }
  }

  /** How a model reports what it reads of a prompt. */
  @Nested
  class OfPromptTokenizer extends PromptTokenizerContract {
    /** For JUnit. */
    OfPromptTokenizer() {
      super(DiffusionModelContract.this);
    }
  }

  /** How a model trains copies of its weights and computes gradients. */
  @Nested
  class OfDifferentiable extends DifferentiableContract {
    /** For JUnit. */
    OfDifferentiable() {
      super(DiffusionModelContract.this);
    }
  }

  /** How a model computes gradients with respect to latents and conditioning. */
  @Nested
  class OfInputDifferentiable extends InputDifferentiableContract {
    /** For JUnit. */
    OfInputDifferentiable() {
      super(DiffusionModelContract.this);
    }
  }

  /** How the optimiser of a training session steps, saves and restores. */
  @Nested
  class OfOptimizer extends OptimizerContract {
    /** For JUnit. */
    OfOptimizer() {
      super(DiffusionModelContract.this);
    }
  }

  /** How a model trains low-rank changes beside its weights. */
  @Nested
  class OfLowRankTraining extends LowRankTrainingContract {
    /** For JUnit. */
    OfLowRankTraining() {
      super(DiffusionModelContract.this);
    }
  }

  /** How views of a model share its weights. */
  @Nested
  class OfModelViews extends ModelViewsContract {
    /** For JUnit. */
    OfModelViews() {
      super(DiffusionModelContract.this);
    }
  }

  /** How a model writes a complete checkpoint. */
  @Nested
  class OfCheckpointExport extends CheckpointExportContract {
    /** For JUnit. */
    OfCheckpointExport() {
      super(DiffusionModelContract.this);
    }
  }
}
