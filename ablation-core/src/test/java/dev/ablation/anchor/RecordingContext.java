package dev.ablation.anchor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A context that keeps what it is told. */
final class RecordingContext implements AnchorContext {
  final List<Long> done = new ArrayList<>();
  final List<String> warnings = new ArrayList<>();
  final Map<String, String> notes = new TreeMap<>();
  private final long seed;
  private int calls;
  private int cancelAfter = Integer.MAX_VALUE;

  RecordingContext() {
    this(7);
  }

  RecordingContext(long seed) {
    this.seed = seed;
  }

  RecordingContext cancelledAfter(int questions) {
    cancelAfter = questions;
    return this;
  }

  @Override
  public long seed() {
    return seed;
  }

  @Override
  public void progress(long count, long total, boolean fromCache) {
    done.add(count);
  }

  @Override
  public void warn(String message) {
    warnings.add(message);
  }

  @Override
  public void note(String name, String value) {
    notes.put(name, value);
  }

  @Override
  public boolean cancelled() {
    return calls++ >= cancelAfter;
  }
}
