package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.concept.Concept;




import dev.ablation.evaluate.TextImageEncoder;

import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;

import dev.ablation.evaluation.Protocol;
import dev.ablation.evaluation.Role;

import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;


import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of how to evaluate, each inside of a test. */
class EvaluationSnippets {
  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final TextImageEncoder clip = new TinyEncoder();
  private final List<String> paintings = List.of("a painting of a boat", "a painting of trees");

  @TempDir private Path folder;

  @AfterEach
  void close() {
    model.close();
  }

  private static Protocol small(Protocol protocol) {
    return protocol
        .withPictures(4, 4, 4)
        .withSampling(new SamplingSettings(Sampler.ddim(1), 2, 6, "", 3));
  }

  @Test
  void evaluate() {
    List<String> captions = List.of("a dog on a lawn", "a red bus", "a bowl of soup");
    // @start region="evaluate"
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor("painting")
            .evaluate(Evaluation.with(clip).neighbours("Monet", "Dali").unrelated(captions));
    // @end
    plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor(
                dev.ablation.anchor.AnchorStrategy.generated("painting", paintings)
                    .images(2)
                    .sampling(SamplingSettings.defaults().withSteps(2)))
            .evaluate(
                Evaluation.with(clip)
                    .neighbours("Monet", "Dali")
                    .unrelated(captions)
                    .protocol(EvaluationSnippets::small))
            .training(t -> t.steps(2).batchSize(2));
    // @start region="evaluation-result"
    try (AblationResult result = plan.run()) {
      EvaluationResult evaluation = result.evaluation().orElseThrow();
      System.out.println(evaluation); // a table
      // @end
      assertThat(evaluation.of(Role.NEIGHBOUR)).hasSize(2);
    }
  }
}
