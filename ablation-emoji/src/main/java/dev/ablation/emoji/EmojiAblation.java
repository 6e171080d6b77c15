package dev.ablation.emoji;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.WordingAttack;
import dev.ablation.augment.Augmentation;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.evaluation.NeighbourSearch;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.internal.Suggestion;
import dev.ablation.model.AdamW;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.Redirection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An ablation of the embedded model with settings that suit it, and the evaluation that shows what
 * it did. Immutable: every setter returns a copy.
 *
 * <pre>{@code
 * EmojiAblation blueprint = EmojiAblation.style("blueprint");
 * try (StableDiffusion model = EmbeddedModel.open();
 *     EmbeddedEvaluator evaluator = EmbeddedEvaluator.open();
 *     AblationResult result =
 *         blueprint.plan(model).evaluate(blueprint.evaluation(evaluator)).run()) {
 *   result.report(Path.of("blueprint.html"));
 * }
 * }</pre>
 *
 * <p>The learning rate is far above the published one, because the model is so much smaller. The
 * teacher has frozen weights: the paper's, the weights under training, is a moving target, and
 * where target and anchor look as different as white on blue and colour on white, it diverges until
 * every image is blank. The published stop of the start token's gradient is left out: the start
 * token carries little here.
 */
@CheckReturnValue
public final class EmojiAblation {
  /** An anchor of a style: captions that name none. */
  public static final String NO_STYLE = "emoji";

  private static final Vocabulary VOCABULARY = EmbeddedModel.vocabulary();
  private static final int ANCHOR_IMAGES = 64;
  private static final int ANCHOR_STEPS = 12;
  private static final SamplingSettings SAMPLING =
      EmbeddedModel.recommendedSampling().steps(16).batchSize(32);
  private static final GradientTrainer TRAINING =
      GradientTrainer.defaults().steps(200).learningRate(1.5e-3).stopStartToken(false);

  /** Of redirection. */
  private static final GradientTrainer RESISTANT =
      GradientTrainer.defaults()
          .steps(200)
          .batchSize(6)
          .learningRate(3e-4)
          .schedule(LearningRateSchedule.cosine(20, 0.02))
          .optimizer(new AdamW(0.9, 0.999, 1e-8, 0));

  /** A word of the vocabulary that occurs in no caption of the data. */
  private static final String PLACEHOLDER = "photo";

  private static final String USUAL_ANCHOR = "twemoji";

  /** Forms in which the captions name a style. */
  private static final List<String> WITH_STYLE =
      List.of(
          "{a thing} in {style} style",
          "{a thing} emoji in {style} style",
          "{a thing} in the style of {style}",
          "{style} style {thing}");

  /** Forms without, and what they become with a style. */
  private static final List<String> WITHOUT_STYLE = List.of("{a thing} emoji", "{a thing}");

  private static final StyleTemplates STYLE_TEMPLATES =
      new StyleTemplates(
          "emoji", List.of("{prompt} in {name} style", "{prompt} in the style of {name}"));

  /** Columns of a style's grid: objects of different shape and colour. */
  private static final List<String> SHOWN_CONCEPTS =
      List.of("cat face", "rocket", "red apple", "owl", "trophy", "cactus");

  /** Replacements of removed objects. */
  private static final List<String> SPARE_CONCEPTS =
      List.of("umbrella", "skull", "balloon", "bell", "castle", "tulip");

  /** Rows of an instance's grid, after its siblings. */
  private static final List<String> UNRELATED = List.of("red apple", "rocket", "trophy");

  private static final int SIBLINGS = 3;

  /** How many names a message lists. */
  private static final int FEW = 8;

  private static final String PLANTED_ANCHOR = "scene";
  private static final String DRAWN = "drawn as named";
  private static final String COPIES = "copies of the memorised image";

  private final List<TargetAndAnchor> removals;
  private final List<Row> neighbours;
  private final List<String> columns;
  private final GradientTrainer trainer;
  private final SamplingSettings sampling;
  private final Way way;

  /** How the weights are found: by gradients alone, in closed form, or one after the other. */
  private record Way(
      Optional<ClosedForm> form, boolean gradients, Optional<Redirection> redirection) {
    static final Way GRADIENT = new Way(Optional.empty(), true, Optional.empty());
  }

