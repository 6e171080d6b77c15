package dev.ablation.emoji.study;

import java.util.List;

/** How several requests can be met. */
enum SequenceWay {
  /** Each from the model that the former ones left. */
  ONE_AFTER_ANOTHER("one after another"),
  /** Each from the base model; the deltas are added. */
  ADDED("deltas added"),
  /** One run for all. */
  ALL_AT_ONCE("all at once");

  private final String words;

  SequenceWay(String words) {
    this.words = words;
  }

  static SequenceWay named(String words) {
    for (SequenceWay way : values()) {
      if (way.words.equals(words.strip())) {
        return way;
      }
    }
    throw new IllegalArgumentException(
        "--ways must be some of %s, was '%s'".formatted(List.of(values()), words));
  }

  /** {@return whether each target has a delta of its own, which can be taken out again} */
  boolean hasDeltas() {
    return this != ALL_AT_ONCE;
  }

  @Override
  public String toString() {
    return words;
  }
}
