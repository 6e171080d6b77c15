package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a metric keeps of some images, so that another process can go on from it: statistics of the
 * next images are added, and those of all images give the metric's value as if one process had seen
 * them all. By name, they are
 *
 * <ul>
 *   <li>values, one or none for an image, such as 0 or 1 of a detector: joined in order;
 *   <li>features, a row for an image: joined in order. The kernels of KID and CMMD compare every
 *       image with every other, so no sum replaces them;
 *   <li>sums of features and of their products, as FID needs them: added, see {@link
 *       FeatureStatistics}; their size does not depend on the number of images;
 *   <li>texts that must be the same for all images, such as the extractor's hash.
 * </ul>
 *
 * <p>Immutable: a method with a value returns a copy with that value.
 */
@CheckReturnValue
public final class MetricStatistics {
  private static final MetricStatistics EMPTY =
      new MetricStatistics(Map.of(), Map.of(), Map.of(), Map.of());
  private static final int FORMAT = 0x41535431; // AST1

  /** More parts than any metric has; a damaged file may ask for any number. */
  private static final int MOST_PARTS = 10_000;

  private final Map<String, double[]> values;
  private final Map<String, FeatureMatrix> features;
  private final Map<String, FeatureStatistics> sums;
  private final Map<String, String> texts;

  private MetricStatistics(
      Map<String, double[]> values,
      Map<String, FeatureMatrix> features,
      Map<String, FeatureStatistics> sums,
      Map<String, String> texts) {
    this.values = values;
    this.features = features;
    this.sums = sums;
    this.texts = texts;
  }

  /** {@return statistics of no images} */
  public static MetricStatistics empty() {
    return EMPTY;
  }

  /**
   * Adds values.
   *
   * @param name of the values
   * @param list one or none for each image, in order
   * @return a copy with the values
   */
  public MetricStatistics values(String name, List<Double> list) {
    double[] copy = list.stream().mapToDouble(Double::doubleValue).toArray();
    return new MetricStatistics(with(values, name, copy), features, sums, texts);
  }

  /**
   * Adds features.
   *
   * @param name of the features
   * @param matrix a row for each image, in order
   * @return a copy with the features
   */
  public MetricStatistics features(String name, FeatureMatrix matrix) {
    return new MetricStatistics(values, with(features, name, matrix), sums, texts);
  }

  /**
   * Adds sums.
   *
   * @param name of the sums
   * @param statistics copied
   * @return a copy with the sums
   */
  public MetricStatistics sums(String name, FeatureStatistics statistics) {
    return new MetricStatistics(values, features, with(sums, name, sum(statistics, null)), texts);
  }

  /**
   * Adds a text that must be the same for all images.
   *
   * @param name of the text
   * @param text any
   * @return a copy with the text
   */
  public MetricStatistics text(String name, String text) {
    return new MetricStatistics(values, features, sums, with(texts, name, text));
  }

  /**
   * Returns values.
   *
   * @param name of the values
   * @return the values of all images, in order; empty if there are none
   */
  public List<Double> values(String name) {
    double[] found = values.get(name);
    return found == null ? List.of() : Arrays.stream(found).boxed().toList();
  }

  /**
   * Returns features.
   *
   * @param name of the features
   * @return the features of all images, in order; empty if there are none
   */
  public Optional<FeatureMatrix> features(String name) {
    return Optional.ofNullable(features.get(name));
  }

  /**
   * Returns sums.
   *
   * @param name of the sums
   * @return a copy of the sums over all images; empty if there are none
   */
  public Optional<FeatureStatistics> sums(String name) {
    return Optional.ofNullable(sums.get(name)).map(found -> sum(found, null));
  }

  /**
   * Returns a text.
   *
   * @param name of the text
   * @return the text; empty if there is none
   */
  public Optional<String> text(String name) {
    return Optional.ofNullable(texts.get(name));
  }

  /**
   * Adds the statistics of the next images.
   *
   * @param next of the same metric
   * @return the statistics of these images and then of those
   * @throws IllegalArgumentException if features have another dimension or a text differs
   */
  public MetricStatistics plus(MetricStatistics next) {
    return new MetricStatistics(
        joined(values, next.values, MetricStatistics::joined),
        joined(features, next.features, (a, b) -> FeatureMatrix.concat(List.of(a, b))),
        joined(sums, next.sums, MetricStatistics::sum),
        joined(texts, next.texts, MetricStatistics::same));
  }

