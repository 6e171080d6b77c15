package dev.ablation.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;

/** The tests of a file: they compare every tensor, or say which they leave out and why. */
public final class TensorTests {
  private final TensorFile file;
  private final List<DynamicNode> tests = new ArrayList<>();
  private final Set<String> handled = new TreeSet<>();
  private final Map<String, String> leftOut = new LinkedHashMap<>();

  /**
   * Begins without a test.
   *
   * @param file to compare with
   */
  public TensorTests(TensorFile file) {
    this.file = file;
  }

  /**
   * Names tensors that the computation starts from.
   *
   * @param names of inputs
   * @return this
   */
  public TensorTests inputs(String... names) {
    handled.addAll(List.of(names));
    return this;
  }

  /**
   * Names a tensor that is not compared.
   *
   * @param name of the tensor
   * @param why it is left out
   * @return this
   */
  public TensorTests leaveOut(String name, String why) {
    leftOut.put(name, why);
    return this;
  }

  /**
   * Adds the test of a tensor.
   *
   * @param name of the tensor
   * @param tolerance of the comparison
   * @param actual what was computed; asked for when the test runs
   * @return this
   */
  public TensorTests compare(String name, Tolerance tolerance, Supplier<Tensor> actual) {
    handled.add(name);
    tests.add(dynamicTest(name, () -> tolerance.check(name, actual.get(), file.tensor(name))));
    return this;
  }

  /**
   * Adds a test or a container of tests that compares some tensors.
   *
   * @param names of the tensors
   * @param test compares them
   * @return this
   */
  public TensorTests compareAll(Collection<String> names, DynamicNode test) {
    handled.addAll(names);
    tests.add(test);
    return this;
  }

  /** Returns the tests; the last one is that no tensor of the file was forgotten. */
  public Stream<DynamicNode> stream() {
    String omitted = leftOut.isEmpty() ? "" : " but " + leftOut;
    DynamicTest complete =
        dynamicTest(
            "every tensor of " + file + " is compared" + omitted,
            () -> {
              Set<String> known = new TreeSet<>(handled);
              known.addAll(leftOut.keySet());
              assertThat(new TreeSet<>(file.names())).as("tensors of %s", file).isEqualTo(known);
              assertThat(leftOut.keySet()).doesNotContainAnyElementsOf(handled);
            });
    return Stream.concat(tests.stream(), Stream.of(complete));
  }
}
