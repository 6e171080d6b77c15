package dev.ablation.closedform;

/**
 * Two entries of {@link EmbeddingSums} whose embeddings are the same.
 *
 * @param kind what that means
 * @param first entry that was added
 * @param second entry that was added; the same as {@code first} for {@link Kind#NO_CHANGE}
 */
public record EmbeddingConflict(Kind kind, String first, String second) {

  /** What two equal embeddings mean. */
  public enum Kind {
    /** A target occurs twice with the same anchor: it counts twice. */
    DUPLICATE("is the same edit as"),
    /** A target's embeddings are those of its anchor: nothing is erased. */
    NO_CHANGE("has equal embeddings of target and anchor"),
    /** A target occurs with two anchors: neither is reached. */
    DIFFERENT_ANCHORS("has the same target, but another anchor than"),
    /** A target is preserved, too. */
    ERASED_AND_PRESERVED("erases what is preserved as");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** {@return whether no weight can satisfy both entries} */
    public boolean contradiction() {
      return this == DIFFERENT_ANCHORS || this == ERASED_AND_PRESERVED;
    }
  }

  @Override
  public String toString() {
    return kind == Kind.NO_CHANGE
        ? first + " " + kind.words
        : first + " " + kind.words + " " + second;
  }
}