  private static double[] joined(double[] a, double[] b) {
    double[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }

  private static FeatureStatistics sum(FeatureStatistics a, @Nullable FeatureStatistics b) {
    FeatureStatistics sum = new FeatureStatistics(a.dimension()).merge(a);
    return b == null ? sum : sum.merge(b);
  }

  private static String same(String a, String b) {
    Preconditions.checkArgument(
        a.equals(b), "statistics must be of the same kind, were of '%s' and '%s'", a, b);
    return a;
  }

  private static <T> Map<String, T> with(Map<String, T> map, String name, T value) {
    Map<String, T> changed = new LinkedHashMap<>(map);
    changed.put(Objects.requireNonNull(name, "name"), value);
    return changed;
  }

  private static <T> Map<String, T> joined(
      Map<String, T> a, Map<String, T> b, BinaryOperator<T> join) {
    Map<String, T> both = new LinkedHashMap<>(a);
    b.forEach((name, value) -> both.merge(name, value, join));
    return both;
  }

  /**
   * Writes the statistics, so that another process can add them.
   *
   * @param out receives them
   * @throws IOException if they cannot be written
   */
  public void write(DataOutput out) throws IOException {
    out.writeInt(FORMAT);
    out.writeInt(values.size());
    for (Map.Entry<String, double[]> each : values.entrySet()) {
      writeText(out, each.getKey());
      out.writeInt(each.getValue().length);
      for (double value : each.getValue()) {
        out.writeDouble(value);
      }
    }
    out.writeInt(features.size());
    for (Map.Entry<String, FeatureMatrix> each : features.entrySet()) {
      FeatureMatrix matrix = each.getValue();
      writeText(out, each.getKey());
      out.writeInt(matrix.rows());
      out.writeInt(matrix.dimension());
      for (int row = 0; row < matrix.rows(); row++) {
        for (float value : matrix.row(row)) {
          out.writeFloat(value);
        }
      }
    }
    out.writeInt(sums.size());
    for (Map.Entry<String, FeatureStatistics> each : sums.entrySet()) {
      writeText(out, each.getKey());
      each.getValue().write(out);
    }
    out.writeInt(texts.size());
    for (Map.Entry<String, String> each : texts.entrySet()) {
      writeText(out, each.getKey());
      writeText(out, each.getValue());
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @param in at the beginning of statistics
   * @return the statistics
   * @throws IOException if they cannot be read, or are something else
   */
  public static MetricStatistics read(DataInput in) throws IOException {
    if (in.readInt() != FORMAT) {
      throw new IOException("not statistics of a metric");
    }
    Map<String, double[]> values = new LinkedHashMap<>();
    for (int left = count(in, MOST_PARTS); left > 0; left--) {
      String name = readText(in);
      double[] list = new double[0];
      int length = count(in, Integer.MAX_VALUE);
      for (int i = 0; i < length; i++) {
        if (i == list.length) {
          // Grows with what is read: a damaged length asks for no memory.
          list = Arrays.copyOf(list, (int) Math.min(length, 2L * i + 1024));
        }
        list[i] = in.readDouble();
      }
      values.put(name, list);
    }
    Map<String, FeatureMatrix> features = new LinkedHashMap<>();
    for (int left = count(in, MOST_PARTS); left > 0; left--) {
      features.put(readText(in), readMatrix(in));
    }
    Map<String, FeatureStatistics> sums = new LinkedHashMap<>();
    for (int left = count(in, MOST_PARTS); left > 0; left--) {
      sums.put(readText(in), FeatureStatistics.read(in));
    }
    Map<String, String> texts = new LinkedHashMap<>();
    for (int left = count(in, MOST_PARTS); left > 0; left--) {
      texts.put(readText(in), readText(in));
    }
    return new MetricStatistics(values, features, sums, texts);
  }

  private static FeatureMatrix readMatrix(DataInput in) throws IOException {
    int rows = count(in, Integer.MAX_VALUE);
    int dimension = count(in, 1 << 20);
    List<float[]> list = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      float[] next = new float[dimension];
      for (int i = 0; i < dimension; i++) {
        next[i] = in.readFloat();
      }
      list.add(next);
    }
    try {
      return FeatureMatrix.of(list.toArray(float[][]::new));
    } catch (IllegalArgumentException e) {
      throw new IOException("not statistics of a metric: " + e.getMessage(), e);
    }
  }

  private static int count(DataInput in, int most) throws IOException {
    int count = in.readInt();
    if (count < 0 || count > most) {
      throw new IOException("not statistics of a metric: a count of " + count);
    }
    return count;
  }

  private static void writeText(DataOutput out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static String readText(DataInput in) throws IOException {
    byte[] bytes = new byte[count(in, 1 << 20)];
    in.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