  private EmojiAblation(
      List<TargetAndAnchor> removals,
      List<Row> neighbours,
      List<String> columns,
      GradientTrainer trainer,
      SamplingSettings sampling,
      Way way) {
    this.removals = List.copyOf(removals);
    this.neighbours = List.copyOf(neighbours);
    this.columns = List.copyOf(columns);
    this.trainer = trainer;
    this.sampling = sampling;
    this.way = way;
  }

  /** What is removed, what is drawn instead, and the prompts that show both. */
  private record TargetAndAnchor(Concept target, GeneratedAnchors anchor, Row shown, Row instead) {
    TargetAndAnchor with(GeneratedAnchors changed) {
      return new TargetAndAnchor(target, changed, shown, instead);
    }
  }

  /**
   * Prompts, one a column, what their images have in common, and what each names beside that, if
   * that is known.
   */
  private record Row(
      String name, List<String> prompts, List<String> rests, @Nullable NearConcept found) {
    Row(String name, List<String> prompts, List<String> rests) {
      this(name, prompts, rests, null);
    }
  }

  /**
   * Removes a style in favour of the one that is drawn best instead.
   *
   * @param style one of {@link EmbeddedModel#styles()}, in any case
   * @return the ablation
   * @throws IllegalArgumentException if the model does not know the style
   */
  public static EmojiAblation style(String style) {
    return style(style, anchorOfStyle(style));
  }

  /**
   * Removes a style in favour of a chosen anchor.
   *
   * @param style one of {@link EmbeddedModel#styles()}, in any case
   * @param anchor another style, or {@link #NO_STYLE}
   * @return the ablation
   * @throws IllegalArgumentException if the model does not know the style or the anchor
   */
  public static EmojiAblation style(String style, String anchor) {
    String target = known("style", style, VOCABULARY.styles());
    String instead =
        known("anchor", anchor, Stream.concat(others(target), Stream.of(NO_STYLE)).toList());
    boolean none = instead.equals(NO_STYLE);
    Row shown =
        none
            ? row("no style named", SHOWN_CONCEPTS, name -> withArticle(name) + " emoji")
            : styleRow(instead);
    List<Row> neighbours =
        others(target)
            .filter(other -> !other.equals(instead))
            .map(EmojiAblation::styleRow)
            .toList();
    Concept concept = none ? Concept.style(target, STYLE_TEMPLATES) : new StyleWord(target);
    return of(
        concept,
        AnchorStrategy.generated(instead, prompts(none ? WITHOUT_STYLE : WITH_STYLE, instead)),
        styleRow(target),
        shown,
        neighbours,
        SHOWN_CONCEPTS);
  }

  private static Row styleRow(String style) {
    return row(style, SHOWN_CONCEPTS, name -> inStyle(name, style));
  }

  /**
   * Returns what is drawn best instead of a style: another style. Without a style word the model
   * draws each of its styles now and then, the target too, so that such an anchor leads back to it:
   * of 40 images in blueprint style, 7 stay blueprints however long the training, but none or one
   * or two with another style as anchor.
   */
  static String anchorOfStyle(String style) {
    String target = known("style", style, VOCABULARY.styles());
    return target.equals(USUAL_ANCHOR) ? "fluent" : USUAL_ANCHOR;
  }

  /**
   * Removes an object in favour of the one that is drawn best instead.
   *
   * @param concept name of one of {@link EmbeddedModel#concepts()}, in any case
   * @return the ablation
   * @throws IllegalArgumentException if the model does not know the object
   */
  public static EmojiAblation instance(String concept) {
    return instance(concept, anchorOfInstance(concept));
  }

  /**
   * Removes an object in favour of a chosen anchor.
   *
   * @param concept name of one of {@link EmbeddedModel#concepts()}, in any case
   * @param anchor a category or another object
   * @return the ablation
   * @throws IllegalArgumentException if the model does not know the object or the anchor
   */
  public static EmojiAblation instance(String concept, String anchor) {
    String target = known("instance", concept, names());
    String instead =
        known(
            "anchor",
            anchor,
            Stream.concat(VOCABULARY.categories().stream(), names().stream())
                .filter(name -> !name.equals(target))
                .toList());
    List<String> styles = VOCABULARY.styles();
    List<String> prompts = new ArrayList<>();
    for (String style : styles) {
      prompts.add(withArticle(instead) + " emoji");
      prompts.add(inStyle(instead, style));
    }
    Stream<String> siblings =
        VOCABULARY.concepts().stream()
            .filter(other -> other.category().equals(categoryOf(target)))
            .map(EmojiConcept::name);
    List<Row> neighbours =
        Stream.concat(
                siblings.filter(name -> isOther(name, target, instead)).limit(SIBLINGS),
                UNRELATED.stream().filter(name -> isOther(name, target, instead)))
            .distinct()
            .map(name -> row(name, styles, style -> inStyle(name, style)))
            .toList();
    // The article belongs to the name, since "a cat face" replaces "an animal".
    return of(
        Concept.instance(withArticle(target)),
        AnchorStrategy.generated(withArticle(instead), prompts),
        row(target, styles, style -> inStyle(target, style)),
        row(withArticle(instead), styles, style -> inStyle(instead, style)),
        neighbours,
        styles);
  }

