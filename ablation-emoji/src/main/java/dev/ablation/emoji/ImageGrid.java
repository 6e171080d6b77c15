package dev.ablation.emoji;

import java.util.List;

/**
 * Prompts in rows and columns, to be drawn by the model as it was and as it became, each with the
 * same seed both times.
 *
 * @param columns captions of the columns
 * @param rows each with one prompt a column
 */
public record ImageGrid(List<String> columns, List<Row> rows) {

  /** What a row is there for. */
  public enum Role {
    /** Shall be gone. */
    TARGET("target"),
    /** Shall be drawn instead. */
    ANCHOR("anchor"),
    /** Shall stay as it is. */
    NEIGHBOUR("neighbour");

    private final String caption;

    Role(String caption) {
      this.caption = caption;
    }

    public String caption() {
      return caption;
    }
  }

  /**
   * A row.
   *
   * @param role what it is there for
   * @param caption what its images have in common
   * @param prompts one a column
   */
  public record Row(Role role, String caption, List<String> prompts) {
    public Row {
      prompts = List.copyOf(prompts);
    }
  }

  public ImageGrid {
    columns = List.copyOf(columns);
    rows = List.copyOf(rows);
    for (Row row : rows) {
      if (row.prompts().size() != columns.size()) {
        throw new IllegalArgumentException(
            "row '%s' must have %d prompts, has %d"
                .formatted(row.caption(), columns.size(), row.prompts().size()));
      }
    }
  }

  /** Returns all prompts, row by row. */
  public List<String> prompts() {
    return rows.stream().flatMap(row -> row.prompts().stream()).toList();
  }
}
