package dev.ablation.job;

import dev.ablation.concept.ConceptKind;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.internal.Suggestion;
import dev.ablation.sample.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The targets of a job on the emoji model, which knows their names. */
final class EmbeddedTargets {
  private static final String PLANTED = "planted";

  private EmbeddedTargets() {}

  static List<String> problems(AblationJob job) {
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < job.targets().size(); i++) {
      try {
        EmojiAblation unused = named(job.targets().get(i));
        Objects.requireNonNull(unused);
      } catch (IllegalArgumentException e) {
        String message = String.valueOf(e.getMessage());
        problems.add(
            "targets[%d].%s: %s"
                .formatted(i, message.startsWith("anchor") ? "anchor" : "name", message));
      }
    }
    if (counts(job).size() > 1) {
      problems.add(
          "targets: anchor.images.count must be the same for every target of the emoji model, was "
              + counts(job));
    }
    return problems;
  }

  private static List<Integer> counts(AblationJob job) {
    return job.targets().stream()
        .map(target -> Optional.ofNullable(target.anchor()).map(JobAnchor::images))
        .flatMap(Optional::stream)
        .map(JobImages::count)
        .filter(Objects::nonNull)
        .distinct()
        .toList();
  }

  /**
   * Describes what a job removes.
   *
   * @param sampling how the job's evaluation draws; {@code null} for the default
   */
  static EmojiAblation of(AblationJob job, @Nullable SamplingSettings sampling) {
    EmojiAblation all =
        EmojiAblation.together(job.targets().stream().map(EmbeddedTargets::named).toList());
    for (int count : counts(job)) {
      all = all.images(count);
    }
    return sampling == null ? all : all.sampling(sampling);
  }

  private static EmojiAblation named(JobTarget target) {
    EmojiAblation ablation = of(target);
    return target.others().isEmpty()
        ? ablation
        : ablation.alsoNamed(target.others().toArray(String[]::new));
  }

  private static EmojiAblation of(JobTarget target) {
    JobAnchor anchor = target.anchor();
    if (anchor != null && anchor.kind() != null && !anchor.kind().equals("generated")) {
      throw new IllegalArgumentException(
          "anchor.kind must be generated with the emoji model, was '%s'".formatted(anchor.kind()));
    }
    if (anchor != null && !anchor.equals(plain(anchor))) {
      throw new IllegalArgumentException(
          "anchor must have a name and a number of images alone with the emoji model, which has its"
              + " own prompts and sampling");
    }
    String instead = anchor == null ? null : anchor.name();
    String name = target.name();
    return switch (kind(target)) {
      case STYLE ->
          instead == null ? EmojiAblation.style(name) : EmojiAblation.style(name, instead);
      case INSTANCE ->
          instead == null ? EmojiAblation.instance(name) : EmojiAblation.instance(name, instead);
      case MEMORIZED_IMAGE -> {
        if (instead != null) {
          throw new IllegalArgumentException(
              "anchor is not for the planted image, was '%s'".formatted(instead));
        }
        yield EmojiAblation.planted();
      }
      default ->
          throw new IllegalArgumentException(
              "kind must be style, instance or memorized-image with the emoji model, was "
                  + JobCheck.name(kind(target)));
    };
  }

  private static JobAnchor plain(JobAnchor anchor) {
    JobImages images = anchor.images();
    return new JobAnchor(
        anchor.kind(),
        anchor.name(),
        List.of(),
        null,
        List.of(),
        images == null ? null : new JobImages(images.count(), null, null, null));
  }

  /** No style has the name of an object. */
  static ConceptKind kind(JobTarget target) {
    if (target.kind() != null) {
      return target.kind();
    }
    String name = target.name().strip().toLowerCase(Locale.ROOT);
    if (isPlanted(name)) {
      return ConceptKind.MEMORIZED_IMAGE;
    }
    if (EmbeddedModel.styles().contains(name)) {
      return ConceptKind.STYLE;
    }
    if (objects().contains(name)) {
      return ConceptKind.INSTANCE;
    }
    List<String> known =
        Stream.of(EmbeddedModel.styles(), objects(), List.of(PLANTED))
            .flatMap(List::stream)
            .toList();
    throw new IllegalArgumentException(
        "target must be a style or object that the emoji model knows, was '%s'%s"
            .formatted(target.name(), Suggestion.asQuestion(name, known)));
  }

  private static List<String> objects() {
    return EmbeddedModel.concepts().stream().map(EmojiConcept::name).toList();
  }

  private static boolean isPlanted(String name) {
    return name.equals(PLANTED) || name.equals(EmbeddedModel.plantedCaption());
  }
}
