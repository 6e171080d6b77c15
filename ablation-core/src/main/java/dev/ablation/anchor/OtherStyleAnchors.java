package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;

/**
 * The same subjects in other styles, from {@link AnchorStrategy#otherStyles}. Every subject is
 * combined with every style. The order is random, but every subject comes once before any comes
 * again, so even a few images mix the styles. The prompts use the templates of the target's
 * concept.
 */
@CheckReturnValue
public final class OtherStyleAnchors implements AnchorStrategy {
  private static final String NAME = "other styles";

  private final List<String> styles;
  private final GeneratedAnchors subjects;
  private final Map<Concept, Map<String, String>> pairs = new ConcurrentHashMap<>();

  OtherStyleAnchors(List<String> styles, GeneratedAnchors subjects) {
    this.styles = styles.stream().map(String::strip).distinct().toList();
    this.subjects = Objects.requireNonNull(subjects, "subjects");
    Preconditions.checkArgument(!styles.isEmpty(), "styles must not be empty");
    Preconditions.checkArgument(
        this.styles.stream().noneMatch(String::isEmpty),
        "styles must not be blank, were %s",
        styles);
  }

  /** {@return the names of the other styles} */
  public List<String> styles() {
    return styles;
  }

  /** {@return the prompts without a style, and the settings for generating images} */
  public GeneratedAnchors subjects() {
    return subjects;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public OtherStyleAnchors withDefaults(Concept target, AnchorDefaults defaults) {
    return new OtherStyleAnchors(styles, subjects.withDefaults(target, defaults));
  }

  @Override
  public OtherStyleAnchors compatibleWith(DiffusionModel model, Concept target) {
    return new OtherStyleAnchors(styles, subjects.compatibleWith(model, target));
  }

  @Override
  public List<String> prompts(Concept target) {
    return List.copyOf(pairs(target).keySet());
  }

  @Override
  public String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    String prompt = pairs(target).get(anchorPrompt);
    Preconditions.checkArgument(
        prompt != null,
        "'%s' must be one of the prompts of the anchor 'other styles'",
        anchorPrompt);
    return Objects.requireNonNull(prompt);
  }

  @Override
  public List<String> targetPrompts(Concept target, String anchorPrompt) {
    return List.of(targetPrompt(target, anchorPrompt, NO_CHOICE));
  }

  private static final RandomGenerator NO_CHOICE =
      () -> {
        throw new IllegalStateException("an anchor prompt has one target prompt");
      };

  private Map<String, String> pairs(Concept target) {
    return pairs.computeIfAbsent(target, this::makePairs);
  }

  /** From anchor prompt to target prompt. */
  private Map<String, String> makePairs(Concept target) {
    Preconditions.checkArgument(
        target.kind() == ConceptKind.STYLE,
        "the anchor 'other styles' needs a style as target, was %s",
        target);
    Preconditions.checkArgument(
        styles.stream().noneMatch(target.name()::equalsIgnoreCase),
        "other styles must not contain the target '%s', were %s",
        target.name(),
        styles);
    List<String> plain = subjects.prompts(target);
    List<List<String>> orders = new ArrayList<>();
    for (int i = 0; i < plain.size(); i++) {
      Preconditions.checkArgument(
          !contains(plain.get(i), target.name()),
          "subject '%s' must not name the target '%s'",
          plain.get(i),
          target.name());
      List<String> order = new ArrayList<>(styles);
      Collections.shuffle(order, new Random(RandomStreams.seed(0, NAME, i)));
      orders.add(order);
    }
    Map<String, String> made = new LinkedHashMap<>();
    for (int round = 0; round < styles.size(); round++) {
      for (int i = 0; i < plain.size(); i++) {
        RandomGenerator random =
            RandomStreams.stream(0, NAME + " form", (long) round * plain.size() + i);
        String prompt = target.targetPrompt(plain.get(i), subjects.name(), random);
        Preconditions.checkArgument(
            prompt.contains(target.name()),
            "target prompt '%s' must contain the target's name '%s', so that another style can replace it",
            prompt,
            target.name());
        made.putIfAbsent(prompt.replace(target.name(), orders.get(i).get(round)), prompt);
      }
    }
    return Collections.unmodifiableMap(made);
  }

  private static boolean contains(String text, String part) {
    return text.toLowerCase(Locale.ROOT).contains(part.toLowerCase(Locale.ROOT));
  }

  @Override
  public AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return drawn(target).cost(model, target, context);
  }

  @Override
  public int images() {
    return subjects.images();
  }

  private GeneratedAnchors drawn(Concept target) {
    return subjects.prompts(prompts(target));
  }

  @Override
  public AnchorStrategy sample(Concept target, int images) {
    return drawn(target).sample(target, images);
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return drawn(target).prepare(model, target, context);
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation augmentation)
      throws IOException {
    return drawn(target).prepare(model, target, context, augmentation);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(drawn(target).settings(target));
    settings.put("anchor.name", NAME);
    settings.put("anchor.styles", String.join(", ", styles));
    return settings;
  }

  @Override
  public String toString() {
    return "other styles " + styles;
  }
}
