package dev.ablation.concept;

/**
 * The kinds of concepts. Those that the paper ablates (section 4) and those of its code have
 * published numbers, see {@code dev.ablation.train.Preset}.
 */
public enum ConceptKind {
  /** A manner of drawing, such as an artist's. */
  STYLE,
  /** A thing among others of its sort, such as a character. */
  INSTANCE,
  /** One image of the training set that a model draws again. */
  MEMORIZED_IMAGE,
  /** What images of any subject may show, such as nudity; not in the paper, but in its code. */
  INAPPROPRIATE_CONTENT,
  /** Things that are harmless by themselves, such as "kids with guns". */
  COMPOSITION,
  /** Pairs of prompts that follow no rule; neither in the paper nor in its code. */
  PROMPT_PAIRS;

  /**
   * {@return the name from which random numbers are derived; it stays when a constant is renamed}
   */
  public String streamName() {
    return this == MEMORIZED_IMAGE ? "MEMORIZED_PICTURE" : name();
  }
}
