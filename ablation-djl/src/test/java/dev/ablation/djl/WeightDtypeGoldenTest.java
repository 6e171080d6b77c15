package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.golden.Golden;
import dev.ablation.model.AdamW;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Models whose weights are kept in half precision, against the same ones widened. */
class WeightDtypeGoldenTest {
  @TempDir private Path temp;

  private static LoadOptions options() {
    return LoadOptions.defaults().device(Golden.device()).threads(1);
  }

  /** A golden pipeline whose files are in a narrow format. */
  private Path stored(Dtype format) throws IOException {
    PipelineCopy copy = PipelineCopy.into(temp.resolve("model"));
    for (String part : PipelineCopy.NETWORKS) {
      copy.store(part, WriteOptions.defaults().storingFloatsAs(format));
    }
    return copy.root();
  }

  private static long bytes(StableDiffusion model) {
    long[] sum = new long[1];
    for (Layer network : List.of(model.unet(), model.vae(), model.textEncoder())) {
      network.forEachWeight((name, weight) -> sum[0] += weight.byteSize());
    }
    return sum[0];
  }

  /** Prediction, decoded image and text embeddings of fixed inputs. */
  private static List<float[]> outputs(StableDiffusion model) {
    try (NDManager scope = model.manager().newSubManager()) {
      Conditioning text = model.encode(List.of("a photo of a cat", ""), scope);
      NDArray drawn =
          RandomStreams.gaussian(
              scope,
              new Shape(2, model.unet().config().inChannels(), 8, 8),
              RandomStreams.stream(5, "latents", 0));
      NDArray latents = drawn.duplicate();
      NDArray times = scope.create(new long[] {500, 20});
      NDArray prediction = model.predict(latents, times, text);
      NDArray image = model.capability(LatentCodec.class).orElseThrow().decode(latents);
      return List.of(
          text.textEmbeddings().toFloatArray(), prediction.toFloatArray(), image.toFloatArray());
    }
  }

  private static void assertSame(List<float[]> actual, List<float[]> expected) {
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).isEqualTo(expected.get(i));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void asStoredHalvesTheBytesAndComputesTheSame(Dtype format) throws IOException {
    Path folder = stored(format);
    DataType dtype = format == Dtype.F16 ? DataType.FLOAT16 : DataType.BFLOAT16;
    try (StableDiffusion wide = StableDiffusion.load(folder, options());
        StableDiffusion narrow =
            StableDiffusion.load(folder, options().weightDtype(WeightDtype.AS_STORED))) {
      assertSame(outputs(narrow), outputs(wide));
      assertThat(2 * bytes(narrow)).isEqualTo(bytes(wide));
      assertThat(narrow.weights().list()).allMatch(info -> info.dtype() == dtype);
      assertThat(wide.weights().list()).allMatch(info -> info.dtype() == DataType.FLOAT32);
      assertThat(narrow.weights().sha256()).isEqualTo(wide.weights().sha256());
      int arrays = narrow.manager().getManagedArrays().size();
      outputs(narrow);
      assertThat(narrow.manager().getManagedArrays()).hasSize(arrays);
    }
  }

  @ParameterizedTest
  @EnumSource(value = WeightDtype.class, mode = Mode.EXCLUDE, names = "AS_STORED")
  void aFormatThatIsNamedIsTheOneOfTheFileRounded(WeightDtype dtype) throws IOException {
    Path folder = PipelineCopy.golden();
    Path rounded =
        dtype == WeightDtype.FLOAT32
            ? folder
            : stored(dtype == WeightDtype.FLOAT16 ? Dtype.F16 : Dtype.BF16);
    try (StableDiffusion named = StableDiffusion.load(folder, options().weightDtype(dtype));
        StableDiffusion expected = StableDiffusion.load(rounded, options())) {
      assertSame(outputs(named), outputs(expected));
      long whole = bytes(expected);
      assertThat(bytes(named)).isEqualTo(dtype == WeightDtype.FLOAT32 ? whole : whole / 2);
    }
  }

