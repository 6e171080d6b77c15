package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.Weight;
import dev.ablation.golden.Golden;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tensors that are renamed, split, joined and transposed on their way into a network. */
class NetworkFilesTest {
  @TempDir private Path temp;
  private NDManager manager;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private static final class Two extends Layer {
    Two() {
      child("a", new Linear(2, 3, false));
      child("b", new Linear(2, 3, false));
      child("wide", new Linear(2, 4, false));
      child("turned", new Linear(3, 2, false));
    }

    @Override
    protected NDList call(NDList in) {
      return in;
    }
  }

  private static final TensorMapping MAPPING =
      TensorMapping.of(
              Map.of(
                  "both",
                  List.of(TensorPiece.split("a.weight", 1, 2), TensorPiece.split("b.weight", 0, 2)),
                  "upper",
                  List.of(TensorPiece.join("wide.weight", 0, 2)),
                  "lower",
                  List.of(TensorPiece.join("wide.weight", 1, 2)),
                  "columns",
                  List.of(TensorPiece.whole("turned.weight").transpose())))
          .ignoring("noise"::equals)
          .renaming(name -> name.replace("old.", ""));

  private NDArray range(int from, long... shape) {
    Shape of = new Shape(shape);
    return manager.arange(from, from + of.size()).toType(DataType.FLOAT32, false).reshape(of);
  }

  private Map<String, NDArray> tensors() {
    Map<String, NDArray> tensors = new LinkedHashMap<>();
    tensors.put("old.both", range(0, 6, 2));
    tensors.put("old.upper", range(100, 2, 2));
    tensors.put("old.lower", range(200, 2, 2));
    tensors.put("old.columns", range(0, 3, 2));
    tensors.put("old.noise", range(0, 9));
    return tensors;
  }

  private List<String> load(Map<String, NDArray> tensors, Layer network, WeightDtype dtype)
      throws IOException {
    Path file = temp.resolve("file.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    List<String> problems = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.openFile(file)) {
      NetworkFiles files = NetworkFiles.of("net", checkpoint, weights, MAPPING, problems);
      if (problems.isEmpty()) {
        files.fill(manager, dtype);
      }
    }
    return problems;
  }

  private static float[] values(Layer network, String name) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    return weights.get(name).get().toFloatArray();
  }

  @ParameterizedTest
  @EnumSource(WeightDtype.class)
  void everyPieceGoesToItsPlace(WeightDtype dtype) throws IOException {
    Two network = new Two();
    assertThat(load(tensors(), network, dtype)).isEmpty();
    assertThat(values(network, "a.weight")).containsExactly(6, 7, 8, 9, 10, 11);
    assertThat(values(network, "b.weight")).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(values(network, "wide.weight"))
        .containsExactly(100, 101, 102, 103, 200, 201, 202, 203);
    assertThat(values(network, "turned.weight")).containsExactly(0, 2, 4, 1, 3, 5);
  }

  @Test
  void everyDifferenceIsReported() throws IOException {
    Map<String, NDArray> tensors = tensors();
    tensors.put("old.both", range(0, 7, 2));
    tensors.remove("old.lower");
    tensors.put("old.columns", range(0, 2, 3));
    tensors.put("old.stranger", range(0, 1));
    assertThat(load(tensors, new Two(), WeightDtype.FLOAT32))
        .containsExactlyInAnyOrder(
            "net: tensor old.both must have shape (3, 2), has (7, 2)",
            "net: tensor old.both must have shape (3, 2), has (7, 2)",
            "net: missing tensor: wide.weight is joined of 2, only [old.upper] are there",
            "net: tensor old.columns must have shape (2, 3), has (2, 3)",
            "net: unexpected tensor old.stranger");
  }

  @Test
  void aNumberThatOverflowsTheFormatIsReported() throws IOException {
    Map<String, NDArray> tensors = tensors();
    tensors.put("old.upper", range(70000, 2, 2));
    assertThat(load(tensors, new Two(), WeightDtype.FLOAT16))
        .containsExactly("net: tensor wide.weight must be finite, holds NaN or infinity");
    assertThat(load(tensors, new Two(), WeightDtype.BFLOAT16)).isEmpty();
  }
}
