package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.FlowGolden;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.golden.Golden;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The training runs of SDXL in the second directory, of the model in the first. */
@Tag("slow")
class SdxlTrainingGoldenTest {
  private static final FamilyTraining TRAINING =
      new FamilyTraining(
          (family, run, options) -> DiffusionPipeline.load(family.model(), options), 1e-4, 2e-5);

  @TestFactory
  Stream<DynamicContainer> training() {
    List<Family> families =
        Golden.allPipelines(Golden.folders("pipelines")).stream()
            .filter(pipeline -> pipeline.className().equals("StableDiffusionXLPipeline"))
            .map(pipeline -> new Family("sdxl", FlowGolden.path("sdxl"), pipeline.folder()))
            .toList();
    assertThat(families).as("models of SDXL in %s", Golden.directory()).isNotEmpty();
    return FlowGolden.containers(families, TRAINING::tests);
  }
}
