package dev.ablation.djl;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.FlowSampling.Opened;
import dev.ablation.djl.flux.FluxLatents;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.train.FamilyTraining;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentSize;
import dev.ablation.sample.Guidance;
import dev.ablation.testing.ChangedModel;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.TestFactory;

/** Second golden set: images drawn by, and training of, FLUX.1 dev and schnell. */
class FluxPipelineGoldenTest {
  private static final String PIPELINE = "FluxPipeline";

  private static final FlowSampling SAMPLING =
      new FlowSampling(
          FluxPipelineGoldenTest::open,
          Set.of("prompt_2", "true_cfg_scale"),
          "packed_latents_after_step",
          FluxLatents::pack,
          new Tolerance(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 2e-4));

  @TestFactory
  Stream<DynamicContainer> sampling() {
    return SAMPLING.tests(PIPELINE);
  }

  /** With classifier-free guidance the other guidance comes from the options of the model. */
  private static Opened open(Family family, JsonObject run, LoadOptions options)
      throws IOException {
    boolean distilled = distilled(family);
    double scale = run.get("guidance_scale").getAsDouble();
    boolean both = run.has("true_cfg_scale");
    Flux model = Flux.load(family.model(), both && distilled ? options.guidance(scale) : options);
    Guidance guidance =
        both
            ? Guidance.classifierFree(run.get("true_cfg_scale").getAsDouble())
            : distilled ? Guidance.embedded(scale) : Guidance.none();
    return new Opened(new RunModel(model, run), model.sampler(), guidance);
  }

  private static boolean distilled(Family family) {
    return Golden.object(family.model().resolve("transformer").resolve("config.json"))
        .get("guidance_embeds")
        .getAsBoolean();
  }

  /** The model with the prompts of a run for T5. */
  private static final class RunModel extends ChangedModel {
    private final Flux model;
    private final JsonObject run;

    RunModel(Flux model, JsonObject run) {
      super(model);
      this.model = model;
      this.run = run;
    }

    @Override
    public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
      return run.has("prompt_2")
          ? model.encode(prompts, FlowSampling.repeated(run, "prompt_2"), scope)
          : super.encode(prompts, size, scope);
    }
  }

  @TestFactory
  Stream<DynamicContainer> training() {
    return FlowGolden.containers(
        FlowGolden.families(PIPELINE),
        new FamilyTraining(FluxPipelineGoldenTest::train, 5e-4, 2e-4)::tests);
  }

  private static Flux train(Family family, JsonObject run, LoadOptions options) throws IOException {
    return Flux.load(
        family.model(),
        distilled(family) ? options.guidance(run.get("guidance").getAsDouble()) : options);
  }
}
