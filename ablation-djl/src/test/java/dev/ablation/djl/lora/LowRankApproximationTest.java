package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.lora.LowRankApproximation.ApproximatedWeight;
import dev.ablation.golden.Golden;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.Dtype;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LowRankApproximationTest {
  @TempDir Path folder;

  private StableDiffusion model;
  private NDManager scope;

  @BeforeEach
  void open() throws IOException {
    model =
        StableDiffusion.load(
            Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"),
            LoadOptions.defaults().device(Golden.device()));
    scope = model.manager().newSubManager();
  }

  @AfterEach
  void close() {
    scope.close();
    model.close();
  }

  private List<WeightInfo> maps() {
    return model.weights().list().stream()
        .filter(info -> info.shape().dimension() > 1 && !info.name().contains("embeddings"))
        .filter(info -> info.name().matches(".*(mid_block|down_blocks.0|layers.0).*"))
        .toList();
  }

  private WeightDelta delta(Map<String, WeightChange> changes) {
    return WeightDelta.of(
        model.weights(),
        changes,
        model.manager(),
        new Provenance("1", "tiny", "0", Map.of(), Map.of(), Map.of()));
  }

  private WeightDelta randomDelta() {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    maps()
        .forEach(info ->
            changes.put(info.name(), WeightChange.adding(scope.randomNormal(info.shape()))));
    return delta(changes);
  }

  private double[] singularValues(NDArray change) {
    float[] values = change.toFloatArray();
    int rows = (int) change.getShape().get(0);
    DMatrixRMaj matrix = new DMatrixRMaj(rows, values.length / rows);
    for (int i = 0; i < values.length; i++) {
      matrix.data[i] = values[i];
    }
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(matrix.numRows, matrix.numCols, false, false, true);
    assertThat(svd.decompose(matrix)).isTrue();
    double[] singular = svd.getSingularValues().clone();
    Arrays.sort(singular);
    return singular;
  }

  /** By an independent decomposition: no factors of the rank miss less. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8})
  void missesNoMoreThanItMust(int rank) {
    try (WeightDelta delta = randomDelta();
        LowRankApproximation found =
            LowRankApproximation.of(delta, model, LowRankSettings.rank(rank))) {
      assertThat(found.delta().names()).isEqualTo(delta.names());
      double missing = 0;
      double all = 0;
      for (ApproximatedWeight weight : found.weights()) {
        double[] singular = singularValues(delta.get(weight.name()));
        double tail = 0;
        double total = 0;
        for (int i = 0; i < singular.length; i++) {
          total += singular[i] * singular[i];
          tail += i < singular.length - rank ? singular[i] * singular[i] : 0;
        }
        assertThat(weight.rank()).isEqualTo(rank);
        assertThat(weight.relativeError())
            .as(weight.name())
            .isCloseTo(Math.sqrt(tail / total), within(1e-6));
        missing += tail;
        all += total;
      }
      assertThat(found.relativeError()).isCloseTo(Math.sqrt(missing / all), within(1e-6));
    }
  }

  @Test
  void aFileReadAgainHasTheErrorThatWasTold() throws IOException {
    try (WeightDelta delta = randomDelta()) {
      // @start region="approximate"
      LowRankSettings settings = LowRankSettings.rank(8).float16();
      try (LowRankApproximation lora = LowRankApproximation.of(delta, model, settings)) {
        LoraFile.saveKohya(lora.delta(), model, folder.resolve("takedown.safetensors"), Dtype.F16);
      }
      // @end
      try (LowRankApproximation lora = LowRankApproximation.of(delta, model, settings);
          WeightDelta read = LoraFile.load(folder.resolve("takedown.safetensors"), model)) {
        assertSame(delta, lora, read);
        Path other = folder.resolve("diffusers.safetensors");
        LoraFile.save(lora.delta(), other, Dtype.F16);
        try (WeightDelta again = LoraFile.load(other, model)) {
          assertSame(delta, lora, again);
        }
        assertThat(other.toFile().length()).isLessThan(delta.sizeInBytes() / 2);
      }
    }
  }

  private static void assertSame(WeightDelta delta, LowRankApproximation told, WeightDelta read) {
    double square = 0;
    double missing = 0;
    assertThat(read.names()).isEqualTo(told.delta().names());
    for (ApproximatedWeight weight : told.weights()) {
      NDArray change = delta.get(weight.name());
      double all = square(change);
      double missed = square(change.sub(read.get(weight.name())));
      assertThat(Math.sqrt(missed / all))
          .as(weight.name())
          .isCloseTo(weight.relativeError(), within(1e-6));
      square += all;
      missing += missed;
    }
    assertThat(Math.sqrt(missing / square)).isCloseTo(told.relativeError(), within(1e-6));
  }

  private static double square(NDArray array) {
    return array.toType(DataType.FLOAT64, true).square().sum().toDoubleArray()[0];
  }

  @Test
  void changesOfALowRankAreFoundWithItInEveryForm() {
    Map<String, WeightChange> full = new LinkedHashMap<>();
    Map<String, WeightChange> factors = new LinkedHashMap<>();
    int rank = 0;
    for (WeightInfo info : maps()) {
      rank = rank % 5 + 1;
      LoraFactors product =
          new LoraFactors(
              scope.randomNormal(LoraFactors.downShape(info.shape(), rank)),
              scope.randomNormal(LoraFactors.upShape(info.shape(), rank)),
              0.7);
      full.put(info.name(), WeightChange.adding(product.product(scope)));
      factors.put(info.name(), WeightChange.lowRank(product));
    }
    try (WeightDelta dense = delta(full);
        WeightDelta thin = delta(factors);
        WeightDelta sum = thin.plus(thin);
        LowRankApproximation ofDense =
            LowRankApproximation.of(dense, model, LowRankSettings.fullRank());
        LowRankApproximation ofThin =
            LowRankApproximation.of(thin, model, LowRankSettings.rank(5));
        LowRankApproximation ofSum = LowRankApproximation.of(sum, model, LowRankSettings.rank(5))) {
      for (LowRankApproximation each : List.of(ofDense, ofThin, ofSum)) {
        assertThat(each.relativeError()).isLessThan(1e-6);
        int expected = 0;
        for (ApproximatedWeight weight : each.weights()) {
          expected = expected % 5 + 1;
          boolean kept = each == ofSum && 2 * expected <= 5; // what the delta holds is allowed
          assertThat(weight.rank()).as(weight.name()).isEqualTo(kept ? 2 * expected : expected);
        }
      }
      String name = thin.names().iterator().next();
      assertThat(ofThin.delta().lowRank(name).orElseThrow().scale()).isEqualTo(0.7);
      assertThat(ofSum.delta().get(name).sub(thin.get(name).mul(2)).abs().max().getFloat())
          .isLessThan(1e-4f);
    }
  }

  /** Without its gate an adapter of SPM would act on every prompt. */
  @Test
  void theGateStaysInTheApproximationAndItsFiles() throws IOException {
    ConceptGate gate = new ConceptGate(List.of("owl", "Eule"), 0.5);
    String name = maps().get(0).name();
    Shape shape = model.weights().get(name).getShape();
    Map<String, WeightChange> change = Map.of(name, WeightChange.adding(scope.randomNormal(shape)));
    LowRankSettings settings = LowRankSettings.rank(2);
    try (WeightDelta plain = delta(change);
        WeightDelta gated = plain.gatedBy(gate);
        LowRankApproximation ofPlain = LowRankApproximation.of(plain, model, settings);
        LowRankApproximation ofGated = LowRankApproximation.of(gated, model, settings)) {
      assertThat(ofPlain.delta().gate()).isEmpty();
      assertThat(ofGated.delta().gate()).contains(gate);
      assertThat(ofGated.relativeError()).isEqualTo(ofPlain.relativeError());
      assertThat(ofGated.delta().get(name)).isEqualTo(ofPlain.delta().get(name));
      Path file = folder.resolve("gated.safetensors");
      LoraFile.save(ofGated.delta(), file, Dtype.F32);
      try (WeightDelta read = LoraFile.load(file, model)) {
        assertThat(read.gate()).contains(gate);
      }
    }
  }

  @Test
  void oneErrorForAllWeightsTakesTheRanksThatItNeeds() {
    try (WeightDelta delta = randomDelta();
        LowRankApproximation found =
            LowRankApproximation.of(delta, model, LowRankSettings.fullRank().tolerance(0.3))) {
      assertThat(found.weights()).allMatch(weight -> weight.relativeError() <= 0.3);
      assertThat(found.relativeError()).isBetween(0.1, 0.3);
    }
  }

  @Test
  void whatALoraCannotHoldIsNamed() {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    String bias = "unet.conv_in.bias";
    String map = "unet.mid_block.attentions.0.proj_in.weight";
    String table =
        model.weights().list().stream()
            .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
            .map(WeightInfo::name)
            .findFirst()
            .orElseThrow();
    for (String name : List.of(bias, map, table)) {
      Shape shape = model.weights().get(name).getShape();
      changes.put(name, WeightChange.adding(scope.ones(shape)));
    }
    changes.put(
        "unet.conv_in.weight",
        WeightChange.adding(scope.zeros(model.weights().get("unet.conv_in.weight").getShape())));
    try (WeightDelta delta = delta(changes)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> LowRankApproximation.of(delta, model, LowRankSettings.rank(4)))
          .withMessageContainingAll("4 weights 2 are", bias, table, "leavingOutOthers()");
      try (LowRankApproximation found =
          LowRankApproximation.of(delta, model, LowRankSettings.rank(4).leavingOutOthers())) {
        assertThat(found.leftOut()).containsExactly(bias, table);
        assertThat(found.weights())
            .hasSize(1)
            .first()
            .satisfies(weight -> {
              assertThat(weight.name()).isEqualTo(map);
              assertThat(weight.rank()).isEqualTo(1);
              assertThat(weight.relativeError()).isLessThan(1e-6);
            });
        double kept = model.weights().get(map).size();
        double all = kept + model.weights().get(bias).size() + model.weights().get(table).size();
        assertThat(found.relativeError()).isCloseTo(Math.sqrt(1 - kept / all), within(1e-6));
      }
    }
  }

  @Test
  void aDeltaThatChangesNothingIsRefused() {
    String name = "unet.conv_in.weight";
    NDArray zero = scope.zeros(model.weights().get(name).getShape());
    try (WeightDelta delta = delta(Map.of(name, WeightChange.adding(zero)))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> LowRankApproximation.of(delta, model, LowRankSettings.rank(4)))
          .withMessageContaining(name);
    }
    assertThatIllegalArgumentException().isThrownBy(() -> LowRankSettings.rank(0));
    assertThatIllegalArgumentException().isThrownBy(() -> LowRankSettings.rank(1).tolerance(1));
  }
}
