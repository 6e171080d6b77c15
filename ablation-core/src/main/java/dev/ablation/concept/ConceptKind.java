package dev.ablation.concept;

/** The kinds of concepts that the paper ablates (section 4), each with numbers of its own. */
public enum ConceptKind {
  /** A manner of drawing, such as an artist's. */
  STYLE,
  /** A thing among others of its sort, such as a character. */
  INSTANCE
}
