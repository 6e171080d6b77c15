package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Role;
import dev.ablation.golden.Golden;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.testing.TinyEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family of pipelines beside Stable Diffusion 1 and 2 from the checkpoint to the file that is
 * shipped: drawn from, ablated, evaluated, written, opened again and drawn from.
 */
class PipelinesEndToEndTest {
  private static final List<String> PROMPTS = List.of("a boat, in the style of Van Gogh");

  @TempDir private Path temporary;

  static Stream<Path> models() {
    List<Path> models = new ArrayList<>();
    Golden.allPipelines(Golden.folders("pipelines")).stream()
        .filter(pipeline -> pipeline.className().equals("StableDiffusionXLPipeline"))
        .map(Golden.Pipeline::folder)
        .forEach(models::add);
    for (String name :
        List.of("StableDiffusion3Pipeline", "FluxPipeline", "StableDiffusionInpaintPipeline")) {
      models.add(FlowGolden.families(name).get(0).model());
    }
    assertThat(models).hasSizeGreaterThanOrEqualTo(4);
    return models.stream();
  }

  private static DiffusionModel open(Path folder) throws IOException {
    LoadOptions options = LoadOptions.defaults().device(Golden.device()).threads(1);
    boolean flow =
        Set.of("StableDiffusion3Pipeline", "FluxPipeline")
            .contains(
                Golden.object(folder.resolve("model_index.json")).get("_class_name").getAsString());
    return DiffusionPipeline.load(folder, flow ? options.maxSequenceLength(24) : options);
  }

  private static SamplingSettings settings(DiffusionModel model) {
    return SamplingSettings.defaultsFor(model).steps(2).batchSize(2);
  }

  private static Ablation plan(DiffusionModel model) {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting", List.of("painting of a boat", "painting"))
                .images(2)
                .sampling(settings(model)))
        .training(t -> t.steps(2).batchSize(2).learningRate(1e-2));
  }

  /** Depends on nothing but the weights and the prompt. */
  private static float[] predict(DiffusionModel model) {
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray latents =
          RandomStreams.gaussian(
              scope,
              new Shape(1).addAll(model.descriptor().latentShape()),
              RandomStreams.stream(1, "latents", 0));
      NDArray times = model.schedule().toArray(new double[] {model.schedule().time(400)}, scope);
      return model.predict(latents, times, model.encode(PROMPTS, scope)).toFloatArray();
    }
  }

  private static int[] draw(DiffusionModel model) {
    return LatentSampler.of(model)
        .settings(settings(model))
        .draw(PROMPTS, 3)
        .get(0)
        .getRGB(0, 0, 4, 4, null, 0, 4);
  }

  @ParameterizedTest
  @MethodSource("models")
  void keysAndValuesAreAblatedEvaluatedAndShipped(Path folder) throws IOException {
    Path exported = temporary.resolve("ablated");
    float[] applied;
    int[] drawn;
    try (DiffusionModel model = open(folder)) {
      String before = model.weights().sha256();
      Evaluation evaluation =
          Evaluation.with(new TinyEncoder())
              .neighbours("Monet")
              .protocol(p -> p.images(2, 2, 2, 2).sampling(settings(model)));
      Ablation plan =
          plan(model)
              .weights(WeightGroup.crossAttentionKeyValue())
              .timestepSampling(TimestepSampling.logitNormal(0, 1))
              .evaluate(evaluation);
      assertThat(plan.check()).isEmpty();
      try (AblationResult result = plan.run()) {
        EvaluationResult found = result.evaluation().orElseThrow();
        assertThat(found.of(Role.TARGET).get(0).metrics()).isNotEmpty();
        assertThat(found.of(Role.NEIGHBOUR)).hasSize(1);
        assertThat(result.provenance().settings())
            .containsEntry("timestepSampling", "logit_normal(mean=0.0, deviation=1.0)");
        float[] base = predict(model);
        applied = result.delta().applied(model, () -> predict(model));
        assertThat(applied).isNotEqualTo(base);
        drawn = result.delta().applied(model, () -> draw(model));
        result.delta().export(model, exported);
        assertThat(predict(model)).isEqualTo(base);
      }
      assertThat(model.weights().sha256()).isEqualTo(before);
    }
    try (DiffusionModel again = open(exported)) {
      assertThat(predict(again)).isEqualTo(applied);
      assertThat(draw(again)).isEqualTo(drawn);
    }
  }

  /** The denoising network's attention and a part of every CLIP text encoder. */
  private static final WeightGroup WITH_TEXT_ENCODERS =
      WeightGroup.crossAttentionKeyValue()
          .or(
              new WeightGroup(
                  "queries-of-text-encoders",
                  info ->
                      info.component().startsWith("text_encoder")
                          && info.name().contains(".self_attn.q_proj.")));

  @ParameterizedTest
  @MethodSource("models")
  void lowRankChangesAreShippedAsFiles(Path folder) throws IOException {
    Path file = temporary.resolve("peft.safetensors");
    Path kohya = temporary.resolve("kohya.safetensors");
    float[] applied;
    boolean inUserInterfaces;
    try (DiffusionModel model = open(folder)) {
      inUserInterfaces = model instanceof UNetDiffusion;
      Set<String> components =
          WITH_TEXT_ENCODERS.select(model.weights()).stream()
              .map(WeightInfo::component)
              .collect(Collectors.toCollection(TreeSet::new));
      assertThat(components).contains("text_encoder").hasSizeGreaterThanOrEqualTo(2);
      Ablation plan =
          plan(model)
              .weights(WITH_TEXT_ENCODERS)
              .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
              .training(t -> t.lora(Lora.rank(2)));
      try (AblationResult result = plan.run()) {
        assertThat(result.delta().isLowRank()).isTrue();
        Set<String> changed =
            result.delta().names().stream()
                .map(name -> name.substring(0, name.indexOf('.')))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(changed).isEqualTo(components);
        applied = result.delta().applied(model, () -> predict(model));
        assertThat(applied).isNotEqualTo(predict(model));
        LoraFile.save(result.delta(), file);
        if (inUserInterfaces) {
          LoraFile.saveKohya(result.delta(), model, kohya);
        }
      }
    }
    try (DiffusionModel model = open(folder)) {
      for (Path shipped : inUserInterfaces ? List.of(file, kohya) : List.of(file)) {
        try (WeightDelta delta = LoraFile.load(shipped, model)) {
          assertThat(delta.applied(model, () -> predict(model)))
              .as("applied from %s", shipped.getFileName())
              .isEqualTo(applied);
        }
      }
    }
  }
}
