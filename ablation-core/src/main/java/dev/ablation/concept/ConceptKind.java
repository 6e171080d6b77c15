package dev.ablation.concept;

/**
 * The kinds of concepts. Published settings exist for the kinds in the paper (section 4) and those
 * in its code, see {@code dev.ablation.train.Preset}.
 */
public enum ConceptKind {
  /** A manner of depiction, such as an artist's. */
  STYLE,
  /** A specific member of a category, such as a character. */
  INSTANCE,
  /** A training image that the model reproduces. */
  MEMORIZED_IMAGE,
  /**
   * Content that images of any subject may show, such as nudity; not in the paper, but in its code.
   */
  INAPPROPRIATE_CONTENT,
  /** Things that are harmless by themselves, such as "kids with guns". */
  COMPOSITION,
  /** Prompt pairs that follow no rule; neither in the paper nor in its code. */
  PROMPT_PAIRS;

  /**
   * {@return the name from which random streams are derived; unlike {@link #name()} it never
   * changes}
   */
  public String streamName() {
    return this == MEMORIZED_IMAGE ? "MEMORIZED_PICTURE" : name();
  }
}
