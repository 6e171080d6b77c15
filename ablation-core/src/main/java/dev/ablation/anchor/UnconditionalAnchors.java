package dev.ablation.anchor;

import com.google.common.base.CharMatcher;
import com.google.common.base.Preconditions;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * The empty prompt as the only anchor prompt, from {@link AnchorStrategy#unconditional()}. The
 * target prompts say the target alone: of a style what its concept adds to a prompt, such as {@code
 * "in the style of Monet"}, of anything else its name, {@code "a photo of"} it and the like. Every
 * method returns a changed copy.
 *
 * @param drawn how images are drawn; its only prompt is empty
 * @param forms target prompts with the placeholder {@code {name}}; empty for those above
 */
public record UnconditionalAnchors(GeneratedAnchors drawn, List<String> forms)
    implements AnchorStrategy {
  static final List<String> PROMPTS = List.of("");
  private static final String NAME = "{name}";

  /** A word that a concept may put its own name in the place of. */
  private static final String THING = "thing";

  private static final List<String> USUAL_FORMS =
      List.of(THING, "a photo of " + THING, "a picture of " + THING, "an image of " + THING);

  /** What remains around an empty prompt. */
  private static final CharMatcher JOINTS = CharMatcher.whitespace().or(CharMatcher.anyOf(",;"));

  /** Checks prompt and placeholders. */
  public UnconditionalAnchors {
    Objects.requireNonNull(drawn, "drawn");
    Preconditions.checkArgument(
        PROMPTS.equals(drawn.givenPrompts()),
        "prompts of an unconditional anchor must be one empty prompt, were %s",
        drawn.givenPrompts());
    forms = List.copyOf(forms);
    for (String form : forms) {
      Preconditions.checkArgument(
          form.contains(NAME), "form must contain %s, was '%s'", NAME, form);
    }
  }

  static UnconditionalAnchors defaults() {
    return new UnconditionalAnchors(
        GeneratedAnchors.of("unconditional").prompts(PROMPTS), List.of());
  }

  /**
   * Changes the target prompts.
   *
   * @param forms each with the placeholder {@code {name}} for the target's name
   * @return a changed copy
   */
  public UnconditionalAnchors targetForms(List<String> forms) {
    return new UnconditionalAnchors(drawn, forms);
  }

  /**
   * Changes the number of images.
   *
   * @param images positive
   * @return a changed copy
   */
  public UnconditionalAnchors images(int images) {
    return new UnconditionalAnchors(drawn.images(images), forms);
  }

  /**
   * Changes how images are drawn.
   *
   * @param sampling sampler, steps, batch size; guidance between two empty prompts does nothing
   * @return a changed copy
   */
  public UnconditionalAnchors sampling(SamplingSettings sampling) {
    return new UnconditionalAnchors(drawn.sampling(sampling), forms);
  }

  /**
   * Keeps drawn latents in a folder, see {@link GeneratedAnchors#cachedIn}.
   *
   * @param folder is created if it is missing
   * @return a changed copy
   */
  public UnconditionalAnchors cachedIn(Path folder) {
    return new UnconditionalAnchors(drawn.cachedIn(folder), forms);
  }

  @Override
  public String name() {
    return drawn.name();
  }

  @Override
  public UnconditionalAnchors withDefaults(Concept target, AnchorDefaults defaults) {
    return new UnconditionalAnchors(drawn.withDefaults(target, defaults), forms);
  }

  @Override
  public List<String> prompts(Concept target) {
    return PROMPTS;
  }

  @Override
  public String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    List<String> prompts = targetPrompts(target, anchorPrompt);
    return prompts.get(random.nextInt(prompts.size()));
  }

  @Override
  public List<String> targetPrompts(Concept target, String anchorPrompt) {
    if (!forms.isEmpty()) {
      return forms.stream().map(form -> form.replace(NAME, target.name())).distinct().toList();
    }
    List<String> added;
    try {
      added = cleaned(target.targetPrompts("", name()).stream());
    } catch (IllegalArgumentException e) {
      added = List.of(); // the concept replaces a word, and there is none
    }
    return added.isEmpty()
        ? cleaned(USUAL_FORMS.stream().flatMap(form -> target.targetPrompts(form, THING).stream()))
        : added;
  }

  private static List<String> cleaned(Stream<String> prompts) {
    return prompts.map(JOINTS::trimFrom).filter(prompt -> !prompt.isEmpty()).distinct().toList();
  }

  @Override
  public AnchorCost work(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return drawn.work(model, target, context);
  }

  @Override
  public int images() {
    return drawn.images();
  }

  @Override
  public UnconditionalAnchors sample(Concept target, int images) {
    return new UnconditionalAnchors(drawn.sample(target, images), forms);
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return drawn.prepare(model, target, context);
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation augmentation)
      throws IOException {
    return drawn.prepare(model, target, context, augmentation);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(drawn.settings(target));
    settings.put("anchor.targetPrompts", String.join(" | ", targetPrompts(target, "")));
    return settings;
  }
}