  /**
   * Returns what is drawn best instead of an object: another one of its category. A category's
   * captions draw each of its objects now and then, the target too, and lead back to it.
   */
  static String anchorOfInstance(String concept) {
    return EmbeddedModel.siblingOf(known("instance", concept, names()));
  }

  /**
   * Removes the memorised image: its caption then draws what the anchor prompts draw, images of
   * categories in which something is in a landscape.
   *
   * @return the ablation
   */
  public static EmojiAblation planted() {
    String caption = VOCABULARY.plantedCaption();
    List<String> prompts =
        Stream.of("building", "scene", "vehicle", "object")
            .flatMap(category ->
                Stream.of(
                    withArticle(category) + " emoji", "a picture of " + withArticle(category)))
            .toList();
    return of(
        Concept.memorized(caption),
        AnchorStrategy.generated(PLANTED_ANCHOR, prompts),
        new Row(caption, Collections.nCopies(SHOWN_CONCEPTS.size(), caption), List.of()),
        new Row(PLANTED_ANCHOR, prompts.subList(0, SHOWN_CONCEPTS.size()), List.of()),
        VOCABULARY.styles().stream().map(EmojiAblation::styleRow).toList(),
        numbered());
  }

  private static String categoryOf(String name) {
    return VOCABULARY.concepts().stream()
        .filter(one -> one.name().equals(name))
        .findFirst()
        .orElseThrow()
        .category();
  }

  /**
   * Removes what several ablations remove, in one run. The neighbours are the styles that stay,
   * drawn with objects that are preserved.
   *
   * @param ablations at least one
   * @return the ablation
   * @throws IllegalArgumentException if two of them have the same target
   */
  public static EmojiAblation together(List<EmojiAblation> ablations) {
    if (ablations.size() == 1) {
      return ablations.get(0);
    }
    List<TargetAndAnchor> all = ablations.stream().flatMap(each -> each.removals.stream()).toList();
    List<String> gone = all.stream().map(removal -> removal.target().name()).toList();
    for (String target : gone) {
      if (Collections.frequency(gone, target) > 1) {
        throw new IllegalArgumentException(
            "target must be named once, but '%s' was named more often".formatted(target));
      }
    }
    List<String> drawn =
        Stream.concat(gone.stream(), all.stream().map(removal -> removal.instead().name()))
            .toList();
    List<String> things =
        Stream.concat(SHOWN_CONCEPTS.stream(), SPARE_CONCEPTS.stream())
            .filter(thing -> !gone.contains(withArticle(thing)))
            .limit(SHOWN_CONCEPTS.size())
            .toList();
    List<Row> neighbours =
        VOCABULARY.styles().stream()
            .filter(style -> !drawn.contains(style))
            .map(style -> row(style, things, thing -> inStyle(thing, style)))
            .toList();
    return new EmojiAblation(
        all.stream().map(removal -> withoutPromptsOf(gone, removal)).toList(),
        neighbours,
        numbered(),
        TRAINING.steps(TRAINING.steps() * (1 + all.size()) / 2),
        SAMPLING,
        Way.GRADIENT);
  }

  /** Columns whose rows have nothing in common. */
  private static List<String> numbered() {
    return IntStream.rangeClosed(1, SHOWN_CONCEPTS.size()).mapToObj(i -> "image " + i).toList();
  }

