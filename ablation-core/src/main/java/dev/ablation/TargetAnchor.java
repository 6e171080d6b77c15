package dev.ablation;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.random.RandomStreams;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * A concept to remove and what shall be drawn in its place.
 *
 * {@snippet class="dev.ablation.Snippets" region="several-targets"}
 *
 * @param target what is removed
 * @param anchor what is drawn instead
 */
public record TargetAnchor(Concept target, AnchorStrategy anchor) {
  /** An order that follows from the targets alone, not from where they were named. */
  static final Comparator<TargetAnchor> ORDER =
      Comparator.<TargetAnchor, ConceptKind>comparing(pair -> pair.target.kind())
          .thenComparing(TargetAnchor::lowerCaseName);

  /** Checks that target and anchor differ in name. */
  public TargetAnchor {
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(anchor, "anchor");
    Preconditions.checkArgument(
        !target.name().equalsIgnoreCase(anchor.name()),
        "anchor must differ from the target, both were '%s'",
        target.name());
  }

  /** The seed of what is drawn for this pair in a run with several. */
  long seed(long ofTheRun) {
    return RandomStreams.seed(
        ofTheRun, "pair " + target.kind().streamName() + " " + lowerCaseName(), 0);
  }

  private String lowerCaseName() {
    return target.name().toLowerCase(Locale.ROOT);
  }

  Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>(target.settings());
    settings.put("target", target.toString());
    settings.put("target.kind", target.kind().name());
    settings.putAll(anchor.settings(target));
    return settings;
  }
}
