package dev.ablation.examples;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.examples.PictureGrid.Role;
import dev.ablation.examples.PictureGrid.Row;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.Preset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Ablations of any checkpoint, with the published numbers. */
final class CheckpointJobs {
  private static final int COLUMNS = 4;

  private CheckpointJobs() {}

  /**
   * Removes a concept.
   *
   * @param kind of the target and of its neighbours
   * @param target to remove
   * @param anchor to draw instead
   * @param neighbours concepts of the same kind that shall stay; may be empty
   */
  static Job of(ConceptKind kind, String target, String anchor, List<String> neighbours) {
    Concept concept = concept(kind, target);
    GeneratedAnchors anchors = AnchorStrategy.generated(anchor);
    List<String> shown = anchors.prompts(concept).subList(0, COLUMNS);
    List<Row> rows = new ArrayList<>();
    rows.add(row(Role.TARGET, concept, shown, anchor));
    rows.add(new Row(Role.ANCHOR, anchor, shown));
    for (String neighbour : neighbours) {
      rows.add(row(Role.NEIGHBOUR, concept(kind, neighbour), shown, anchor));
    }
    Preset published = Preset.diffusers(kind);
    return new Job(
        concept,
        anchors,
        published.anchors().augmentation(),
        published.objective(),
        published.training(),
        0,
        new PictureGrid(
            IntStream.rangeClosed(1, COLUMNS).mapToObj(i -> "anchor prompt " + i).toList(), rows),
        SamplingSettings.defaults());
  }

  private static Row row(Role role, Concept concept, List<String> prompts, String anchor) {
    return new Row(
        role,
        concept.name(),
        prompts.stream().map(prompt -> concept.targetPrompts(prompt, anchor).get(0)).toList());
  }

  private static Concept concept(ConceptKind kind, String name) {
    return kind == ConceptKind.STYLE ? Concept.style(name) : Concept.instance(name);
  }
}