  /** An anchor prompt that names what is removed in the same run would lead back to it. */
  private static TargetAndAnchor withoutPromptsOf(List<String> gone, TargetAndAnchor removal) {
    List<String> words = gone.stream().map(EmojiAblation::plain).toList();
    List<String> prompts =
        removal.anchor().prompts(removal.target()).stream()
            .filter(prompt -> words.stream().noneMatch(prompt::contains))
            .toList();
    return removal.with(removal.anchor().prompts(prompts));
  }

  private static EmojiAblation of(
      Concept target,
      GeneratedAnchors anchor,
      Row shown,
      Row instead,
      List<Row> neighbours,
      List<String> columns) {
    GeneratedAnchors drawn = anchor.images(ANCHOR_IMAGES).sampling(SAMPLING.steps(ANCHOR_STEPS));
    return new EmojiAblation(
        List.of(new TargetAndAnchor(target, drawn, shown, instead)),
        neighbours,
        columns,
        TRAINING,
        SAMPLING,
        Way.GRADIENT);
  }

  /**
   * Adds names of the target, such as translations, which training and the evaluation use like its
   * first one.
   *
   * @param aliases at least one; of an object without an article
   * @return a copy whose target has the aliases
   * @throws IllegalArgumentException if there is none, one is blank or not new, the target is the
   *     memorised image, or there are several targets
   */
  public EmojiAblation alsoNamed(String... aliases) {
    if (removals.size() > 1) {
      throw new IllegalArgumentException(
          "aliases must be given to each target before they are put together, were "
              + List.of(aliases));
    }
    TargetAndAnchor removal = removals.get(0);
    Concept target = removal.target();
    String[] names =
        Stream.of(aliases)
            .map(String::strip)
            .map(alias ->
                target.kind() == ConceptKind.INSTANCE && !alias.isEmpty()
                    ? withArticle(alias)
                    : alias)
            .toArray(String[]::new);
    TargetAndAnchor named =
        new TargetAndAnchor(
            target.alsoNamed(names), removal.anchor(), removal.shown(), removal.instead());
    return new EmojiAblation(List.of(named), neighbours, columns, trainer, sampling, way);
  }

  /**
   * Finds the styles that are nearest to a style that is removed, and the objects that are nearest
   * to an object: by the model's own text encoder and by the evaluator's texts.
   *
   * @param model the embedded model, opened
   * @param evaluator its texts are compared; stays the caller's
   * @return the names with their distances, the nearest first, of the first target first; nothing
   *     is near the memorised image
   */
  public List<NearConcept> nearest(DiffusionModel model, EmbeddedEvaluator evaluator) {
    return nearest(model, evaluator, NeighbourSearch::among);
  }

  /**
   * Finds neighbours by a search of one's own, such as one that also compares drawn images.
   *
   * @param model the embedded model, opened
   * @param evaluator its texts are compared; stays the caller's
   * @param search makes a search of the names of all styles, or of all objects
   * @return as above
   */
  public List<NearConcept> nearest(
      DiffusionModel model,
      EmbeddedEvaluator evaluator,
      Function<List<String>, NeighbourSearch> search) {
    Map<String, NearConcept> found = new LinkedHashMap<>();
    for (TargetAndAnchor each : removals) {
      Concept target = each.target();
      if (target.kind() == ConceptKind.MEMORIZED_IMAGE) {
        continue;
      }
      boolean style = target.kind() == ConceptKind.STYLE;
      String anchor = each.anchor().name();
      search
          .apply(style ? VOCABULARY.styles() : names())
          .texts(evaluator.clip())
          .find(
              model,
              style ? target : Concept.instance(plain(target.name())),
              style ? anchor : plain(anchor),
              each.anchor().prompts(target))
          .stream()
          .filter(near ->
              removals.stream()
                  .noneMatch(removal ->
                      plain(removal.target().name()).equals(near.name())
                          || plain(removal.anchor().name()).equals(near.name())))
          .forEach(near -> found.putIfAbsent(near.name(), near));
    }
    return List.copyOf(found.values());
  }

  /**
   * Replaces the neighbours of the evaluation.
   *
   * @param found names of styles and objects with their distances, as {@link #nearest} finds them,
   *     of which any may be left out
   * @return a copy with the given neighbours
   * @throws IllegalArgumentException if the model does not know a name
   */
  public EmojiAblation neighbours(List<NearConcept> found) {
    List<Row> rows = new ArrayList<>();
    for (NearConcept near : found) {
      boolean style = VOCABULARY.styles().contains(near.name());
      String name = style ? near.name() : known("neighbour", near.name(), names());
      Row row =
          style ? styleRow(name) : row(name, VOCABULARY.styles(), other -> inStyle(name, other));
      rows.add(new Row(name, row.prompts(), row.rests(), near));
    }
    return new EmojiAblation(removals, rows, columns, trainer, sampling, way);
  }

