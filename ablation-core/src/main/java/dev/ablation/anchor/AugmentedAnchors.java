package dev.ablation.anchor;

import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Anchors whose pictures are changed each time that training draws one.
 *
 * @param anchor the pictures
 * @param augmentation how they are changed
 */
record AugmentedAnchors(AnchorStrategy anchor, Augmentation augmentation)
    implements AnchorStrategy {

  AugmentedAnchors {
    Objects.requireNonNull(augmentation, "augmentation");
  }

  @Override
  public String name() {
    return anchor.name();
  }

  @Override
  public AnchorStrategy withDefaults(Concept target, AnchorDefaults defaults) {
    return new AugmentedAnchors(anchor.withDefaults(target, defaults), augmentation);
  }

  @Override
  public AnchorStrategy suitedTo(DiffusionModel model, Concept target) {
    return new AugmentedAnchors(anchor.suitedTo(model, target), augmentation);
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
  public int images() {
    return anchor.images();
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return anchor.prepare(model, target, context, augmentation);
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation changed)
      throws IOException {
    return anchor.prepare(model, target, context, changed);
  }

  @Override
  public AnchorStrategy sample(Concept target, int images) {
    return new AugmentedAnchors(anchor.sample(target, images), augmentation);
  }

  @Override
  public Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    return anchor.judgement(model, target, context);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(anchor.settings(target));
    augmentation.settings().forEach((name, value) -> settings.put("anchor." + name, value));
    return settings;
  }
}
