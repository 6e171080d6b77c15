package dev.ablation.testkit;

import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.testing.TinyDiffusion;
import java.util.Set;

/** A contract is of use by itself. */
class OneCapabilityTest extends PromptTokenizerContract {
  OneCapabilityTest() {
    super(new Tiny());
  }

  private static final class Tiny extends ModelFixture {
    @Override
    protected DiffusionModel open() {
      return TinyDiffusion.open(3);
    }

    @Override
    protected Set<Class<?>> capabilities() {
      return Set.of(PromptTokenizer.class);
    }
  }
}