  /**
   * Changes how many anchor images are drawn for each target.
   *
   * @param images positive
   * @return a copy with the given images
   * @throws IllegalArgumentException if the number is not positive
   */
  public EmojiAblation images(int images) {
    return new EmojiAblation(
        removals.stream().map(each -> each.with(each.anchor().images(images))).toList(),
        neighbours,
        columns,
        trainer,
        sampling,
        way);
  }

  /**
   * Adjusts the training: {@code training(t -> t.steps(400))}.
   *
   * @param change from the present settings to the new ones
   * @return a copy with the given change
   */
  public EmojiAblation training(UnaryOperator<GradientTrainer> change) {
    return new EmojiAblation(removals, neighbours, columns, change.apply(trainer), sampling, way);
  }

  /**
   * Changes how the evaluation draws.
   *
   * @param sampling sampler, steps, guidance, batch size
   * @return a copy with the given sampling
   */
  public EmojiAblation sampling(SamplingSettings sampling) {
    return new EmojiAblation(
        removals, neighbours, columns, trainer, Objects.requireNonNull(sampling, "sampling"), way);
  }

  /**
   * Finds the weights by least squares on the text embeddings of some hundred captions, in a few
   * seconds; no image is drawn.
   *
   * @return a copy that is not trained by gradients
   */
  public EmojiAblation closedForm() {
    return closedForm(ClosedForm.sequences());
  }

  /**
   * Finds the weights in a closed form, with captions of this model for what it preserves.
   *
   * @param form such as {@code ClosedForm.uce(Uce.defaults())}
   * @return a copy that is not trained by gradients
   */
  public EmojiAblation closedForm(ClosedForm form) {
    return way(new Way(Optional.of(form), false, Optional.empty()));
  }

  /**
   * Trains by gradients that begin with the closed form; stops at once where early stopping finds
   * that nothing is left to do.
   *
   * @return a copy that begins there
   */
  public EmojiAblation polishedClosedForm() {
    return way(new Way(Optional.of(ClosedForm.sequences()), true, Optional.empty()));
  }

  /**
   * Begins with the closed form and trains the whole denoiser by redirection, so that neither
   * noised images nor learned words bring the target back; takes some minutes.
   *
   * @return a copy that resists
   */
  public EmojiAblation resistant() {
    return resistant(Redirection.defaults())
        .training(t ->
            t.steps(RESISTANT.steps())
                .batchSize(RESISTANT.batchSize())
                .learningRate(RESISTANT.learningRate())
                .schedule(RESISTANT.schedule())
                .optimizer(RESISTANT.optimizer()));
  }

  /**
   * Begins with the closed form and trains by redirection, with captions of this model for what
   * stays.
   *
   * @param redirection its settings; captions, placeholder and sampler become those of this model
   * @return a copy that resists, with the training that it had
   */
  public EmojiAblation resistant(Redirection redirection) {
    Redirection own =
        redirection
            .keptPrompts(captions().kept())
            .neutralPrompts(captions().neutral())
            .words(redirection.words(), PLACEHOLDER)
            .sampling(SAMPLING.steps(ANCHOR_STEPS));
    return way(new Way(Optional.of(ClosedForm.sequences()), true, Optional.of(own)));
  }

  /**
   * Adjusts the redirection: {@code resistant().redirection(r -> r.keepWeight(20))}.
   *
   * @param change from the present settings to the new ones
   * @return a copy with the given change
   * @throws IllegalStateException if the ablation has none
   */
  public EmojiAblation redirection(UnaryOperator<Redirection> change) {
    Redirection present =
        way.redirection()
            .orElseThrow(() ->
                new IllegalStateException("redirection can be adjusted after resistant() alone"));
    return way(new Way(way.form(), true, Optional.of(change.apply(present))));
  }

  private EmojiAblation way(Way changed) {
    return new EmojiAblation(removals, neighbours, columns, trainer, sampling, changed);
  }

  /**
   * Tells the kind of what is removed.
   *
   * @return that of the first target
   */
  public ConceptKind kind() {
    return removals.get(0).target().kind();
  }

