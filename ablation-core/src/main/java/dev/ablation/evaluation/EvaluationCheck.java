package dev.ablation.evaluation;

import dev.ablation.metric.TextImageEncoder;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.sample.SamplerRun;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;

/** Derives the subjects of an evaluation and finds all problems before any image is generated. */
final class EvaluationCheck {
  /**
   * A subject and the anchor to compare it with.
   *
   * @param anchor name of the anchor of the subject's target
   */
  record Planned(Subject subject, String anchor) {}

  private final Evaluation evaluation;
  private final Set<String> problems = new LinkedHashSet<>();
  private final List<Planned> subjects = new ArrayList<>();

  private EvaluationCheck(Evaluation evaluation) {
    this.evaluation = evaluation;
  }

  static EvaluationCheck of(Evaluation evaluation) {
    EvaluationCheck check = new EvaluationCheck(evaluation);
    check.plan();
    check.checkNames();
    check.checkMetrics();
    return check;
  }

  /** {@return all problems, without duplicates} */
  Set<String> problems() {
    return problems;
  }

  List<Planned> subjects() {
    return subjects;
  }

  void orThrow() {
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          problems.size() == 1
              ? problems.iterator().next()
              : "%d problems with the evaluation:%n  %s"
                  .formatted(
                      problems.size(), String.join(System.lineSeparator() + "  ", problems)));
    }
  }

  private void plan() {
    if (evaluation.evaluationTargets().isEmpty()) {
      problems.add("an evaluation must have a target");
      return;
    }
    if (evaluation.heldOutIsUnclear()) {
      problems.add(
          "held-out prompts need a single target, but there are several; give each its own prompts");
    }
    if (evaluation.neighbours().isEmpty() && !evaluation.neighboursMayMiss()) {
      problems.add(
          "neighbours must not be empty, since they are the first to show damage; add"
              + " some, which NeighbourSearch finds, or call withoutNeighbours()");
    }
    int most = evaluation.protocol().prompts();
    for (EvaluationTarget target : evaluation.evaluationTargets()) {
      add(
          Role.TARGET,
          target.target().name(),
          target,
          target.restsOfTarget(most),
          () -> target.promptsOfTarget(most));
    }
    for (EvaluationTarget target : evaluation.evaluationTargets()) {
      for (String alias : target.target().aliases()) {
        add(
            Role.ALIAS,
            alias,
            target,
            target.restsOfTarget(most),
            () -> target.promptsOfAlias(alias, most));
      }
    }
    for (EvaluationTarget target : evaluation.evaluationTargets()) {
      // Targets may share an anchor.
      if (subjects.stream().noneMatch(each -> sameName(each, Role.ANCHOR, target.anchor()))) {
        add(Role.ANCHOR, target.anchor(), target, List.of(), () -> target.promptsOfAnchor(most));
      }
    }
    for (Neighbour neighbour : evaluation.neighbours()) {
      EvaluationTarget target = neighbour.target(evaluation.evaluationTargets());
      add(
          Role.NEIGHBOUR,
          neighbour.name(),
          target,
          List.of(),
          () -> neighbour.prompts(target, most));
    }
    for (EvaluationTarget target : evaluation.evaluationTargets()) {
      for (String other : evaluation.inPrompt()) {
        add(
            Role.IN_PROMPT,
            target.target().name() + " and " + other,
            target,
            List.of(other),
            () -> target.promptsWith(other, most));
      }
    }
    evaluation
        .unrelated()
        .forEach((name, prompts) ->
            add(
                Role.UNRELATED,
                name,
                evaluation.evaluationTargets().get(0),
                List.of(),
                () -> prompts));
  }

  private static boolean sameName(Planned planned, Role role, String name) {
    return planned.subject().role() == role && planned.subject().name().equalsIgnoreCase(name);
  }

  /** Adds a subject; what all of its prompts name beside the target may be said once. */
  private void add(
      Role role,
      String name,
      EvaluationTarget target,
      List<String> rests,
      Supplier<List<String>> derivation) {
    try {
      List<String> prompts = derivation.get();
      int images = evaluation.protocol().images(role);
      boolean ofTarget = role == Role.TARGET || role == Role.ALIAS || role == Role.IN_PROMPT;
      Subject subject =
          new Subject(
              role,
              name,
              prompts,
              images,
              ofTarget ? target.target().name() : name,
              ofTarget ? rests(prompts, rests, target) : List.of());
      subjects.add(new Planned(subject, target.anchor()));
    } catch (IllegalArgumentException e) {
      problems.add("%s '%s': %s".formatted(words(role), name, e.getMessage()));
    }
  }

  private List<String> rests(List<String> prompts, List<String> derived, EvaluationTarget target) {
    Map<String, String> told = evaluation.restsOfPrompts();
    if (derived.size() == 1) {
      return Collections.nCopies(prompts.size(), derived.get(0));
    }
    if (derived.size() == prompts.size()) {
      return derived;
    }
    // An alias takes the target's place in a given prompt.
    List<String> given = target.targetPrompts();
    List<String> known = given.size() == prompts.size() ? given : prompts;
    return known.stream().allMatch(told::containsKey)
        ? known.stream().map(prompt -> Objects.requireNonNull(told.get(prompt))).toList()
        : List.of();
  }

  /** A neighbour that equals the target would count as damage; a duplicate would count twice. */
  private void checkNames() {
    List<Planned> seen = new ArrayList<>();
    for (Planned planned : subjects) {
      String name = planned.subject().name();
      seen.stream()
          .filter(other -> other.subject().name().equalsIgnoreCase(name))
          .findFirst()
          .ifPresent(other ->
              problems.add(
                  "subjects must differ, but '%s' is %s and %s"
                      .formatted(
                          name, words(other.subject().role()), words(planned.subject().role()))));
      seen.add(planned);
    }
  }

  private static String words(Role role) {
    return role.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  private void checkMetrics() {
    if (subjects.isEmpty()) {
      return;
    }
    for (SubjectMetric metric : evaluation.metrics()) {
      List<Subject> measured =
          subjects.stream().map(Planned::subject).filter(metric::measures).toList();
      problems.addAll(metric.problems(measured));
    }
  }

  /** Finds metrics that need all images of a subject in one process. */
  void checkAdditive() {
    for (SubjectMetric metric : evaluation.metrics()) {
      subjects.stream()
          .filter(planned -> metric.measures(planned.subject()))
          .findFirst()
          .map(planned ->
              metric.begin(planned.subject(), planned.anchor(), evaluation.protocol().bootstrap()))
          .filter(measurement -> !(measurement instanceof SubjectMetric.Additive))
          .ifPresent(measurement ->
              problems.add(
                  "metric '%s' cannot be measured in parts: its measurement must be a"
                          .formatted(metric.name())
                      + " SubjectMetric.Additive"));
    }
  }

  /** Finds problems with the model, the sampler and the extractors by running them on one image. */
  void tryOn(DiffusionModel model) {
    SamplingSettings sampling = evaluation.protocol().sampling();
    try (SamplerRun run =
        sampling
            .sampler()
            .start(
                model.schedule(),
                model.predictionType(),
                sampling.steps(),
                model.descriptor().latentShape())) {
      run.steps();
    } catch (IllegalArgumentException e) {
      problems.add(
          "sampler %s does not work with model '%s': %s"
              .formatted(sampling.sampler().name(), model.descriptor().name(), e.getMessage()));
    }
    int scale = model.capability(LatentCodec.class).map(LatentCodec::downscaling).orElse(0);
    if (scale == 0) {
      problems.add(
          "model '%s' has no LatentCodec, which is needed to generate images"
              .formatted(model.descriptor().name()));
      return;
    }
    BufferedImage probe = probe(model.descriptor(), scale);
    ImageBatch batch = new ImageBatch(0, List.of(probe), List.of(probe));
    for (SubjectMetric metric : evaluation.metrics()) {
      subjects.stream()
          .filter(planned -> metric.measures(planned.subject()))
          .findFirst()
          .ifPresent(planned ->
              attempt(
                  metric.name(),
                  () ->
                      metric
                          .begin(
                              planned.subject(),
                              planned.anchor(),
                              evaluation.protocol().bootstrap())
                          .add(batch)));
    }
    for (Attack attack : evaluation.attacks()) {
      attempt("attack '" + attack.name() + "'", () -> attack.check(model));
    }
    evaluation
        .control()
        .ifPresent(control -> {
          attempt("control", () -> AttackModels.checkControl(model, control));
          for (Attack attack : evaluation.attacks()) {
            attempt(
                "attack '%s' on the control".formatted(attack.name()), () -> attack.check(control));
          }
        });
    evaluation.encoder().ifPresent(encoder -> attempt("CLIP score", () -> tryTexts(encoder)));
  }

  private static void tryTexts(TextImageEncoder encoder) {
    List<String> texts = List.of("a photo", "a painting");
    ImageBatch.checked(encoder, encoder.encode(texts), texts.size(), "texts");
  }

  /** Reports every exception now instead of after hours of work. */
  private void attempt(String what, Runnable work) {
    try {
      work.run();
    } catch (IllegalStateException e) {
      problems.add(String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      problems.add("%s cannot run: %s".formatted(what, e.getMessage()));
    }
  }

  /** A test image in the size of the model's images. */
  private static BufferedImage probe(ModelDescriptor model, int scale) {
    BufferedImage image =
        new BufferedImage(
            model.latentWidth() * scale, model.latentHeight() * scale, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        int red = 255 * x / image.getWidth();
        int green = 255 * y / image.getHeight();
        image.setRGB(x, y, red << 16 | green << 8 | 127);
      }
    }
    return image;
  }
}
