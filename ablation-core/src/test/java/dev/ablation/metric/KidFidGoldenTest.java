package dev.ablation.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;
import static org.assertj.core.data.Percentage.withPercentage;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.golden.Golden;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Golden part G: KID and FID of feature matrices, relative 1e-8. */
class KidFidGoldenTest {
  private static final double RELATIVE = 1e-8;

  private final FeatureMatrix a;
  private final FeatureMatrix b;
  private final int[][] rowsOfA;
  private final int[][] rowsOfB;
  private final TensorFile file;
  private final JsonObject values = Golden.object(Golden.path("G_metrics/kid_fid.json"));

  KidFidGoldenTest() throws IOException {
    file = TensorFile.of(Golden.path("G_metrics/features.safetensors"));
    a = features("features_a");
    b = features("features_b");
    rowsOfA = subsets("subset_indices_a");
    rowsOfB = subsets("subset_indices_b");
  }

  @TestFactory
  Stream<DynamicNode> everyTensorIsUsed() {
    return new TensorTests(file)
        .inputs("features_a", "features_b", "subset_indices_a", "subset_indices_b").stream();
  }

  @TestFactory
  Stream<DynamicNode> values() {
    return values.keySet().stream().map(this::test);
  }

  private DynamicNode test(String key) {
    JsonElement expected = values.get(key);
    return switch (key) {
      case "shape_a" -> dynamicTest(key, () -> checkShape(a, expected.getAsJsonArray()));
      case "shape_b" -> dynamicTest(key, () -> checkShape(b, expected.getAsJsonArray()));
      case "kid" -> DynamicContainer.dynamicContainer(key, kid(expected.getAsJsonObject()));
      case "fid" -> DynamicContainer.dynamicContainer(key, fid(expected.getAsJsonObject()));
      default -> dynamicTest(key, () -> notCompared(key));
    };
  }

  private Stream<DynamicTest> kid(JsonObject expected) {
    return expected.keySet().stream()
        .map(key ->
            dynamicTest(
                key,
                () -> {
                  double[] found = KernelInceptionDistance.ofSubsets(a, b, rowsOfA, rowsOfB);
                  double mean = Arrays.stream(found).sum() / found.length;
                  JsonElement value = expected.get(key);
                  if (key.equals("kernel") || key.equals("estimator")) {
                    assertThat(value.getAsString()).isNotBlank(); // words
                  } else if (key.equals("subset_size")) {
                    assertThat(rowsOfA[0]).hasSize(value.getAsInt());
                  } else if (key.equals("num_subsets")) {
                    assertThat(found).hasSize(value.getAsInt());
                  } else if (key.equals("per_subset")) {
                    for (int i = 0; i < found.length; i++) {
                      check(found[i], value.getAsJsonArray().get(i));
                    }
                  } else if (key.equals("mean")) {
                    check(mean, value);
                  } else if (key.equals("std_population_ddof0")) {
                    double squares = Arrays.stream(found).map(v -> (v - mean) * (v - mean)).sum();
                    check(Math.sqrt(squares / found.length), value);
                  } else if (key.equals("unbiased_mmd2_on_all_rows")) {
                    check(KernelInceptionDistance.unbiased(a, b), value);
                  } else if (key.startsWith("self_test_all_rows_a_against_a_first")) {
                    int first = Integer.parseInt(key.replaceAll("\\D", ""));
                    FeatureMatrix part =
                        a.select(IntStream.range(0, Math.min(first, a.rows())).toArray());
                    // the reference cuts both sides
                    check(KernelInceptionDistance.unbiased(part, part), value);
                  } else {
                    notCompared(key);
                  }
                }));
  }

  private Stream<DynamicTest> fid(JsonObject expected) {
    double scale = expected.get("trace_a").getAsDouble();
    return expected.keySet().stream()
        .map(key ->
            dynamicTest(
                key,
                () -> {
                  JsonElement value = expected.get(key);
                  FeatureStatistics ofA = FeatureStatistics.of(a);
                  FeatureStatistics ofB = FeatureStatistics.of(b);
                  double traceA = SymmetricMatrix.trace(ofA.covariance());
                  double traceB = SymmetricMatrix.trace(ofB.covariance());
                  double fid = FrechetInceptionDistance.distance(a, b);
                  double means = 0;
                  for (int i = 0; i < a.dimension(); i++) {
                    means += Math.pow(ofA.mean()[i] - ofB.mean()[i], 2);
                  }
                  switch (key) {
                    case "formula" -> assertThat(value.getAsString()).isNotBlank();
                    case "value" -> check(fid, value);
                    case "mean_term" -> check(means, value);
                    case "trace_a" -> check(traceA, value);
                    case "trace_b" -> check(traceB, value);
                    case "trace_sqrt" -> check((means + traceA + traceB - fid) / 2, value);
                    case "fid_a_with_itself" ->
                        assertThat(FrechetInceptionDistance.distance(a, a))
                            .isCloseTo(value.getAsDouble(), offset(RELATIVE * scale));
                    default -> notCompared(key);
                  }
                }));
  }

  private static void check(double actual, JsonElement expected) {
    assertThat(actual).isCloseTo(expected.getAsDouble(), withPercentage(100 * RELATIVE));
  }

  private static void checkShape(FeatureMatrix features, JsonArray expected) {
    assertThat(features.rows()).isEqualTo(expected.get(0).getAsInt());
    assertThat(features.dimension()).isEqualTo(expected.get(1).getAsInt());
  }

  private static void notCompared(String key) {
    throw new AssertionError("not compared: " + key);
  }

  private FeatureMatrix features(String name) throws IOException {
    return FeatureMatrix.of(file.tensor(name).values(), Math.toIntExact(file.shape(name).get(1)));
  }

  private int[][] subsets(String name) throws IOException {
    int size = Math.toIntExact(file.shape(name).get(1));
    long[] indices = file.longs(name);
    int[][] subsets = new int[indices.length / size][size];
    for (int i = 0; i < indices.length; i++) {
      subsets[i / size][i % size] = Math.toIntExact(indices[i]);
    }
    return subsets;
  }
}
