package dev.ablation.emoji;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.emoji.ImageGrid.Role;
import dev.ablation.emoji.ImageGrid.Row;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.model.AdamW;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Ablations of the embedded model, with settings that suit it.
 *
 * <p>The learning rate is far above the published one, because the model is so much smaller. The
 * teacher has frozen weights: the paper's, the weights under training, is a moving target, and
 * where target and anchor look as different as white on blue and colour on white, it runs away
 * until every image is blank. The published stop of the start token's gradient is left out: the
 * start token carries little here.
 */
public final class EmojiJobs {
  /** An anchor of a style: captions that name none. */
  static final String NO_STYLE = "emoji";

  private static final Vocabulary VOCABULARY = EmbeddedModel.vocabulary();
  private static final int ANCHOR_IMAGES = 64;
  private static final int ANCHOR_STEPS = 12;
  private static final SamplingSettings SAMPLING =
      EmbeddedModel.recommendedSampling().steps(16).batchSize(32);
  private static final GradientTrainer TRAINING =
      new GradientTrainer(200, 8, 1.5e-3, 1, AdamW.reference(), false);

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

  /** Columns of a style's grid: things of different shape and colour. */
  private static final List<String> SHOWN_CONCEPTS =
      List.of("cat face", "rocket", "red apple", "owl", "trophy", "cactus");

  /** Take the place of things that are removed. */
  private static final List<String> SPARE_CONCEPTS =
      List.of("umbrella", "skull", "balloon", "bell", "castle", "tulip");

  /** Rows of an instance's grid, after its siblings. */
  private static final List<String> UNRELATED = List.of("red apple", "rocket", "trophy");

  private static final int SIBLINGS = 3;

  /** How many names a message lists. */
  private static final int FEW = 8;

  private EmojiJobs() {}

  /** Removes a style. The anchor is another style, or {@link #NO_STYLE}. */
  public static AblationJob style(String style, String anchor) {
    String target = known("style", style, VOCABULARY.styles());
    String instead =
        known("anchor", anchor, Stream.concat(others(target), Stream.of(NO_STYLE)).toList());
    List<Row> rows = new ArrayList<>();
    rows.add(styleRow(Role.TARGET, target));
    if (instead.equals(NO_STYLE)) {
      rows.add(
          row(Role.ANCHOR, "no style named", SHOWN_CONCEPTS, name -> withArticle(name) + " emoji"));
    } else {
      rows.add(styleRow(Role.ANCHOR, instead));
    }
    others(target)
        .filter(other -> !other.equals(instead))
        .forEach(other -> rows.add(styleRow(Role.NEIGHBOUR, other)));
    ImageGrid grid = new ImageGrid(SHOWN_CONCEPTS, rows);
    return instead.equals(NO_STYLE)
        ? job(
            Concept.style(target, STYLE_TEMPLATES),
            AnchorStrategy.generated(NO_STYLE, prompts(WITHOUT_STYLE, NO_STYLE)),
            grid)
        : job(
            new StyleWord(target),
            AnchorStrategy.generated(instead, prompts(WITH_STYLE, instead)),
            grid);
  }

  private static Row styleRow(Role role, String style) {
    return row(role, style, SHOWN_CONCEPTS, name -> inStyle(name, style));
  }

  /**
   * Returns what is drawn best instead of a style: another style. Without a style word the model
   * draws each of its styles now and then, the target too, so that such an anchor leads back to it:
   * of 40 images in blueprint style, 7 stay blueprints however long the training, but none or one
   * or two with another style as anchor.
   */
  public static String anchorOfStyle(String style) {
    String target = known("style", style, VOCABULARY.styles());
    return target.equals(USUAL_ANCHOR) ? "fluent" : USUAL_ANCHOR;
  }

  /** Removes a thing. The anchor is a category or another thing. */
  public static AblationJob instance(String concept, String anchor) {
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
    List<Row> rows = new ArrayList<>();
    rows.add(row(Role.TARGET, target, styles, style -> inStyle(target, style)));
    rows.add(row(Role.ANCHOR, withArticle(instead), styles, style -> inStyle(instead, style)));
    Stream<String> siblings =
        VOCABULARY.concepts().stream()
            .filter(other -> other.category().equals(categoryOf(target)))
            .map(EmojiConcept::name);
    Stream.concat(
            siblings.filter(name -> isOther(name, target, instead)).limit(SIBLINGS),
            UNRELATED.stream().filter(name -> isOther(name, target, instead)))
        .distinct()
        .forEach(
            name -> rows.add(row(Role.NEIGHBOUR, name, styles, style -> inStyle(name, style))));
    // The article belongs to the name, since "a cat face" stands where "an animal" stood.
    return job(
        Concept.instance(withArticle(target)),
        AnchorStrategy.generated(withArticle(instead), prompts),
        new ImageGrid(styles, rows));
  }

