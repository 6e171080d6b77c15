package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelViews;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Several threads that share a batch compute what one does, for a pipeline of each family. */
class WorkersTest {
  /** Three images for two workers: the parts differ in size. */
  private static final List<String> PROMPTS = List.of("a cat", "a dog", "two cats");

  private static final LoadOptions OPTIONS =
      LoadOptions.defaults().device(Golden.device()).threads(1);
  private static final double ROUNDING = 1e-5;

  /** Compares the arrays that a model gives with one worker and with two. */
  private static void assertSame(
      Path pipeline, BiFunction<DiffusionModel, NDManager, List<NDArray>> body) throws IOException {
    List<List<float[]>> both = new ArrayList<>();
    for (int workers : List.of(1, 2)) {
      try (DiffusionModel model = DiffusionPipeline.load(pipeline, OPTIONS.workers(workers));
          NDManager scope = model.manager().newSubManager()) {
        both.add(body.apply(model, scope).stream().map(NDArray::toFloatArray).toList());
      }
    }
    assertThat(both.get(1)).hasSameSizeAs(both.get(0));
    for (int i = 0; i < both.get(0).size(); i++) {
      float[] expected = both.get(0).get(i);
      assertThat(expected).isNotEqualTo(new float[expected.length]); // not all are zero
      Families.assertClose(both.get(1).get(i), expected, ROUNDING);
    }
  }

  /** Compares all gradients in one array: some, as those of a key's bias, are rounding alone. */
  private static void assertSameGradients(
      Path pipeline, Function<DiffusionModel, TrainingSession> training) throws IOException {
    assertSameGradients(pipeline, training, (model, scope) -> Families.loss(model, PROMPTS, scope));
  }

  private static void assertSameGradients(
      Path pipeline,
      Function<DiffusionModel, TrainingSession> training,
      BiFunction<DiffusionModel, NDManager, NDArray> loss)
      throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          NDList flat = new NDList();
          try (TrainingSession session = training.apply(model)) {
            session
                .gradients(() -> loss.apply(model, scope), scope)
                .values()
                .forEach(gradient -> flat.add(gradient.flatten()));
          }
          return List.of(NDArrays.concat(flat));
        });
  }

  private static Differentiable training(DiffusionModel model) {
    return model.capability(Differentiable.class).orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void predictionsAndImagesAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
          NDArray images = codec.decode(Families.gaussian(model, PROMPTS.size(), "image", scope));
          return List.of(
              Families.prediction(model, PROMPTS, scope),
              images,
              codec.encode(images.clip(-1, 1), null));
        });
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void gradientsOfAllWeightsOfTheDenoiserAreTheSame(Path pipeline) throws IOException {
    assertSameGradients(
        pipeline,
        model ->
            training(model)
                .train(Families.names(model, WeightGroup.denoiser()), new GradientOptions(false)));
  }

  /** One image is no batch to share: one thread computes it, beside a batch that two share. */
  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void gradientsOfOneImageAreNotLostBesideABatch(Path pipeline) throws IOException {
    assertSameGradients(
        pipeline,
        model ->
            training(model)
                .train(Families.names(model, WeightGroup.denoiser()), new GradientOptions(false)),
        (model, scope) ->
            Families.loss(model, PROMPTS.subList(0, 1), scope)
                .add(Families.loss(model, PROMPTS, scope)));
  }

  /** The text embeddings are computed by one thread, and gradients flow back into them. */
  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void gradientsOfTheTextEncoderAreTheSame(Path pipeline) throws IOException {
    WeightGroup group = WeightGroup.ofRoles("text", WeightRole.TEXT_ENCODER);
    assertSameGradients(
        pipeline,
        model ->
            training(model)
                .train(Families.names(model, group).subList(0, 4), new GradientOptions(true)));
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void gradientsOfLowRankChangesAreTheSame(Path pipeline) throws IOException {
    assertSameGradients(
        pipeline,
        model -> {
          LoraTraining training = model.capability(LoraTraining.class).orElseThrow();
          List<String> names =
              Families.names(model, WeightGroup.denoiser()).stream()
                  .filter(training::hasLowRankForm)
                  .toList();
          return training.train(names, Lora.rank(2), 5, new GradientOptions(false));
        });
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void gradientsOfInputsAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          Conditioning text = model.encode(PROMPTS, model.descriptor().latentSize(), scope);
          return model
              .capability(InputDifferentiable.class)
              .orElseThrow()
              .gradients(
                  List.of(
                      Families.gaussian(model, PROMPTS.size(), "latents", scope),
                      text.textEmbeddings()),
                  in ->
                      model
                          .predict(
                              in.get(0),
                              Families.times(model, PROMPTS.size(), scope),
                              text.with(Conditioning.TEXT, in.get(1)))
                          .square()
                          .mean())
              .values();
        });
  }

  /** Workers compute under the view of the thread that called them. */
  @Test
  void aViewComputesWithItsOwnWeights() throws IOException {
    Path pipeline = Families.pipelines().findFirst().orElseThrow();
    assertSame(
        pipeline,
        (model, scope) -> {
          WeightInfo weight = WeightGroup.crossAttentionKeyValue().select(model.weights()).get(0);
          try (DiffusionModel view = model.capability(ModelViews.class).orElseThrow().view()) {
            NDArray half = model.weights().copy(weight.name(), scope).mul(0.5f);
            view.weights().bind(weight.name(), half);
            NDArray changed = Families.prediction(view, PROMPTS, scope);
            assertThat(
                    changed.sub(Families.prediction(model, PROMPTS, scope)).abs().max().getFloat())
                .isPositive();
            view.weights().bind(weight.name(), null);
            return List.of(changed);
          }
        });
  }

  @Test
  void workersArePositive() {
    assertThatThrownBy(() -> LoadOptions.defaults().workers(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("workers must be positive, was 0");
  }
}
