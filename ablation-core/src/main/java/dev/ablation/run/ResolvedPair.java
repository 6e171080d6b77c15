package dev.ablation.run;

import com.google.common.hash.Hashing;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.provenance.PairSettings;
import dev.ablation.random.RandomStreams;
import dev.ablation.train.TrainingPair;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A pair after the plan's check.
 *
 * @param pair the pair with all settings of the preset, without the excluded prompts
 * @param leftOut anchor prompts whose images are not used
 * @param preserved concepts whose rule applies to every used anchor prompt
 * @param preservesAnchor whether something is to be preserved; if {@code preserved} is empty, it is
 *     the anchor prompts
 */
record ResolvedPair(
    TargetAnchor pair, Set<String> leftOut, List<Concept> preserved, boolean preservesAnchor) {
  /** An order that depends only on the targets, not on their order in the plan. */
  static final Comparator<TargetAnchor> ORDER =
      Comparator.<TargetAnchor, ConceptKind>comparing(pair -> pair.target().kind())
          .thenComparing(ResolvedPair::lowerCaseName);

  ResolvedPair {
    leftOut = Set.copyOf(leftOut);
    preserved = List.copyOf(preserved);
  }

  Concept target() {
    return pair.target();
  }

  AnchorStrategy anchor() {
    return pair.anchor();
  }

  String anchorName() {
    return pair.anchor().name();
  }

  /** The seed of this pair in a run with several pairs. */
  long seed(long ofTheRun) {
    return RandomStreams.seed(
        ofTheRun, "pair " + target().kind().streamName() + " " + lowerCaseName(pair), 0);
  }

  private static String lowerCaseName(TargetAnchor pair) {
    return pair.target().name().toLowerCase(Locale.ROOT);
  }

  /** The anchor prompts that are used, without repetitions. */
  List<String> anchorPrompts() {
    return anchor().prompts(target()).stream()
        .distinct()
        .filter(prompt -> !leftOut.contains(prompt))
        .toList();
  }

  /** The pair as prompts. */
  TrainingPair prompts() {
    Map<String, List<String>> prompts = new LinkedHashMap<>();
    List<String> anchorPrompts = anchorPrompts();
    anchorPrompts.forEach(each -> prompts.put(each, anchor().targetPrompts(target(), each)));
    List<String> preservedPrompts =
        preserved.isEmpty() && preservesAnchor
            ? anchorPrompts
            : preserved.stream()
                .flatMap(concept ->
                    anchorPrompts.stream()
                        .flatMap(each -> concept.targetPrompts(each, anchorName()).stream()))
                .distinct()
                .toList();
    return new TrainingPair(target(), anchorName(), prompts, preserved, preservedPrompts);
  }

  /**
   * The settings that affect a pair, for provenance. Without images, their settings are omitted and
   * only the anchor's prompts are listed.
   */
  static Map<String, String> settings(TargetAnchor pair, boolean images) {
    Concept target = pair.target();
    Map<String, String> settings = new TreeMap<>(target.settings());
    settings.put(PairSettings.TARGET, target.toString());
    settings.put(PairSettings.TARGET_KIND, target.kind().name());
    if (images) {
      settings.putAll(pair.anchor().settings(target));
    } else {
      List<String> prompts = pair.anchor().prompts(target);
      settings.put(PairSettings.ANCHOR_NAME, pair.anchor().name());
      settings.put(PairSettings.ANCHOR_PROMPTS, Integer.toString(prompts.size()));
      settings.put(
          PairSettings.ANCHOR_PROMPTS_SHA256,
          Hashing.sha256()
              .hashString(String.join("\n", prompts), StandardCharsets.UTF_8)
              .toString());
    }
    return settings;
  }
}
