package dev.ablation.anchor;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Anchors whose images are augmented each time training uses them.
 *
 * @param anchor the images
 * @param change the augmentation
 * @param byDefault whether the augmentation is only a default, to be left out if the model does not
 *     support it
 */
@CheckReturnValue
record AugmentedAnchors(AnchorStrategy anchor, Augmentation change, boolean byDefault)
    implements AnchorStrategy {

  AugmentedAnchors {
    Objects.requireNonNull(change, "augmentation");
  }

  @Override
  public String name() {
    return anchor.name();
  }

  @Override
  public AnchorStrategy withDefaults(Concept target, AnchorDefaults defaults) {
    return new AugmentedAnchors(anchor.withDefaults(target, defaults), change, byDefault);
  }

  @Override
  public AnchorStrategy excludingPrompts(Concept target, Set<String> prompts) {
    return new AugmentedAnchors(anchor.excludingPrompts(target, prompts), change, byDefault);
  }

  @Override
  public AnchorStrategy compatibleWith(DiffusionModel model, Concept target) {
    return new AugmentedAnchors(anchor.compatibleWith(model, target), change, byDefault);
  }

  @Override
  public List<String> prompts(Concept target) {
    return anchor.prompts(target);
  }

  @Override
  public String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    return anchor.targetPrompt(target, anchorPrompt, random);
  }

  @Override
  public List<String> targetPrompts(Concept target, String anchorPrompt) {
    return anchor.targetPrompts(target, anchorPrompt);
  }

  @Override
  public AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return anchor.cost(model, target, context);
  }

  @Override
  public int images() {
    return anchor.images();
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    if (byDefault) {
      Optional<String> obstacle = obstacle(model);
      if (obstacle.isPresent()) {
        context.warn(
            "anchor images are used without the preset's augmentation '%s', since %s"
                .formatted(change.name(), obstacle.get()));
        return anchor.prepare(model, target, context);
      }
    }
    return anchor.prepare(model, target, context, change);
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation changed)
      throws IOException {
    return anchor.prepare(model, target, context, changed);
  }

  private Optional<String> obstacle(DiffusionModel model) {
    Optional<LatentCodec> codec = model.capability(LatentCodec.class);
    if (codec.isEmpty()) {
      return Optional.of("model '%s' cannot encode images".formatted(model.descriptor().name()));
    }
    try {
      change.checkCanvas(AugmentedSource.canvas(model, codec.get()));
      return Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.ofNullable(e.getMessage());
    }
  }

  @Override
  public Optional<Augmentation> augmentation() {
    return Optional.of(change);
  }

  @Override
  public AnchorStrategy sample(Concept target, int images) {
    return new AugmentedAnchors(anchor.sample(target, images), change, byDefault);
  }

  @Override
  public Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    return anchor.judgement(model, target, context);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(anchor.settings(target));
    change.settings().forEach((name, value) -> settings.put("anchor." + name, value));
    return settings;
  }
}
