package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.FlowSampling.Opened;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.sd3.SD3TextEncoders.Prompts;
import dev.ablation.djl.train.FamilyTraining;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentSize;
import dev.ablation.sample.Guidance;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.testing.ChangedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.TestFactory;

/** Second golden set: images drawn by, and training of, Stable Diffusion 3 and 3.5. */
class Sd3PipelineGoldenTest {
  private static final String PIPELINE = "StableDiffusion3Pipeline";

  private static final FlowSampling SAMPLING =
      new FlowSampling(
          Sd3PipelineGoldenTest::open,
          Set.of(
              "t5",
              "scheduler_override",
              "prompt_2",
              "prompt_3",
              "negative_prompt_2",
              "negative_prompt_3",
              "clip_skip",
              "skip_guidance_layers",
              "skip_layer_guidance_scale",
              "skip_layer_guidance_start",
              "skip_layer_guidance_stop"),
          "latents_after_step",
          UnaryOperator.identity(),
          Tolerance.LATENTS);

  @TestFactory
  Stream<DynamicContainer> sampling() {
    return SAMPLING.tests(PIPELINE);
  }

  private static Opened open(Family family, JsonObject run, LoadOptions options)
      throws IOException {
    StableDiffusion3 model =
        StableDiffusion3.load(
            family.model(),
            run.get("t5").getAsBoolean() ? options : options.without("text_encoder_3"));
    SchedulerConfig scheduler = scheduler(family, run.getAsJsonObject("scheduler_override"));
    return new Opened(
        new RunModel(model, scheduler.schedule(), run),
        scheduler.sampler(),
        Guidance.classifierFree(run.get("guidance_scale").getAsDouble()));
  }

  private static SchedulerConfig scheduler(Family family, JsonObject override) throws IOException {
    Path file = family.model().resolve("scheduler").resolve("scheduler_config.json");
    JsonObject config = Golden.object(file);
    override.asMap().forEach(config::add);
    return SchedulerConfig.of(null, JsonConfig.parse(file, config.toString()));
  }

  /** The model with the schedule, the prompts of each encoder and the skipped layers of a run. */
  private static final class RunModel extends ChangedModel {
    private final StableDiffusion3 model;
    private final NoiseSchedule schedule;
    private final JsonObject run;

    /** By the prompt of the first encoder: the prompts of all encoders. */
    private final Map<String, List<String>> texts = new HashMap<>();

    private final Set<String> positive;
    private int calls;

    RunModel(StableDiffusion3 model, NoiseSchedule schedule, JsonObject run) {
      super(model);
      this.model = model;
      this.schedule = schedule;
      this.run = run;
      positive = Set.copyOf(Golden.strings(run.get("prompts")));
      add("prompts", "prompt_2", "prompt_3");
      add("negative_prompt", "negative_prompt_2", "negative_prompt_3");
    }

    private void add(String first, String second, String third) {
      if (run.has(first)) {
        List<String> prompts = Golden.strings(run.get(first));
        for (int i = 0; i < prompts.size(); i++) {
          String prompt = prompts.get(i);
          texts.put(prompt, List.of(prompt, text(second, i, prompt), text(third, i, prompt)));
        }
      }
    }

    private String text(String key, int index, String absent) {
      return run.has(key) ? Golden.strings(run.get(key)).get(index) : absent;
    }

    @Override
    public NoiseSchedule schedule() {
      return schedule;
    }

    @Override
    public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
      boolean skips = run.has("clip_skip") && positive.containsAll(prompts);
      if (!run.has("prompt_2") && !skips) {
        return super.encode(prompts, size, scope);
      }
      return model.encode(
          new Prompts(of(prompts, 0), of(prompts, 1), of(prompts, 2)),
          skips ? run.get("clip_skip").getAsInt() : 0,
          scope);
    }

    private List<String> of(List<String> prompts, int encoder) {
      return prompts.stream()
          .map(prompt -> texts.getOrDefault(prompt, List.of(prompt, prompt, prompt)).get(encoder))
          .toList();
    }

    @Override
    public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
      int step = calls++;
      NDArray prediction = super.predict(latents, timesteps, conditioning);
      if (!run.has("skip_guidance_layers")) {
        return prediction;
      }
      double steps = run.get("num_inference_steps").getAsInt();
      if (step <= steps * run.get("skip_layer_guidance_start").getAsDouble()
          || step >= steps * run.get("skip_layer_guidance_stop").getAsDouble()) {
        return prediction;
      }
      // Added to both halves, the term passes through classifier-free guidance unchanged.
      long rows = latents.getShape().get(0);
      String half = rows / 2 + ":" + rows;
      model
          .transformer()
          .skipBlocks(
              run.getAsJsonArray("skip_guidance_layers").asList().stream()
                  .map(JsonElement::getAsInt)
                  .collect(Collectors.toSet()));
      NDArray skipped =
          super.predict(
              latents.get(half), timesteps.get(half), conditioning.map(array -> array.get(half)));
      model.transformer().skipBlocks(Set.of());
      NDArray term =
          prediction.get(half).sub(skipped).mul(run.get("skip_layer_guidance_scale").getAsDouble());
      return prediction.add(term.concat(term, 0));
    }
  }

  @TestFactory
  Stream<DynamicContainer> training() {
    return FlowGolden.containers(
        FlowGolden.families(PIPELINE),
        new FamilyTraining(Sd3PipelineGoldenTest::train, 5e-4, 1e-4)::tests);
  }

  private static StableDiffusion3 train(Family family, JsonObject run, LoadOptions options)
      throws IOException {
    boolean t5 = !run.has("t5") || run.get("t5").getAsBoolean();
    return StableDiffusion3.load(
        family.model(), t5 ? options : options.without("text_encoder_3").maxSequenceLength(77));
  }
}
