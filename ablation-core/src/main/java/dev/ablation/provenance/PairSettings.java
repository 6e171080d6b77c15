package dev.ablation.provenance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of the settings that belong to one target and its anchor. With a single target they
 * stand as they are, such as {@code target}; of several, the i-th one's begin with {@code pair.i.},
 * i from 1. Of a sum of deltas, the settings of the i-th one begin with {@code sum.i.}
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

  /** What a delta was multiplied by after its run. */
  public static final String SCALE = "scale";

  private static final Pattern OF_SUM = Pattern.compile("sum\\.(\\d{1,9})\\.(.+)");
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
   * Finds the targets among the settings of a run, or of a sum of runs' deltas.
   *
   * @param settings of the run
   * @return the {@link #TARGET} of every pair, in order; empty if the settings are none of a run
   */
  public static List<String> targets(Map<String, String> settings) {
    List<Map<String, String>> summands = summands(settings);
    if (summands.size() > 1) {
      return summands.stream().flatMap(each -> targets(each).stream()).toList();
    }
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

  /** The settings of each delta of a sum; of any other delta its own. */
  private static List<Map<String, String>> summands(Map<String, String> settings) {
    NavigableMap<Integer, Map<String, String>> summands = new TreeMap<>();
    settings.forEach((name, value) -> {
      Matcher matcher = OF_SUM.matcher(name);
      if (matcher.matches()) {
        summands
            .computeIfAbsent(Integer.parseInt(matcher.group(1)), key -> new TreeMap<>())
            .put(matcher.group(2), value);
      }
    });
    return summands.isEmpty() ? List.of(settings) : List.copyOf(summands.values());
  }

  static Map<String, String> scaled(Map<String, String> settings, double factor) {
    return joinedSum(
        summands(settings).stream()
            .map(each -> {
              Map<String, String> changed = new TreeMap<>(each);
              double before = Double.parseDouble(each.getOrDefault(SCALE, "1"));
              changed.put(SCALE, Double.toString(before * factor));
              return changed;
            })
            .toList());
  }

  static Map<String, String> sum(Map<String, String> one, Map<String, String> other) {
    List<Map<String, String>> all = new ArrayList<>(summands(one));
    all.addAll(summands(other));
    return joinedSum(all);
  }

  private static Map<String, String> joinedSum(List<? extends Map<String, String>> summands) {
    Map<String, String> joined = new TreeMap<>();
    for (int i = 0; i < summands.size(); i++) {
      String prefix = summands.size() == 1 ? "" : "sum." + (i + 1) + ".";
      summands.get(i).forEach((name, value) -> joined.put(prefix + name, value));
    }
    return joined;
  }
}
