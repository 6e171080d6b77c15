package dev.ablation.run;

import dev.ablation.concept.Concept;
import dev.ablation.concept.Preservation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Preserved concepts and prompts, as a list of concepts. */
final class PreservedConcepts {
  private PreservedConcepts() {}

  /** The concepts in an order that depends only on them, then the prompts as the last one. */
  static List<Concept> of(Preservation preservation) {
    List<Concept> entries = new ArrayList<>(preservation.concepts());
    entries.sort(
        Comparator.comparing(Concept::kind)
            .thenComparing(concept -> concept.name().toLowerCase(Locale.ROOT)));
    List<String> prompts = preservation.prompts();
    if (!prompts.isEmpty()) {
      entries.add(Concept.memorized(prompts.get(0), prompts.toArray(String[]::new)));
    }
    return entries;
  }

  static Map<String, String> settings(Preservation preservation) {
    Map<String, String> settings = new TreeMap<>();
    settings.put("preserve.weight", Double.toString(preservation.weight()));
    List<Concept> entries = of(preservation);
    for (int i = 0; i < preservation.concepts().size(); i++) {
      String prefix = "preserve." + (i + 1);
      settings.put(prefix, entries.get(i).toString());
      entries.get(i).settings().forEach((name, value) -> settings.put(prefix + "." + name, value));
    }
    if (!preservation.prompts().isEmpty()) {
      settings.put("preserve.prompts", preservation.prompts().toString());
    }
    return settings;
  }
}