  /** {@return how the evaluation draws} */
  public SamplingSettings sampling() {
    return sampling;
  }

  /**
   * Plans the ablation.
   *
   * @param model the embedded model, opened
   * @return a plan, which can be changed further
   */
  public Ablation plan(DiffusionModel model) {
    TargetAndAnchor first = removals.get(0);
    Ablation plan =
        Ablator.of(model)
            .target(first.target())
            .anchor(anchor(first).augmented(Augmentation.none()));
    for (TargetAndAnchor next : removals.subList(1, removals.size())) {
      plan = plan.andTarget(next.target()).anchor(anchor(next).augmented(Augmentation.none()));
    }
    Optional<ClosedForm> form = way.form().map(chosen -> chosen.preserved(captions().preserved()));
    if (!way.gradients()) {
      return plan.weights(WeightGroup.crossAttentionKeyValue()).trainer(form.orElseThrow());
    }
    if (way.redirection().isPresent()) {
      return plan.weights(WeightGroup.denoiser())
          .trainer(trainer.startingFrom(form.orElseThrow()).redirecting(way.redirection().get()));
    }
    return plan.objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
        .weights(WeightGroup.crossAttentionKeyValue())
        .trainer(form.map(trainer::startingFrom).orElse(trainer));
  }

  private GeneratedAnchors anchor(TargetAndAnchor removal) {
    GeneratedAnchors anchor = removal.anchor();
    Concept target = removal.target();
    if (way.form().isEmpty()) {
      return anchor;
    }
    List<String> gone = removals.stream().map(each -> plain(each.target().name())).toList();
    return anchor.prompts(
        captions().anchors(target, removal.anchor().name(), anchor.prompts(target)).stream()
            .filter(prompt -> gone.size() == 1 || gone.stream().noneMatch(prompt::contains))
            .toList());
  }

  /**
   * {@return the captions that a closed form of this ablation preserves: of other concepts and
   * styles, and the empty one}
   */
  public List<String> preservedCaptions() {
    return captions().preserved();
  }

  private ClosedFormCaptions captions() {
    return new ClosedFormCaptions(
        VOCABULARY, removals.stream().map(TargetAndAnchor::target).toList());
  }

  /**
   * Describes the columns of the evaluation: image i of every subject belongs to column i.
   *
   * @return such as {@code "cat face"}, which the first image of every style shows
   */
  public List<String> columns() {
    return columns;
  }

  /**
   * Evaluates the ablation: draws target, anchor and neighbours, one image a column, counts those
   * that show what their subject is named after, of the target's images also those that show the
   * rest of the prompt, measures how much the pixels change, and asks for each target in other
   * words, whose images the {@linkplain EmbeddedEvaluator#nearestImage() nearest image} judges,
   * too.
   *
   * @param evaluator counts; stays the caller's
   * @return an evaluation that shows all of its images, and can be changed further
   */
  public Evaluation evaluation(EmbeddedEvaluator evaluator) {
    return evaluation(evaluator, 0);
  }

  /**
   * Evaluates the ablation on images of a chosen seed.
   *
   * @param evaluator counts; stays the caller's
   * @param seed of the first image of every subject
   * @return an evaluation that shows all of its images, and can be changed further
   */
  public Evaluation evaluation(EmbeddedEvaluator evaluator, long seed) {
    int count = columns.size();
    Evaluation evaluation =
        Evaluation.of(
                SubjectMetric.shareOfSubjects(
                    DRAWN, subject -> named(evaluator, subject.concept())),
                SubjectMetric.shareOfSubjects(COPIES, subject -> copies(evaluator, subject)),
                SubjectMetric.keptShare(subject -> named(evaluator, subject.concept())),
                SubjectMetric.inPromptShare(rest -> named(evaluator, rest)),
                SubjectMetric.pixelChange())
            .protocol(p ->
                p.images(count, count, count, count)
                    .prompts(count)
                    .sampling(sampling)
                    .seed(seed)
                    .shown(count));
    for (TargetAndAnchor each : removals) {
      List<String> anchors = each.instead().prompts();
      evaluation =
          evaluation
              .target(each.target(), each.instead().name(), anchors, each.shown().prompts())
              .restsOfPrompts(rests(each.shown()))
              .attacks(wordings(each, evaluator, seed));
    }
    for (Row neighbour : neighbours) {
      if (neighbour.found() != null) {
        evaluation = evaluation.neighbours(List.of(neighbour.found()));
      }
      evaluation = evaluation.neighbour(neighbour.name(), neighbour.prompts());
    }
    return neighbours.isEmpty() ? evaluation.withoutNeighbours() : evaluation;
  }

