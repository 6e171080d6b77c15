package dev.ablation.emoji.study;

import dev.ablation.Ablation;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.model.DiffusionModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A concept to remove.
 *
 * @param kind of the concept
 * @param name of the style or the object; of the planted image its caption
 */
record StudyTarget(Kind kind, String name) {

  /** Kinds of concepts. */
  enum Kind {
    /** A style. */
    STYLE,
    /** An object. */
    INSTANCE,
    /** The memorised image. */
    PLANTED
  }

  /**
   * Reads a target as the command line has it: {@code style:NAME}, {@code instance:NAME}, {@code
   * planted}.
   */
  static StudyTarget of(String text, AnswerSet set) {
    String[] parts = text.strip().split(":", 2);
    String name = parts.length == 2 ? parts[1].strip() : "";
    return switch (parts[0].strip().toLowerCase(Locale.ROOT)) {
      case "style" -> known(Kind.STYLE, name, set.styles());
      case "instance" -> known(Kind.INSTANCE, name, set.concepts());
      case "planted" -> planted();
      default ->
          throw new IllegalArgumentException(
              "target must be style:NAME, instance:NAME or planted, was '%s'".formatted(text));
    };
  }

  private static StudyTarget known(Kind kind, String name, List<String> names) {
    if (!names.contains(name)) {
      throw new IllegalArgumentException(
          "%s must be one of the answer set's, %s, was '%s'"
              .formatted(kind.name().toLowerCase(Locale.ROOT), names, name));
    }
    return new StudyTarget(kind, name);
  }

  static StudyTarget planted() {
    return new StudyTarget(Kind.PLANTED, EmbeddedModel.plantedCaption());
  }

  /** Every style and every object of the answer set. */
  static List<StudyTarget> all(AnswerSet set) {
    List<StudyTarget> all = new ArrayList<>();
    set.styles().forEach(style -> all.add(new StudyTarget(Kind.STYLE, style)));
    set.concepts().forEach(concept -> all.add(new StudyTarget(Kind.INSTANCE, concept)));
    return all;
  }

  /** The plan of training by gradients, with all its steps. */
  Ablation plan(DiffusionModel model) {
    return ablation().plan(model);
  }

  /** The removal, which can go several ways. */
  EmojiAblation ablation() {
    return switch (kind) {
      case STYLE -> EmojiAblation.style(name);
      case INSTANCE -> EmojiAblation.instance(name);
      case PLANTED -> EmojiAblation.planted();
    };
  }

  /** Counts images that show the target. */
  ConceptDetector detector(EmbeddedEvaluator evaluator) {
    return switch (kind) {
      case STYLE -> evaluator.ofStyle(name);
      case INSTANCE -> evaluator.ofConcept(name);
      case PLANTED -> evaluator.ofPlantedCopies();
    };
  }

  ErasureEarlyStopping stopping(EmbeddedEvaluator evaluator) {
    return switch (kind) {
      case STYLE -> evaluator.stoppingOfStyle(name);
      case INSTANCE -> evaluator.stoppingOfInstance(name);
      case PLANTED -> evaluator.stoppingOfPlanted();
    };
  }

  /** Stops when neither the name nor attacks lead to the target. */
  ErasureEarlyStopping resistantStopping(EmbeddedEvaluator evaluator) {
    return switch (kind) {
      case STYLE -> evaluator.resistantStoppingOfStyle(name);
      case INSTANCE -> evaluator.resistantStoppingOfInstance(name);
      case PLANTED -> evaluator.resistantStoppingOfPlanted();
    };
  }

  @Override
  public String toString() {
    return kind == Kind.PLANTED ? "planted" : kind.name().toLowerCase(Locale.ROOT) + ":" + name;
  }
}
