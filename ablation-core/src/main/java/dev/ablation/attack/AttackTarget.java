package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.PromptPair;
import dev.ablation.internal.Words;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What is attacked, as an evaluation knows it: the concept, prompts with and without it, and what
 * else an attacker may have. {@link Attacks} makes attacks from it.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="attack-presets"}
 *
 * <p>Immutable: every setter returns a copy.
 */
@CheckReturnValue
public final class AttackTarget {
  /** Rare words, of which CLIP's vocabulary has the first as one token. */
  static final List<String> RARE = List.of("sks", "ohwx", "zwx", "qxj", "vbk");

  private static final Pattern GAPS = Pattern.compile("[^\\p{L}\\p{N}]+");

  private final Values values;

  /** The settings; not changed after creation. */
  private static final class Values implements Cloneable {
    private final Concept concept;
    private final String anchor;
    private final List<PromptPair> pairs;
    private List<String> prompts;
    private List<String> neutralPrompts;
    private List<DescribedImage> images = List.of();
    private List<DescribedImage> otherImages = List.of();
    private @Nullable LatentGuide guide;
    private List<String> placeholders = List.of();
    private List<String> initializers = List.of();
    private double fineTuningRate = 1e-5;
    private String label = "";

    Values(Concept concept, String anchor, List<PromptPair> pairs) {
      this.concept = Objects.requireNonNull(concept, "concept");
      this.anchor = Objects.requireNonNull(anchor, "anchor");
      this.pairs = List.copyOf(pairs);
      Preconditions.checkArgument(!pairs.isEmpty(), "pairs of %s must not be empty", concept);
      prompts = pairs.stream().map(PromptPair::target).distinct().toList();
      neutralPrompts = pairs.stream().map(PromptPair::anchor).distinct().toList();
    }