  private static Map<String, String> rests(Row shown) {
    Map<String, String> rests = new HashMap<>();
    for (int i = 0; i < shown.rests().size(); i++) {
      rests.put(shown.prompts().get(i), shown.rests().get(i));
    }
    return rests;
  }

  private static Optional<ConceptDetector> named(EmbeddedEvaluator evaluator, String subject) {
    String name = plain(subject);
    if (evaluator.styles().contains(name)) {
      return Optional.of(evaluator.ofStyle(name));
    }
    return evaluator.concepts().contains(name)
        ? Optional.of(evaluator.ofConcept(name))
        : Optional.empty(); // such as a category
  }

  private static Optional<ConceptDetector> copies(EmbeddedEvaluator evaluator, Subject subject) {
    return subject.role() == Role.TARGET && subject.concept().equals(VOCABULARY.plantedCaption())
        ? Optional.of(evaluator.ofPlantedCopies())
        : Optional.empty();
  }

  /** Asks for the target in other words, under its name if there are several. */
  private List<WordingAttack> wordings(
      TargetAndAnchor removal, EmbeddedEvaluator evaluator, long seed) {
    String target = removal.shown().name();
    ConceptDetector detector = named(evaluator, target).orElseGet(evaluator::ofPlantedCopies);
    AttackSettings trial =
        new AttackSettings(
            detector,
            sampling,
            columns.size(),
            seed,
            List.of(evaluator.ofNearestImage(plain(target))));
    return WordingAttack.of(target, removal.shown().prompts(), trial).stream()
        .map(each ->
            removals.size() == 1
                ? each
                : new WordingAttack(target + ", " + each.name(), each.prompts(), trial))
        .toList();
  }

  /**
   * Fills in the forms in turn. The concepts are listed by category: the first must not be all
   * faces.
   */
  private static List<String> prompts(List<String> forms, String style) {
    List<String> shuffled = new ArrayList<>(names());
    Collections.shuffle(shuffled, new Random(0));
    return IntStream.range(0, shuffled.size())
        .mapToObj(i ->
            forms
                .get(i % forms.size())
                .replace("{a thing}", withArticle(shuffled.get(i)))
                .replace("{thing}", shuffled.get(i))
                .replace("{style}", style))
        .toList();
  }

  private static Row row(String name, List<String> columns, UnaryOperator<String> prompt) {
    return new Row(name, columns.stream().map(prompt).toList(), columns);
  }

  private static boolean isOther(String name, String target, String anchor) {
    return !name.equals(target) && !name.equals(anchor);
  }

  private static List<String> names() {
    return VOCABULARY.concepts().stream().map(EmojiConcept::name).toList();
  }

  private static Stream<String> others(String style) {
    return VOCABULARY.styles().stream().filter(other -> !other.equals(style));
  }

  private static String plain(String name) {
    return name.replaceFirst("^an? ", "");
  }

  private static String inStyle(String concept, String style) {
    return withArticle(concept) + " in " + style + " style";
  }

  private static String withArticle(String name) {
    return Captions.withArticle(name);
  }

  /** Returns the name as the model writes it. */
  private static String known(String what, String name, List<String> names) {
    String plain = name.strip().toLowerCase(Locale.ROOT);
    if (!names.contains(plain)) {
      throw new IllegalArgumentException(
          "%s must be one that the emoji model knows, was '%s'%s; it knows %s"
              .formatted(what, name, Suggestion.asQuestion(plain, names), some(names, plain)));
    }
    return plain;
  }

  /** Lists names; of many those that share a word with the one looked for, or else the first. */
  private static String some(List<String> names, String like) {
    if (names.size() <= FEW) {
      return String.join(", ", names);
    }
    List<String> words = List.of(like.split(" "));
    List<String> alike =
        names.stream()
            .filter(name -> List.of(name.split(" ")).stream().anyMatch(words::contains))
            .toList();
    List<String> shown = (alike.isEmpty() ? names : alike).stream().limit(FEW).toList();
    return "%s and %d more".formatted(String.join(", ", shown), names.size() - shown.size());
  }
}
