package dev.ablation.cli;

import dev.ablation.Ablator;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** An ablation of any checkpoint, with published numbers. */
final class CheckpointJob {
  private static final int COLUMNS = 4;

  private final Concept target;
  private final GeneratedAnchors anchor;
  private final Preset preset;
  private GradientTrainer trainer;
  private AblationMethod method = AblationMethod.GRADIENT;
  private List<Concept> preserved = List.of();
  private Evaluation evaluation = Evaluation.of(SubjectMetric.pixelChange()).withoutNeighbours();

  /**
   * Begins with a preset's numbers.
   *
   * @param target to remove
   * @param anchor to draw instead
   * @param preset the published numbers
   */
  CheckpointJob(Concept target, GeneratedAnchors anchor, Preset preset) {
    this.target = target;
    this.anchor = anchor;
    this.preset = preset;
    trainer = preset.training();
  }

  CheckpointJob training(UnaryOperator<GradientTrainer> change) {
    trainer = change.apply(trainer);
    return this;
  }

  CheckpointJob method(AblationMethod method) {
    this.method = method;
    return this;
  }

  /** Shows concepts that must be preserved; a closed form is told them. */
  CheckpointJob neighbours(List<Concept> neighbours) {
    preserved = List.copyOf(neighbours);
    evaluation = evaluation.neighbours(neighbours.toArray(Concept[]::new));
    return this;
  }

  AblationJob seed(long seed) {
    Evaluation shown =
        evaluation.protocol(p ->
            p.images(COLUMNS, COLUMNS, COLUMNS, COLUMNS)
                .prompts(COLUMNS)
                .sampling(SamplingSettings.defaults())
                .seed(seed)
                .shown(COLUMNS));
    return new AblationJob(
        (model, none) ->
            Ablator.of(model)
                .target(target)
                .anchor(anchor)
                .preset(preset)
                .trainer(method.trainer(target.kind(), trainer, preservedPrompts()))
                .seed(seed)
                .evaluate(shown),
        IntStream.rangeClosed(1, COLUMNS).mapToObj(i -> "anchor prompt " + i).toList());
  }

  /** The prompts of guidance, of the anchor, and of neighbours made of the anchor's. */
  private List<String> preservedPrompts() {
    Set<String> prompts = new LinkedHashSet<>(List.of(""));
    for (String prompt : anchor.prompts(target)) {
      prompts.add(prompt);
      for (Concept neighbour : preserved) {
        try {
          prompts.addAll(anchor.targetPrompts(neighbour, prompt));
        } catch (IllegalArgumentException e) {
          // This anchor prompt has no place for the neighbour's name; others have.
          continue;
        }
      }
    }
    return List.copyOf(prompts);
  }

  /**
   * Names a concept.
   *
   * @param kind of the concept
   * @param name a name, a caption, a list of terms, or a file of prompt pairs
   * @throws IOException if a file cannot be read
   */
  static Concept concept(ConceptKind kind, String name) throws IOException {
    return switch (kind) {
      case STYLE -> Concept.style(name);
      case INSTANCE -> Concept.instance(name);
      case COMPOSITION -> Concept.composition(name);
      case MEMORIZED_IMAGE -> Concept.memorized(name);
      case INAPPROPRIATE_CONTENT -> Concept.inappropriate(name);
      case PROMPT_PAIRS -> Concept.pairs(name, Path.of(name));
    };
  }

  /** Names several concepts of a kind. */
  static List<Concept> concepts(ConceptKind kind, List<String> names) throws IOException {
    List<Concept> concepts = new ArrayList<>();
    for (String name : names) {
      concepts.add(concept(kind, name));
    }
    return concepts;
  }
}
