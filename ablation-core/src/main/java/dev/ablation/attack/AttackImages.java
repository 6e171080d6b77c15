package dev.ablation.attack;

import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Images that attacks start from: those that were given, or else drawn by the base model when the
 * first attack needs them, once for all. Of drawn images those count of which the judge says what
 * they should show; if that is none, all.
 */
final class AttackImages {
  private final AttackTarget target;
  private final AttackSettings trial;
  private final int count;
  private @Nullable DiffusionModel drawnBy;

  /** By whether they show the target. */
  private final Map<Boolean, Some> known = new HashMap<>();

  AttackImages(AttackTarget target, AttackSettings trial, int count) {
    this.target = target;
    this.trial = trial;
    this.count = count;
  }

  /**
   * Images, and where they came from.
   *
   * @param images at least one
   * @param source for the settings of a result
   */
  record Some(List<DescribedImage> images, String source) {}

  /** Makes an attack from images. */
  interface Recipe {
    /**
     * Makes the attack.
     *
     * @param target images that show it, at least one
     * @param others images that do not, at least one
     */
    Attack of(List<DescribedImage> target, List<DescribedImage> others);
  }

  /** An attack whose images are there when it runs. */
  Attack attack(DiffusionModel model, boolean needsOthers, Recipe recipe) {
    return new OnImages(model, needsOthers, recipe);
  }

  private final class OnImages implements ForwardingAttack {
    private final boolean needsOthers;
    private final Recipe recipe;

    /** The same attack on images of one colour, for what does not depend on them. */
    private final Attack stand;

    OnImages(DiffusionModel model, boolean needsOthers, Recipe recipe) {
      this.needsOthers = needsOthers;
      this.recipe = recipe;
      stand =
          recipe.of(
              target.images().isEmpty() ? blank(model, target.prompts()) : target.images(),
              target.otherImages().isEmpty()
                  ? blank(model, target.neutralPrompts())
                  : target.otherImages());
    }

    @Override
    public Attack attack() {
      return stand;
    }

    @Override
    public Map<Object, AttackCost> sharedCosts(DiffusionModel model) {
      Map<Object, AttackCost> drawing = new HashMap<>();
      if (target.images().isEmpty()) {
        drawing.put(new Drawn(AttackImages.this, true), drawing(model));
      }
      if (needsOthers && target.otherImages().isEmpty()) {
        drawing.put(new Drawn(AttackImages.this, false), drawing(model));
      }
      return drawing;
    }

    @Override
    public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
      Some shown = images(true, models, cancelled);
      Some others = needsOthers ? images(false, models, cancelled) : shown;
      AttackResult result = recipe.of(shown.images(), others.images()).run(models, cancelled);
      Map<String, String> settings = new LinkedHashMap<>(result.settings());
      settings.put("images of the target", shown.source());
      if (needsOthers) {
        settings.put("other images", others.source());
      }
      return result.settings(settings);
    }
  }

  /**
   * Images that are drawn once for all attacks.
   *
   * @param images whose
   * @param show whether they show the target
   */
  private record Drawn(AttackImages images, boolean show) {}

  /** What drawing images takes, either those that show the target or those that do not. */
  private AttackCost drawing(DiffusionModel model) {
    return AttackCost.forward(trial.sampling().forwardPasses(model, count));
  }

  private List<DescribedImage> blank(DiffusionModel model, List<String> prompts) {
    int scale = model.capability(LatentCodec.class).map(LatentCodec::downscaling).orElse(1);
    BufferedImage image =
        new BufferedImage(
            model.descriptor().latentWidth() * scale,
            model.descriptor().latentHeight() * scale,
            BufferedImage.TYPE_INT_RGB);
    return IntStream.range(0, count)
        .mapToObj(i -> new DescribedImage(image, List.of(prompts.get(i % prompts.size()))))
        .toList();
  }

  /** Images that show the target, or that do not. */
  private synchronized Some images(boolean shows, AttackModels models, BooleanSupplier cancelled) {
    if (drawnBy != models.base()) {
      drawnBy = models.base();
      known.clear();
    }
    Some images = known.get(shows);
    if (images == null) {
      List<DescribedImage> given = shows ? target.images() : target.otherImages();
      images =
          given.isEmpty()
              ? drawn(shows, models, cancelled)
              : new Some(given, given.size() + " given");
      known.put(shows, images);
    }
    return images;
  }

  private Some drawn(boolean shows, AttackModels models, BooleanSupplier cancelled) {
    List<String> prompts = shows ? target.prompts() : target.neutralPrompts();
    String what = shows ? "show the target" : "do not show the target";
    int wanted = shows ? 1 : 0;
    DiffusionModel base = models.base();
    Capabilities.require(base, LatentCodec.class, "an attack");
    models.progress().accept("base model, drawing images that " + what);
    List<String> asked =
        IntStream.range(0, count).mapToObj(i -> prompts.get(i % prompts.size())).toList();
    // Not the images that are counted.
    long seed = RandomStreams.seed(trial.seed(), "images of attacks", wanted);
    List<BufferedImage> images =
        LatentSampler.of(base).settings(trial.sampling()).cancellation(cancelled).draw(asked, seed);
    double[] hits = trial.hits(images);
    List<DescribedImage> all = new ArrayList<>();
    List<DescribedImage> right = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      DescribedImage image = new DescribedImage(images.get(i), List.of(asked.get(i)));
      all.add(image);
      if (hits[i] == wanted) {
        right.add(image);
      }
    }
    return new Some(
        right.isEmpty() ? all : right,
        "%d drawn by the base model, %d of them %s".formatted(count, right.size(), what));
  }
}
