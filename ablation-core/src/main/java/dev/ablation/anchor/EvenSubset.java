package dev.ablation.anchor;

import java.util.List;
import java.util.stream.IntStream;

/** Picks some elements of a list, evenly spread. */
final class EvenSubset {
  private EvenSubset() {}

  static <T> List<T> over(List<T> all, int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> all.get((int) ((long) i * all.size() / count)))
        .toList();
  }
}
