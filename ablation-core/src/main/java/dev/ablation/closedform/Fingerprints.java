package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Finds equal embeddings without keeping them: a few random projections of each. The difference of
 * two embeddings is as long as its projections are large, so that rounding, which depends on the
 * batch that a prompt was encoded in, does not hide an equality.
 */
final class Fingerprints {
  private static final int PROJECTIONS = 8;
  private static final double SAME = 1e-4;
  private static final long SEED = 20231001;

  /** Projections of one prompt's embeddings, and their length. */
  @SuppressWarnings("ArrayRecordComponent") // compared by same alone
  private record Print(long size, double[] projections, double norm) {
    boolean same(Print other) {
      double tolerance = SAME * Math.max(norm, other.norm);
      if (size != other.size || Math.abs(norm - other.norm) > tolerance) {
        return false;
      }
      for (int i = 0; i < PROJECTIONS; i++) {
        if (Math.abs(projections[i] - other.projections[i]) > tolerance) {
          return false;
        }
      }
      return true;
    }
  }

  private record Entry(int index, String name, Print print, @Nullable Print anchor) {}

  private final List<Entry> entries = new ArrayList<>();
  private final Map<Integer, float[]> directions = new HashMap<>();

  void erased(List<PromptMapping> mappings, NDArray targets, NDArray anchors) {
    List<String> targetNames = mappings.stream().map(m -> "target '" + m.target() + "'").toList();
    List<String> anchorNames = mappings.stream().map(m -> "anchor '" + m.anchor() + "'").toList();
    List<Print> ofTargets = prints(targetNames, targets);
    List<Print> ofAnchors = prints(anchorNames, anchors);
    for (int i = 0; i < mappings.size(); i++) {
      String name = mappings.get(i).toString();
      entries.add(new Entry(entries.size(), name, ofTargets.get(i), ofAnchors.get(i)));
    }
  }

  void preserved(List<String> prompts, NDArray embeddings) {
    List<String> names = prompts.stream().map(prompt -> "preserved '" + prompt + "'").toList();
    List<Print> prints = prints(names, embeddings);
    for (int i = 0; i < names.size(); i++) {
      entries.add(new Entry(entries.size(), "'" + prompts.get(i) + "'", prints.get(i), null));
    }
  }

  List<EmbeddingConflict> conflicts() {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(
        Comparator.<Entry>comparingLong(entry -> entry.print.size)
            .thenComparingDouble(entry -> entry.print.projections[0]));
    Map<Long, EmbeddingConflict> found = new java.util.TreeMap<>();
    for (int i = 0; i < sorted.size(); i++) {
      Entry a = sorted.get(i);
      if (a.anchor != null && a.anchor.same(a.print)) {
        put(found, a, a, EmbeddingConflict.Kind.NO_CHANGE);
      }
      for (int j = i + 1; j < sorted.size() && near(a, sorted.get(j)); j++) {
        compare(found, a, sorted.get(j));
      }
    }
    return List.copyOf(found.values());
  }

  private static boolean near(Entry a, Entry b) {
    return a.print.size == b.print.size
        && b.print.projections[0] - a.print.projections[0]
            <= 2 * SAME * Math.max(a.print.norm, b.print.norm);
  }

  private static void compare(Map<Long, EmbeddingConflict> found, Entry a, Entry b) {
    if (!a.print.same(b.print)) {
      return;
    }
    if (a.anchor != null && b.anchor != null) {
      boolean equal = a.anchor.same(b.anchor);
      put(
          found,
          a,
          b,
          equal ? EmbeddingConflict.Kind.DUPLICATE : EmbeddingConflict.Kind.DIFFERENT_ANCHORS);
    } else if (a.anchor != null && !a.anchor.same(a.print)) {
      put(found, a, b, EmbeddingConflict.Kind.ERASED_AND_PRESERVED);
    } else if (b.anchor != null && !b.anchor.same(b.print)) {
      put(found, b, a, EmbeddingConflict.Kind.ERASED_AND_PRESERVED);
    }
  }

  /** Keeps conflicts in the order of the entries; of two targets the earlier one comes first. */
  private static void put(
      Map<Long, EmbeddingConflict> found, Entry a, Entry b, EmbeddingConflict.Kind kind) {
    boolean swap = kind != EmbeddingConflict.Kind.ERASED_AND_PRESERVED && b.index < a.index;
    Entry first = swap ? b : a;
    Entry second = swap ? a : b;
    found.put(
        ((long) first.index << Integer.SIZE) + second.index,
        new EmbeddingConflict(kind, first.name, second.name));
  }

  private List<Print> prints(List<String> names, NDArray embeddings) {
    int batch = names.size();
    int size = Math.toIntExact(embeddings.getShape().size() / Math.max(1, batch));
    float[] random = directions.computeIfAbsent(size, Fingerprints::directions);
    List<Print> prints = new ArrayList<>();
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      NDArray flat = embeddings.reshape(batch, size).toType(DataType.FLOAT32, false);
      NDArray onto = embeddings.getManager().create(random, new Shape(size, PROJECTIONS));
      float[] projected = flat.matMul(onto.toDevice(embeddings.getDevice(), false)).toFloatArray();
      float[] squares = flat.square().sum(new int[] {1}).toFloatArray();
      for (int i = 0; i < batch; i++) {
        double[] own = new double[PROJECTIONS];
        for (int k = 0; k < PROJECTIONS; k++) {
          own[k] = projected[i * PROJECTIONS + k];
        }
        checkFinite(names.get(i), squares[i]);
        prints.add(new Print(size, own, Math.sqrt(squares[i])));
      }
    }
    return prints;
  }

  private static void checkFinite(String name, float squares) {
    if (!Float.isFinite(squares)) {
      throw new IllegalArgumentException(
          "text embeddings must be finite, those of %s were not (sum of squares %s)"
              .formatted(name, squares));
    }
  }

  private static float[] directions(int size) {
    Random random = new Random(SEED);
    float[] values = new float[size * PROJECTIONS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