  /** A file in float32 is not rounded. */
  @ParameterizedTest
  @EnumSource(names = "AS_STORED")
  void asStoredKeepsFloat32Files(WeightDtype dtype) throws IOException {
    try (StableDiffusion model =
        StableDiffusion.load(PipelineCopy.golden(), options().weightDtype(dtype))) {
      assertThat(model.weights().list()).allMatch(info -> info.dtype() == DataType.FLOAT32);
    }
  }

  private static List<String> keysAndValues(StableDiffusion model) {
    return WeightGroup.crossAttentionKeyValue().select(model.weights()).stream()
        .map(WeightInfo::name)
        .toList();
  }

  /** Losses and trained weights of some steps. */
  private static List<float[]> train(StableDiffusion model) {
    List<float[]> values = new ArrayList<>();
    Differentiable training = model.capability(Differentiable.class).orElseThrow();
    try (NDManager scope = model.manager().newSubManager();
        TrainingSession session =
            training.train(keysAndValues(model), GradientOptions.reference())) {
      Conditioning text = model.encode(List.of("a photo of a cat"), scope);
      NDArray drawn =
          RandomStreams.gaussian(
              scope,
              new Shape(1, model.unet().config().inChannels(), 8, 8),
              RandomStreams.stream(5, "latents", 0));
      NDArray latents = drawn.duplicate();
      NDArray times = scope.create(new long[] {500}).duplicate();
      var optimizer = session.optimizer(AdamW.reference());
      for (int step = 0; step < 3; step++) {
        Gradients gradients =
            session.gradients(
                () -> {
                  NDArray prediction = model.predict(latents, times, text);
                  return prediction.square().mean();
                },
                scope);
        values.add(new float[] {(float) gradients.loss()});
        optimizer.step(gradients.values(), 1e-3, 1);
      }
      session
          .weights()
          .forEach(weight -> {
            assertThat(weight.getDataType()).isEqualTo(DataType.FLOAT32);
            values.add(weight.toFloatArray());
          });
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void trainedWeightsAreFloat32Copies(Dtype format) throws IOException {
    Path folder = stored(format);
    try (StableDiffusion wide = StableDiffusion.load(folder, options());
        StableDiffusion narrow =
            StableDiffusion.load(folder, options().weightDtype(WeightDtype.AS_STORED))) {
      int arrays = narrow.manager().getManagedArrays().size();
      assertSame(train(narrow), train(wide));
      assertThat(narrow.manager().getManagedArrays()).hasSize(arrays);
      assertThat(2 * bytes(narrow)).isEqualTo(bytes(wide));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void aDeltaIsAppliedInFloat32AndTakenBack(Dtype format) throws IOException {
    Path folder = stored(format);
    try (StableDiffusion wide = StableDiffusion.load(folder, options());
        StableDiffusion narrow =
            StableDiffusion.load(folder, options().weightDtype(WeightDtype.AS_STORED))) {
      String name = keysAndValues(wide).get(0);
      int arrays = narrow.manager().getManagedArrays().size();
      try (NDManager scope = wide.manager().newSubManager();
          WeightDelta delta =
              WeightDelta.between(
                  wide.weights(),
                  Map.of(name, wide.weights().copy(name, scope).add(1e-4)),
                  wide.manager(),
                  new Provenance("x", "x", "x", Map.of(), Map.of(), Map.of()))) {
        List<float[]> before = outputs(narrow);
        assertSame(
            delta.applied(narrow, () -> outputs(narrow)), delta.applied(wide, () -> outputs(wide)));
        assertSame(outputs(narrow), before);
      }
      assertThat(narrow.manager().getManagedArrays()).hasSize(arrays);
      assertThat(((NamedWeights) narrow.weights()).info(name).dtype())
          .isNotEqualTo(DataType.FLOAT32);
    }
  }
}