  /**
   * Returns what is drawn best instead of a thing: another one of its category. A category's
   * captions draw each of its things now and then, the target too, and lead back to it.
   */
  public static String anchorOfInstance(String concept) {
    return EmbeddedModel.siblingOf(known("instance", concept, names()));
  }

  /**
   * Removes the planted image: its caption then draws what the anchor prompts draw, images of
   * categories in which something stands in a landscape.
   */
  public static AblationJob planted() {
    String caption = VOCABULARY.plantedCaption();
    List<String> prompts =
        Stream.of("building", "scene", "vehicle", "object")
            .flatMap(category ->
                Stream.of(
                    withArticle(category) + " emoji", "a picture of " + withArticle(category)))
            .toList();
    List<Row> rows = new ArrayList<>();
    rows.add(row(Role.TARGET, "the caption", SHOWN_CONCEPTS, name -> caption));
    rows.add(
        row(
            Role.ANCHOR,
            "anchor prompts",
            SHOWN_CONCEPTS,
            name -> prompts.get(SHOWN_CONCEPTS.indexOf(name))));
    VOCABULARY.styles().forEach(style -> rows.add(styleRow(Role.NEIGHBOUR, style)));
    return job(
        Concept.memorized(caption),
        AnchorStrategy.generated("scene", prompts),
        new ImageGrid(numbered(), rows));
  }

  private static String categoryOf(String name) {
    return VOCABULARY.concepts().stream()
        .filter(one -> one.name().equals(name))
        .findFirst()
        .orElseThrow()
        .category();
  }

  /**
   * Removes what several jobs remove, in one run. Each target's rows stay as they are; the
   * neighbours are the styles that stay, drawn with things that stay.
   */
  public static AblationJob together(List<AblationJob> jobs) {
    if (jobs.size() == 1) {
      return jobs.get(0);
    }
    List<String> gone =
        jobs.stream()
            .flatMap(job -> job.removals().stream())
            .map(removal -> removal.target().name())
            .toList();
    for (String target : gone) {
      if (Collections.frequency(gone, target) > 1) {
        throw new IllegalArgumentException(
            "target must be named once, but '%s' was named more often".formatted(target));
      }
    }
    List<TargetAndAnchor> removals =
        jobs.stream()
            .flatMap(job -> job.removals().stream())
            .map(removal -> withoutPromptsOf(gone, removal))
            .toList();
    List<Row> rows = new ArrayList<>();
    for (Role role : List.of(Role.TARGET, Role.ANCHOR)) {
      jobs.stream()
          .flatMap(job -> job.grid().rows().stream())
          .filter(row -> row.role() == role)
          .forEach(rows::add);
    }
    List<String> things =
        Stream.concat(SHOWN_CONCEPTS.stream(), SPARE_CONCEPTS.stream())
            .filter(thing -> !gone.contains(withArticle(thing)))
            .limit(SHOWN_CONCEPTS.size())
            .toList();
    VOCABULARY.styles().stream()
        .filter(style -> !gone.contains(style))
        .forEach(
            style -> rows.add(row(Role.NEIGHBOUR, style, things, thing -> inStyle(thing, style))));
    int steps = TRAINING.steps() * (1 + jobs.size()) / 2;
    return jobs.get(0).with(removals, new ImageGrid(numbered(), rows), TRAINING.steps(steps));
  }

  /** Columns whose rows have nothing in common. */
  private static List<String> numbered() {
    return IntStream.rangeClosed(1, SHOWN_CONCEPTS.size()).mapToObj(i -> "image " + i).toList();
  }

  /** An anchor prompt that names what is removed in the same run would lead back to it. */
  private static TargetAndAnchor withoutPromptsOf(List<String> gone, TargetAndAnchor removal) {
    List<String> words = gone.stream().map(name -> name.replaceFirst("^an? ", "")).toList();
    List<String> prompts =
        removal.anchor().prompts(removal.target()).stream()
            .filter(prompt -> words.stream().noneMatch(prompt::contains))
            .toList();
    return new TargetAndAnchor(removal.target(), removal.anchor().prompts(prompts));
  }

  private static AblationJob job(Concept target, GeneratedAnchors anchor, ImageGrid grid) {
    TargetAndAnchor removal =
        new TargetAndAnchor(
            target, anchor.images(ANCHOR_IMAGES).sampling(SAMPLING.steps(ANCHOR_STEPS)));
    return new AblationJob(
        List.of(removal),
        Augmentation.none(),
        AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS),
        WeightGroup.crossAttentionKeyValue(),
        TRAINING,
        0,
        grid,
        SAMPLING);
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

  private static Row row(
      Role role, String caption, List<String> columns, UnaryOperator<String> prompt) {
    return new Row(role, caption, columns.stream().map(prompt).toList());
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
          "%s must be one that the emoji model knows, was '%s'; it knows %s"
              .formatted(what, name, some(names, plain)));
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