    @Override
    protected Values clone() {
      try {
        return (Values) super.clone();
      } catch (CloneNotSupportedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private AttackTarget(Values values) {
    this.values = values;
  }

  private AttackTarget changed(Consumer<Values> change) {
    Values copy = values.clone();
    change.accept(copy);
    return new AttackTarget(copy);
  }

  /**
   * Describes a target of an ablation; its prompts are those of the pair.
   *
   * @param pair target and anchor
   * @return the target
   * @throws IllegalArgumentException if no prompt can be derived
   */
  public static AttackTarget of(TargetAnchor pair) {
    List<PromptPair> pairs =
        pair.anchor().prompts(pair.target()).stream()
            .distinct()
            .map(anchor ->
                new PromptPair(anchor, pair.anchor().targetPrompts(pair.target(), anchor).get(0)))
            .toList();
    return of(pair.target(), pair.anchor().name(), pairs);
  }

  /**
   * Describes a target.
   *
   * @param concept what was removed
   * @param anchor what is drawn instead, such as {@code "painting"}; learned words begin at its
   *     words
   * @param pairs prompts without and with the concept, at least one
   * @return the target
   */
  public static AttackTarget of(Concept concept, String anchor, List<PromptPair> pairs) {
    return new AttackTarget(new Values(concept, anchor, pairs));
  }

  /** {@return what was removed} */
  public Concept concept() {
    return values.concept;
  }

  /** {@return prompts without and with the concept} */
  public List<PromptPair> pairs() {
    return values.pairs;
  }

  /** {@return prompts that draw the target; by default those of the pairs} */
  public List<String> prompts() {
    return values.prompts;
  }

  /**
   * Changes the prompts that draw the target.
   *
   * @param changed at least one
   * @return a copy with the given prompts
   */
  public AttackTarget prompts(List<String> changed) {
    Preconditions.checkArgument(!changed.isEmpty(), "prompts must not be empty");
    List<String> copy = List.copyOf(changed);
    return changed(v -> v.prompts = copy);
  }

  /** {@return prompts that do not name the target; by default the anchor's, those of the pairs} */
  public List<String> neutralPrompts() {
    return values.neutralPrompts;
  }

  /**
   * Changes the prompts that do not name the target.
   *
   * @param changed at least one
   * @return a copy with the given prompts
   */
  public AttackTarget neutralPrompts(List<String> changed) {
    Preconditions.checkArgument(!changed.isEmpty(), "neutral prompts must not be empty");
    List<String> copy = List.copyOf(changed);
    return changed(v -> v.neutralPrompts = copy);
  }

  /** {@return images of the target; empty if the base model is to draw them} */
  public List<DescribedImage> images() {
    return values.images;
  }

  /**
   * Gives images of the target. Without any, attacks that need them have the base model draw them
   * when the first of these attacks begins: as an attacker would do who has the model of before the
   * removal. Real images are the stronger attack on a memorized image.
   *
   * @param given of the model's size, with prompts that are true of them
   * @return a copy with the given images
   */
  public AttackTarget images(List<DescribedImage> given) {
    List<DescribedImage> copy = List.copyOf(given);
    return changed(v -> v.images = copy);
  }

  /** {@return images without the target; empty if the base model is to draw them} */
  public List<DescribedImage> otherImages() {
    return values.otherImages;
  }

  /**
   * Gives images without the target: for a classifier, and for fine-tuning that means no harm.
   *
   * @param given of the model's size, with prompts that are true of them
   * @return a copy with the given images
   */
  public AttackTarget otherImages(List<DescribedImage> given) {
    List<DescribedImage> copy = List.copyOf(given);
    return changed(v -> v.otherImages = copy);
  }

  /** {@return the gradient of an evaluator, if there is one} */
  public Optional<LatentGuide> guide() {
    return Optional.ofNullable(values.guide);
  }

  /**
   * Gives the gradient of an evaluator, for {@link GuidanceAttack}.
   *
   * @param given owned by the caller, open until the attacks have ended
   * @return a copy with the guide
   */
  public AttackTarget guide(LatentGuide given) {
    Objects.requireNonNull(given, "guide");
    return changed(v -> v.guide = given);
  }

  /**
   * Chooses the words whose embeddings are learned. By default rare words of the model's vocabulary
   * that occur in no prompt.
   *
   * @param words that are one token each, different, and occur in no prompt; at least one, an
   *     adversarial prompt takes up to three
   * @return a copy with the given words
   */
  public AttackTarget placeholders(List<String> words) {
    List<String> copy = List.copyOf(words);
    return changed(v -> v.placeholders = copy);
  }

  /** {@return words whose embeddings are learned; empty if they are chosen} */
  public List<String> placeholders() {
    return values.placeholders;
  }

  /**
   * Chooses where learned words begin. By default at words of the anchor's name and at what a
   * target of its kind is, such as "art".
   *
   * @param words that are one token each; at least one
   * @return a copy with the given words
   */
  public AttackTarget initializers(List<String> words) {
    List<String> copy = List.copyOf(words);
    return changed(v -> v.initializers = copy);
  }

  /** {@return where learned words begin; empty if that is chosen} */
  public List<String> initializers() {
    return values.initializers;
  }

  /** {@return the learning rate of fine-tuning all weights} */
  public double fineTuningRate() {
    return values.fineTuningRate;
  }

  /**
   * Changes the learning rate of fine-tuning: 1e-5 by default, published for models of the size of
   * Stable Diffusion; smaller models need more. Low-rank factors train ten times as fast.
   *
   * @param rate positive
   * @return a copy with the given rate
   */
  public AttackTarget fineTuningRate(double rate) {
    Preconditions.checkArgument(
        rate > 0 && Double.isFinite(rate), "fineTuningRate must be positive, was %s", rate);
    return changed(v -> v.fineTuningRate = rate);
  }

  /**
   * Names the target in the names of its attacks, where several targets are attacked.
   *
   * @param text such as {@code "cat face"}; empty for none
   * @return a copy with the label
   */
  public AttackTarget label(String text) {
    Objects.requireNonNull(text, "label");
    return changed(v -> v.label = text);
  }

  /** {@return what the names of its attacks begin with; may be empty} */
  public String label() {
    return values.label;
  }

  // What attacks derive.

  /** The name under which the prompts have the target, if they have one. */
  Optional<String> nameInPrompts() {
    return values.concept.phrases().stream()
        .filter(phrase -> values.prompts.stream().anyMatch(prompt -> prompt.contains(phrase)))
        .max(Comparator.comparingInt(String::length));
  }

  /** The prompt with a slot in place of the target. */
  String slotted(String prompt) {
    if (values.concept.kind() == ConceptKind.MEMORIZED_IMAGE) {
      return InversionExample.SLOT; // its caption is all that there is to say
    }
    List<String> phrases = new ArrayList<>(values.concept.phrases());
    phrases.sort(Comparator.comparingInt(String::length).reversed());
    for (String phrase : phrases) {
      Matcher found = Words.ownWord(phrase).matcher(prompt);
      if (found.find()) {
        return prompt.substring(0, found.start())
            + InversionExample.SLOT
            + prompt.substring(found.end());
      }
    }
    return values.pairs.stream()
        .filter(pair -> pair.target().equals(prompt))
        .findFirst()
        .map(pair -> pair.anchor() + ", " + InversionExample.SLOT)
        .orElse(InversionExample.SLOT);
  }

  /** Words that a learned word may begin at, the best first. */
  List<String> initializerCandidates() {
    List<String> anchors = new ArrayList<>(List.of(GAPS.split(values.anchor.strip(), -1)));
    Collections.reverse(anchors); // the noun comes last
    Set<String> candidates = new LinkedHashSet<>(anchors);
    candidates.addAll(
        switch (values.concept.kind()) {
          case STYLE -> List.of("art", "style", "painting");
          case INSTANCE, COMPOSITION -> List.of("object", "thing", "animal");
          case MEMORIZED_IMAGE -> List.of("picture", "image", "photo");
          case INAPPROPRIATE_CONTENT, PROMPT_PAIRS -> List.of("person", "people", "photo");
        });
    candidates.removeIf(word ->
        word.isBlank() || values.concept.phrases().stream().anyMatch(word::equalsIgnoreCase));
    return List.copyOf(candidates);
  }

  /** The words of its names, in lower case. */
  Set<String> ownWords() {
    Set<String> words = new LinkedHashSet<>();
    for (String phrase : values.concept.phrases()) {
      for (String word : GAPS.split(phrase, -1)) {
        words.add(lower(word));
      }
    }
    return words;
  }

  private static String lower(String word) {
    return word.toLowerCase(Locale.ROOT);
  }
}
