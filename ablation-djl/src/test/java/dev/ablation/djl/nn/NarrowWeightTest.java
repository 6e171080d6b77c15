package dev.ablation.djl.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.golden.Golden;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.NarrowFloats;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights that are kept in a narrower format than the network computes in. */
class NarrowWeightTest {
  private static final Shape INPUT = new Shape(2, 4, 8, 8);

  private NDManager manager;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  /** A convolution, a normalisation and a linear map. */
  private static final class Small extends Layer {
    private final Conv2d conv = child("conv", new Conv2d(4, 8, 3));
    private final GroupNorm norm = child("norm", new GroupNorm(2, 8, 1e-5));
    private final Linear linear = child("linear", new Linear(8, 3, false));
    private final Weight scale = weight("scale");

    @Override
    protected NDList call(NDList in) {
      NDArray x = norm.applyThen(Activation.SILU, conv.apply(in.get(0)));
      return new NDList(linear.apply(Kernels.TO_TOKENS.call(x)).mul(scale.get()));
    }
  }

  private Map<String, NDArray> values() {
    Map<String, NDArray> values = new TreeMap<>();
    new Small()
        .forEachWeight((name, weight) ->
            values.put(
                name,
                RandomStreams.gaussian(manager, weight.shape(), RandomStreams.stream(7, name, 0))));
    return values;
  }

  private static float round(float value, DataType dtype) {
    return dtype == DataType.BFLOAT16
        ? NarrowFloats.fromBfloat16(NarrowFloats.toBfloat16(value))
        : NarrowFloats.fromFloat16(NarrowFloats.toFloat16(value));
  }

  private Small narrow(DataType dtype) {
    Map<String, NDArray> values = values();
    Small network = new Small();
    network.forEachWeight((name, weight) -> {
      NDArray value = values.get(name);
      NDArray kept =
          GradMode.with(
              false,
              () ->
                  (dtype == DataType.BFLOAT16 ? Kernels.TO_BFLOAT16 : Kernels.TO_FLOAT16)
                      .call(value));
      weight.load(kept, dtype);
    });
    return network;
  }

  private Small wide(DataType dtype) {
    Map<String, NDArray> values = values();
    Small network = new Small();
    network.forEachWeight((name, weight) -> {
      float[] rounded = values.get(name).toFloatArray();
      for (int i = 0; i < rounded.length; i++) {
        rounded[i] = round(rounded[i], dtype);
      }
      weight.load(manager.create(rounded, weight.shape()).duplicate());
    });
    return network;
  }

  private NDArray run(Layer network) {
    NDArray x = RandomStreams.gaussian(manager, INPUT, RandomStreams.stream(3, "x", 0));
    return GradMode.with(false, () -> network.apply(x.duplicate()));
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void computesAsWithTheWidenedWeights(DataType dtype) {
    Small narrow = narrow(dtype);
    Small wide = wide(dtype);
    assertThat(run(narrow).toFloatArray()).isEqualTo(run(wide).toFloatArray());
    narrow.forEachWeight((name, weight) -> {
      assertThat(weight.dtype()).isEqualTo(dtype);
      assertThat(weight.byteSize()).isEqualTo(2 * weight.shape().size());
    });
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void aCallLeavesNoWidenedCopyBehind(DataType dtype) {
    Small network = narrow(dtype);
    NDArray x = RandomStreams.gaussian(manager, INPUT, RandomStreams.stream(3, "x", 0));
    NDArray input = x.duplicate();
    GradMode.with(false, () -> network.apply(input)).close();
    int before = manager.getManagedArrays().size();
    for (int i = 0; i < 3; i++) {
      GradMode.with(false, () -> network.apply(input)).close();
    }
    assertThat(manager.getManagedArrays()).hasSize(before);
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void theHashIsThatOfTheWidenedWeights(DataType dtype) {
    NamedWeights narrow = new NamedWeights().add("unet", narrow(dtype), WeightRole.DENOISER);
    NamedWeights wide = new NamedWeights().add("unet", wide(dtype), WeightRole.DENOISER);
    assertThat(narrow.sha256()).isEqualTo(wide.sha256());
    assertThat(narrow.list()).allSatisfy(info -> assertThat(info.dtype()).isEqualTo(dtype));
    assertThat(narrow.get("unet.conv.weight").toFloatArray())
        .isEqualTo(wide.get("unet.conv.weight").toFloatArray());
    assertThat(narrow.get("unet.conv.weight")).isSameAs(narrow.get("unet.conv.weight"));
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void whatIsOverwrittenIsNotRounded(DataType dtype) {
    NamedWeights weights = new NamedWeights().add("unet", narrow(dtype), WeightRole.DENOISER);
    NDArray values = values().get("linear.weight");
    weights.get("unet.linear.weight");
    weights.overwrite("unet.linear.weight", values);
    assertThat(weights.get("unet.linear.weight").toFloatArray()).isEqualTo(values.toFloatArray());
    assertThat(weights.info("unet.linear.weight").dtype()).isEqualTo(DataType.FLOAT32);
    assertThat(weights.info("unet.conv.weight").dtype()).isEqualTo(dtype);
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void aWrongShapeIsRefused(DataType dtype) {
    Map<String, Weight> weights = new TreeMap<>();
    new Small().forEachWeight(weights::put);
    Weight weight = weights.get("linear.weight");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> weight.load(manager.zeros(new Shape(3, 9)), dtype))
        .withMessageContaining("expected shape");
  }
}
