package dev.ablation.anchor;

import com.google.common.base.CharMatcher;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
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
 * target prompts name only the target: for a style, the text that its concept adds to a prompt,
 * such as {@code "in the style of Monet"}; for any other concept, its name and phrases such as
 * {@code "a photo of"} with the name.
 *
 * @param drawn settings for generating the images; its only prompt is empty
 * @param forms target prompts with the placeholder {@code {name}}; empty for the default ones
 */
@CheckReturnValue
public record UnconditionalAnchors(GeneratedAnchors drawn, List<String> forms)
    implements AnchorStrategy {
  static final List<String> PROMPTS = List.of("");
  private static final String NAME = "{name}";

  /** A word that a concept may replace by its own name. */
  private static final String THING = "thing";

  private static final List<String> USUAL_FORMS =
      List.of(THING, "a photo of " + THING, "a picture of " + THING, "an image of " + THING);

  /** Separators that remain around an empty prompt. */
  private static final CharMatcher JOINTS = CharMatcher.whitespace().or(CharMatcher.anyOf(",;"));

  /** Checks the prompt and the placeholders. */
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
   * @param forms target prompts, each with the placeholder {@code {name}} for the target's name
   * @return a copy with the given target prompts
   */
  public UnconditionalAnchors targetForms(List<String> forms) {
    return new UnconditionalAnchors(drawn, forms);
  }

  /**
   * Changes the number of images.
   *
   * @param images number of images, positive
   * @return a copy with the given number of images
   */
  public UnconditionalAnchors images(int images) {
    return new UnconditionalAnchors(drawn.images(images), forms);
  }

  /**
   * Changes how the images are generated.
   *
   * @param sampling sampler, steps, batch size; guidance has no effect between two empty prompts
   * @return a copy with the given sampling settings
   */
  public UnconditionalAnchors sampling(SamplingSettings sampling) {
    return new UnconditionalAnchors(drawn.sampling(sampling), forms);
  }

  /**
   * Caches generated latents in a folder, see {@link GeneratedAnchors#cachedIn}.
   *
   * @param folder the folder; created if it does not exist
   * @return a copy with the given cache folder
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
      added = List.of(); // the concept replaces a word, but the prompt is empty
    }
    return added.isEmpty()
        ? cleaned(USUAL_FORMS.stream().flatMap(form -> target.targetPrompts(form, THING).stream()))
        : added;
  }

  private static List<String> cleaned(Stream<String> prompts) {
    return prompts.map(JOINTS::trimFrom).filter(prompt -> !prompt.isEmpty()).distinct().toList();
  }

  @Override
  public AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return drawn.cost(model, target, context);
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
