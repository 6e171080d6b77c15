package dev.ablation.provenance;

import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of the settings that belong to one target and its anchor. With a single target they
 * stand as they are, such as {@code target}; of several, the i-th one's begin with {@code pair.i.},
 * i from 1.
 */
public final class PairSettings {
  /** The target with its kind, such as {@code style 'Van Gogh'}. */
  public static final String TARGET = "target";

  /** The constant of the target's kind. */
  public static final String TARGET_KIND = "target.kind";

  /** The anchor's name. */
  public static final String ANCHOR_NAME = "anchor.name";

  /** How many anchor prompts there are. */
  public static final String ANCHOR_PROMPTS = "anchor.prompts";

  /** SHA-256 of the anchor prompts, joined by line feeds, UTF-8. */
  public static final String ANCHOR_PROMPTS_SHA256 = "anchor.prompts.sha256";

  private static final Pattern OF_SEVERAL = Pattern.compile("pair\\.(\\d{1,9})\\.(.+)");

  private PairSettings() {}

  /**
   * Joins the settings of every pair.
   *
   * @param pairs settings of each pair, in order
   * @return settings of the run
   */
  public static Map<String, String> joined(List<Map<String, String>> pairs) {
    Map<String, String> joined = new TreeMap<>();
    for (int i = 0; i < pairs.size(); i++) {
      String prefix = pairs.size() == 1 ? "" : "pair." + (i + 1) + ".";
      pairs.get(i).forEach((name, value) -> joined.put(prefix + name, value));
    }
    return joined;
  }

  /**
   * Finds the targets among the settings of a run.
   *
   * @param settings of the run
   * @return the {@link #TARGET} of every pair, in order; empty if the settings are none of a run
   */
  public static List<String> targets(Map<String, String> settings) {
    NavigableMap<Integer, String> targets = new TreeMap<>();
    settings.forEach((name, value) -> {
      Matcher matcher = OF_SEVERAL.matcher(name);
      if (matcher.matches() && matcher.group(2).equals(TARGET)) {
        targets.put(Integer.parseInt(matcher.group(1)), value);
      }
    });
    String single = settings.get(TARGET);
    if (single != null) {
      targets.put(0, single);
    }
    return List.copyOf(targets.values());
  }
}
