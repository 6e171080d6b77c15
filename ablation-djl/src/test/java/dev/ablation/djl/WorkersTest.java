package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
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
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;
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

  static Stream<Path> pipelines() throws IOException {
    List<Path> folders = new ArrayList<>();
    for (Path parent : List.of(Golden.path("pipelines"), Golden.second("pipelines"))) {
      try (Stream<Path> children = Files.list(parent)) {
        children.filter(Files::isDirectory).sorted().forEach(folders::add);
      }
    }
    return folders.stream();
  }

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
      assertClose(both.get(1).get(i), both.get(0).get(i));
    }
  }

  /** Relative to the norm. */
  private static void assertClose(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < actual.length; i++) {
      difference += Math.pow(actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    assertThat(norm).isPositive();
    assertThat(Math.sqrt(difference)).isLessThanOrEqualTo(ROUNDING * Math.sqrt(norm));
  }

  private static NDArray gaussian(DiffusionModel model, String purpose, NDManager scope) {
    Shape latents = model.descriptor().latentShape();
    Shape shape = new Shape(PROMPTS.size(), latents.get(0), latents.get(1), latents.get(2));
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(3, purpose, 0));
  }

  private static NDArray times(DiffusionModel model, NDManager scope) {
    double[] times = {
      model.schedule().timeAt(0.5), model.schedule().timeAt(0.1), model.schedule().timeAt(0.9)
    };
    return model.schedule().toArray(times, scope);
  }

  private static NDArray prediction(DiffusionModel model, NDManager scope) {
    Conditioning conditioning = model.encode(PROMPTS, model.descriptor().latentSize(), scope);
    return model.predict(gaussian(model, "latents", scope), times(model, scope), conditioning);
  }

  private static NDArray loss(DiffusionModel model, NDManager scope) {
    return prediction(model, scope).sub(gaussian(model, "target", scope)).square().mean();
  }

  private static List<String> names(DiffusionModel model, WeightGroup group) {
    return group.select(model.weights()).stream().map(WeightInfo::name).toList();
  }

  /** All gradients in one array: some, as those of a key's bias, are rounding alone. */
  private static List<NDArray> gradients(
      DiffusionModel model, TrainingSession session, NDManager scope) {
    NDList flat = new NDList();
    session
        .gradients(() -> loss(model, scope), scope)
        .values()
        .forEach(gradient -> flat.add(gradient.flatten()));
    return List.of(NDArrays.concat(flat));
  }

  private static Differentiable training(DiffusionModel model) {
    return model.capability(Differentiable.class).orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void predictionsAndImagesAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
          NDArray images = codec.decode(gaussian(model, "image", scope));
          return List.of(prediction(model, scope), images, codec.encode(images.clip(-1, 1), null));
        });
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void gradientsOfAllWeightsOfTheDenoiserAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          try (TrainingSession session =
              training(model)
                  .train(names(model, WeightGroup.denoiser()), new GradientOptions(false))) {
            return gradients(model, session, scope);
          }
        });
  }

  /** The text embeddings are computed by one thread, and gradients flow back into them. */
  @ParameterizedTest
  @MethodSource("pipelines")
  void gradientsOfTheTextEncoderAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          List<String> names = names(model, WeightGroup.ofRoles("text", WeightRole.TEXT_ENCODER));
          try (TrainingSession session =
              training(model).train(names.subList(0, 4), new GradientOptions(true))) {
            return gradients(model, session, scope);
          }
        });
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void gradientsOfLowRankChangesAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          LoraTraining training = model.capability(LoraTraining.class).orElseThrow();
          List<String> names =
              names(model, WeightGroup.denoiser()).stream()
                  .filter(training::hasLowRankForm)
                  .toList();
          try (TrainingSession session =
              training.train(names, Lora.rank(2), 5, new GradientOptions(false))) {
            return gradients(model, session, scope);
          }
        });
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void gradientsOfInputsAreTheSame(Path pipeline) throws IOException {
    assertSame(
        pipeline,
        (model, scope) -> {
          Conditioning text = model.encode(PROMPTS, model.descriptor().latentSize(), scope);
          return model
              .capability(InputDifferentiable.class)
              .orElseThrow()
              .gradients(
                  List.of(gaussian(model, "latents", scope), text.textEmbeddings()),
                  in ->
                      model
                          .predict(
                              in.get(0),
                              times(model, scope),
                              text.with(Conditioning.TEXT, in.get(1)))
                          .square()
                          .mean())
              .values();
        });
  }

  /** Workers compute under the view of the thread that called them. */
  @Test
  void aViewComputesWithItsOwnWeights() throws IOException {
    Path pipeline = pipelines().findFirst().orElseThrow();
    assertSame(
        pipeline,
        (model, scope) -> {
          WeightInfo weight = WeightGroup.crossAttentionKeyValue().select(model.weights()).get(0);
          try (DiffusionModel view = model.capability(ModelViews.class).orElseThrow().view()) {
            NDArray half = model.weights().copy(weight.name(), scope).mul(0.5f);
            view.weights().bind(weight.name(), half);
            NDArray changed = prediction(view, scope);
            assertThat(changed.sub(prediction(model, scope)).abs().max().getFloat()).isPositive();
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
