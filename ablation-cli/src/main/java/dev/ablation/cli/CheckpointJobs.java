package dev.ablation.cli;

import dev.ablation.anchor.AnchorDefaults;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.emoji.AblationJob;
import dev.ablation.emoji.ImageGrid;
import dev.ablation.emoji.ImageGrid.Role;
import dev.ablation.emoji.ImageGrid.Row;
import dev.ablation.emoji.TargetAndAnchor;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.Preset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Ablations of any checkpoint, with the published numbers. */
final class CheckpointJobs {
  private static final int COLUMNS = 4;

  private CheckpointJobs() {}

  /**
   * Removes a concept.
   *
   * @param kind of the target and of its neighbours
   * @param target to remove: a name, a caption, a list of terms, or a file of prompt pairs
   * @param anchor to draw instead
   * @param anchorPrompts what draws it; {@code null} takes built-in prompts
   * @param neighbours concepts of the same kind that shall stay; may be empty
   * @param preset the published numbers
   * @throws IOException if a file cannot be read
   */
  static AblationJob of(
      ConceptKind kind,
      String target,
      String anchor,
      @Nullable Path anchorPrompts,
      List<String> neighbours,
      Function<ConceptKind, Preset> preset)
      throws IOException {
    Concept concept = concept(kind, target);
    if (kind == ConceptKind.MEMORIZED_IMAGE && anchorPrompts == null) {
      throw new IllegalArgumentException(
          "--kind memorized-image needs --anchor-prompts, a file with other wordings of the"
              + " caption that do not draw the image");
    }
    Preset published = preset.apply(kind);
    AnchorDefaults drawn = published.anchors();
    SamplingSettings sampling =
        drawn.avoidTarget() ? drawn.sampling().negativePrompt(concept.name()) : drawn.sampling();
    GeneratedAnchors anchors =
        anchorPrompts == null
            ? AnchorStrategy.generated(anchor)
            : AnchorStrategy.generated(anchor, anchorPrompts);
    List<String> all = anchors.prompts(concept);
    List<String> shown =
        IntStream.range(0, COLUMNS).mapToObj(i -> all.get(i % all.size())).toList();
    List<Row> rows = new ArrayList<>();
    rows.add(row(Role.TARGET, concept, shown, anchor));
    rows.add(new Row(Role.ANCHOR, anchor, shown));
    for (String neighbour : neighbours) {
      rows.add(row(Role.NEIGHBOUR, concept(kind, neighbour), shown, anchor));
    }
    return new AblationJob(
        List.of(new TargetAndAnchor(concept, anchors.images(drawn.images()).sampling(sampling))),
        drawn.augmentation(),
        published.objective(),
        published.weights(),
        published.training(),
        0,
        new ImageGrid(
            IntStream.rangeClosed(1, COLUMNS).mapToObj(i -> "anchor prompt " + i).toList(), rows),
        SamplingSettings.defaults());
  }

  private static Row row(Role role, Concept concept, List<String> prompts, String anchor) {
    return new Row(
        role,
        concept.name(),
        prompts.stream().map(prompt -> concept.targetPrompts(prompt, anchor).get(0)).toList());
  }

  private static Concept concept(ConceptKind kind, String name) throws IOException {
    return switch (kind) {
      case STYLE -> Concept.style(name);
      case INSTANCE -> Concept.instance(name);
      case COMPOSITION -> Concept.composition(name);
      case MEMORIZED_IMAGE -> Concept.memorized(name);
      case INAPPROPRIATE_CONTENT -> Concept.inappropriate(name);
      case PROMPT_PAIRS -> Concept.pairs(name, Path.of(name));
    };
  }
}
