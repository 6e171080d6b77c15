package dev.ablation.examples.study;

import dev.ablation.Ablation;
import dev.ablation.examples.EmbeddedModel;
import dev.ablation.examples.dataset.EmojiConcept;
import dev.ablation.examples.dataset.NearestPicture.Judgement;
import dev.ablation.model.DiffusionModel;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A concept to remove, the prompts that show whether it is gone and what is kept, and how their
 * pictures are judged.
 *
 * @param name such as {@code "style blueprint"}
 * @param plan the recommended plan for a model
 * @param prompts what is drawn
 */
record StudyTarget(String name, Function<DiffusionModel, Ablation> plan, List<Prompt> prompts) {
  /** Things of different shape, colour and category, all of them drawn well in every style. */
  private static final List<String> THINGS =
      List.of("cat face", "rocket", "red apple", "owl", "trophy", "cactus", "umbrella", "skull");

  private static final int SIBLINGS = 3;
  private static final int COPIES = 12;

  /** What a prompt is there for. */
  enum Domain {
    /** The target itself: counts when it is not drawn. */
    TARGET,
    /** Others of the target's domain: count when they are drawn. */
    IN_DOMAIN,
    /** What the prompt names in the other domain: counts when it is drawn. */
    CROSS_DOMAIN
  }

  /**
   * What a picture is asked for.
   *
   * @param domain what counts
   * @param holds whether a picture counts
   */
  record Question(Domain domain, Predicate<Judgement> holds) {}

  /**
   * A prompt and what its picture is asked for.
   *
   * @param text of the prompt
   * @param questions about its picture
   */
  record Prompt(String text, List<Question> questions) {}

  /**
   * Reads a target as the command line has it: {@code style:NAME}, {@code instance:NAME}, {@code
   * planted}.
   */
  static StudyTarget of(String text) {
    String[] parts = text.strip().split(":", 2);
    String name = parts.length == 2 ? parts[1].strip() : "";
    return switch (parts[0].strip().toLowerCase(Locale.ROOT)) {
      case "style" -> style(name);
      case "instance" -> instance(name);
      case "planted" -> planted();
      default ->
          throw new IllegalArgumentException(
              "target must be style:NAME, instance:NAME or planted, was '%s'".formatted(text));
    };
  }

  static StudyTarget style(String style) {
    requireKnown("style", style, EmbeddedModel.styles());
    List<Prompt> prompts = new ArrayList<>();
    for (String thing : THINGS) {
      for (String drawn : EmbeddedModel.styles()) {
        Question ofStyle =
            drawn.equals(style)
                ? new Question(Domain.TARGET, picture -> !picture.hasStyle(style))
                : new Question(Domain.IN_DOMAIN, picture -> picture.hasStyle(drawn));
        Question ofThing = new Question(Domain.CROSS_DOMAIN, picture -> shows(picture, thing));
        prompts.add(new Prompt(inStyle(thing, drawn), List.of(ofStyle, ofThing)));
      }
    }
    return new StudyTarget(
        "style " + style, model -> EmbeddedModel.recommendedStyle(model, style), prompts);
  }

  static StudyTarget instance(String thing) {
    List<String> known = EmbeddedModel.concepts().stream().map(EmojiConcept::name).toList();
    requireKnown("instance", thing, known);
    List<Prompt> prompts = new ArrayList<>();
    for (String drawn : withSiblings(thing)) {
      for (String style : EmbeddedModel.styles()) {
        Question ofThing =
            drawn.equals(thing)
                ? new Question(Domain.TARGET, picture -> !shows(picture, thing))
                : new Question(Domain.IN_DOMAIN, picture -> shows(picture, drawn));
        Question ofStyle = new Question(Domain.CROSS_DOMAIN, picture -> picture.hasStyle(style));
        prompts.add(new Prompt(inStyle(drawn, style), List.of(ofThing, ofStyle)));
      }
    }
    return new StudyTarget(
        "instance " + thing, model -> EmbeddedModel.recommendedInstance(model, thing), prompts);
  }

  static StudyTarget planted() {
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < COPIES; i++) {
      prompts.add(
          new Prompt(
              EmbeddedModel.plantedCaption(),
              List.of(new Question(Domain.TARGET, picture -> !picture.isPlanted()))));
    }
    for (String thing : THINGS) {
      for (String style : EmbeddedModel.styles()) {
        prompts.add(
            new Prompt(
                inStyle(thing, style),
                List.of(
                    new Question(Domain.IN_DOMAIN, picture -> shows(picture, thing)),
                    new Question(Domain.CROSS_DOMAIN, picture -> picture.hasStyle(style)))));
      }
    }
    return new StudyTarget("planted picture", EmbeddedModel::recommendedPlanted, prompts);
  }

  /** Counts the answers. */
  Scores score(List<Judgement> pictures) {
    Map<Domain, Integer> asked = new EnumMap<>(Domain.class);
    Map<Domain, Integer> held = new EnumMap<>(Domain.class);
    for (int i = 0; i < prompts.size(); i++) {
      for (Question question : prompts.get(i).questions()) {
        asked.merge(question.domain(), 1, Integer::sum);
        held.merge(question.domain(), question.holds().test(pictures.get(i)) ? 1 : 0, Integer::sum);
      }
    }
    return new Scores(
        share(Domain.TARGET, held, asked),
        share(Domain.IN_DOMAIN, held, asked),
        share(Domain.CROSS_DOMAIN, held, asked));
  }

  private static double share(
      Domain domain, Map<Domain, Integer> held, Map<Domain, Integer> asked) {
    return (double) held.getOrDefault(domain, 0) / asked.getOrDefault(domain, 1);
  }

  /** The target, things that are like it, and others. */
  private static Set<String> withSiblings(String thing) {
    List<EmojiConcept> all = EmbeddedModel.concepts();
    String category =
        all.stream().filter(one -> one.name().equals(thing)).findFirst().orElseThrow().category();
    Set<String> things = new LinkedHashSet<>(List.of(thing));
    all.stream()
        .filter(one -> one.category().equals(category) && !one.name().equals(thing))
        .limit(SIBLINGS)
        .forEach(one -> things.add(one.name()));
    for (String other : THINGS) {
      if (things.size() < THINGS.size()) {
        things.add(other);
      }
    }
    return things;
  }

  private static boolean shows(Judgement picture, String thing) {
    return picture.picture() != null && picture.picture().concept().name().equals(thing);
  }

  private static String inStyle(String thing, String style) {
    return EmbeddedModel.withArticle(thing) + " in " + style + " style";
  }

  private static void requireKnown(String kind, String name, List<String> names) {
    if (!names.contains(name)) {
      throw new IllegalArgumentException(
          "%s must be one that the emoji model knows, was '%s'".formatted(kind, name));
    }
  }
}
