package dev.ablation.run;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.Words;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.PromptTokenizer.Tokens;
import dev.ablation.model.WeightInfo;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainerRequirements;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Finds all problems of a plan before any long work starts. */
final class PlanCheck {
  private static final Set<ConceptKind> SHARE_WORDS =
      EnumSet.of(ConceptKind.INSTANCE, ConceptKind.COMPOSITION);

  private final Plan plan;
  private final List<String> problems = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<ResolvedPair> pairs = new ArrayList<>();
  private final List<Concept> preserved;

  /** What was found for an anchor and its prompts: a thousand targets may share them. */
  private final Map<Anchored, List<Concept>> fitting = new HashMap<>();

  private List<WeightInfo> weights = List.of();

  private PlanCheck(Plan plan) {
    this.plan = plan;
    preserved = plan.preserved();
  }

  private record Anchored(String name, Set<String> prompts) {}

  static PlanCheck of(Plan plan) {
    PlanCheck check = new PlanCheck(plan);
    check.checkTrainer();
    check.checkWeights();
    check.problems.addAll(plan.presetConflicts());
    check.checkPreserved();
    plan.resolvedPairs().forEach(check::checkPair);
    check.checkThatAllIsPreservedSomewhere();
    check.checkEvaluation();
    return check;
  }

  /** {@return the problems that prevent a run} */
  List<String> problems() {
    return problems;
  }

  /** {@return what the user may want to change} */
  List<String> warnings() {
    return warnings;
  }

  /** {@return the weights to train; empty if there is a problem with them} */
  List<WeightInfo> weights() {
    return weights;
  }

  /** {@return the pairs whose anchor has prompts, in an order that depends only on the targets} */
  List<ResolvedPair> pairs() {
    return pairs;
  }

  /** {@return suggestions that do not prevent a run} */
  List<String> hints() {
    if (!plan.trainer().requirements().objective() || plan.objective().usesPriorBatch()) {
      return List.of();
    }
    return plan.pairs().stream()
        .filter(pair -> SHARE_WORDS.contains(pair.target().kind()))
        .filter(pair -> Words.ownWord(pair.anchor().name()).matcher(pair.target().name()).find())
        .map(pair ->
            "%s contains its anchor '%s'; for shared words, the published runs use prior preservation, see Preset.paperWithPrior and diffusersWithPrior"
                .formatted(pair.target(), pair.anchor().name()))
        .toList();
  }

  /**
   * Emits warnings and rejects a plan that has problems.
   *
   * @param events receives the warnings
   * @return this
   */
  PlanCheck orThrow(Listeners events) {
    plan.trainer()
        .requirements()
        .capabilities()
        .forEach((type, purpose) -> Capabilities.require(plan.model(), type, purpose));
    warnings.forEach(warning -> events.on(new AblationEvent.Warning(warning)));
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          problems.size() == 1
              ? problems.get(0)
              : "%d problems with the plan:%n  %s"
                  .formatted(
                      problems.size(), String.join(System.lineSeparator() + "  ", problems)));
    }
    return this;
  }

  private void checkTrainer() {
    Trainer trainer = plan.trainer();
    TrainerRequirements requirements = trainer.requirements();
    DiffusionModel model = plan.model();
    requirements
        .capabilities()
        .forEach((type, purpose) -> {
          if (model.capability(type).isEmpty()) {
            UnsupportedCapabilityException missing =
                new UnsupportedCapabilityException(
                    model.descriptor().name(), type.getSimpleName(), purpose);
            problems.add(String.valueOf(missing.getMessage()));
          }
        });
    if (plan.hasOwnObjective() && !requirements.objective()) {
      problems.add(
          "objective '%s' must not be chosen for a trainer that minimises none, which is %s"
              .formatted(plan.objective().name(), trainer));
    }
    if (requirements.objective()
        && plan.objective().usesAveragedWeights()
        && !(trainer instanceof GradientTrainer gradients && gradients.average().isPresent())) {
      problems.add(
          "objective '%s' uses averaged weights, but the trainer keeps none: training(t -> t.average(0.999))"
              .formatted(plan.objective().name()));
    }
    plan.timestepSampling()
        .filter(sampling -> !requirements.anchorImages())
        .ifPresent(sampling ->
            problems.add(
                "timestepSampling '%s' must not be chosen for a trainer without batches, which is %s"
                    .formatted(sampling.name(), trainer)));
    if (plan.hasOwnMasks() && !(plan.inpaints() && requirements.anchorImages())) {
      problems.add(
          "inpaintingMasks '%s' must only be chosen for training an inpainting model"
              .formatted(plan.masks().name()));
    }
  }

  private void checkWeights() {
    DiffusionModel model = plan.model();
    try {
      weights = plan.weights().select(model.weights());
      problems.addAll(plan.trainer().problems(model, weights));
    } catch (IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
    }
  }

  private void checkPair(TargetAnchor pair) {
    AnchorStrategy anchor = pair.anchor();
    Set<String> prompts;
    try {
      prompts = new LinkedHashSet<>(anchor.prompts(pair.target()));
    } catch (IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
      return;
    }
    if (prompts.isEmpty()) {
      problems.add("anchor prompts must not be empty");
    }
    Set<String> leftOut = plan.dropsUnmatched() ? leaveOut(pair, prompts) : Set.of();
    Set<String> used = new LinkedHashSet<>(prompts);
    used.removeAll(leftOut);
    for (String prompt : used) {
      checkPrompt(pair, prompt);
    }
    Anchored anchored = new Anchored(anchor.name(), used);
    List<Concept> kept = fitting.get(anchored);
    if (kept == null) {
      warnOfTargets(used);
      kept = preserved.stream().filter(c -> fits(c, used, anchor.name())).toList();
      fitting.put(anchored, kept);
    }
    boolean allLeftOut = used.isEmpty() || leftOut.isEmpty();
    pairs.add(
        new ResolvedPair(
            allLeftOut
                ? pair
                : new TargetAnchor(pair.target(), anchor.excludingPrompts(pair.target(), leftOut)),
            leftOut,
            kept,
            plan.preservation().isPresent()));
  }

  /** The prompts from which no target prompt can be derived. */
  private Set<String> leaveOut(TargetAnchor pair, Set<String> prompts) {
    Set<String> leftOut =
        prompts.stream()
            .filter(prompt -> !fits(pair, prompt))
            .collect(Collectors.toCollection(LinkedHashSet::new));
    if (!leftOut.isEmpty()) {
      String message =
          "%d of %d anchor prompts make no target prompt of %s: %s"
              .formatted(leftOut.size(), prompts.size(), pair.target(), quoted(leftOut));
      if (leftOut.size() == prompts.size()) {
        problems.add(message);
      } else {
        warnings.add(message + "; they are excluded");
      }
    }
    return leftOut;
  }

  private static boolean fits(TargetAnchor pair, String prompt) {
    try {
      var unused = pair.anchor().targetPrompts(pair.target(), prompt);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean fits(Concept concept, Set<String> prompts, String anchor) {
    try {
      for (String prompt : prompts) {
        var unused = concept.targetPrompts(prompt, anchor);
      }
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private void checkPrompt(TargetAnchor pair, String anchorPrompt) {
    List<String> targetPrompts;
    try {
      targetPrompts = pair.anchor().targetPrompts(pair.target(), anchorPrompt);
    } catch (IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
      return;
    }
    Optional<PromptTokenizer> tokenizer = plan.model().capability(PromptTokenizer.class);
    if (tokenizer.isEmpty()) {
      return;
    }
    Tokens anchorTokens = tokenizer.get().tokens(anchorPrompt);
    warnIfCut("anchor", anchorPrompt, anchorTokens);
    for (String targetPrompt : targetPrompts) {
      Tokens targetTokens = tokenizer.get().tokens(targetPrompt);
      warnIfCut("target", targetPrompt, targetTokens);
      if (targetTokens.ids().equals(anchorTokens.ids())) {
        problems.add(
            "target prompt '%s' must differ from anchor prompt '%s', but the model reads the same tokens"
                .formatted(targetPrompt, anchorPrompt));
      }
    }
  }

  private void warnIfCut(String kind, String prompt, Tokens tokens) {
    if (tokens.truncated()) {
      warnings.add(
          "%s prompt '%s' is longer than the model's context; it does not read '%s'"
              .formatted(kind, prompt, tokens.cut()));
    }
  }

  /** Otherwise training would use an image of the target as its replacement. */
  private void warnOfTargets(Set<String> anchorPrompts) {
    for (TargetAnchor pair : plan.pairs()) {
      Set<String> naming =
          anchorPrompts.stream()
              .filter(prompt ->
                  pair.target().phrases().stream()
                      .anyMatch(phrase -> Words.ownWord(phrase).matcher(prompt).find()))
              .collect(Collectors.toCollection(LinkedHashSet::new));
      if (!naming.isEmpty()) {
        warnings.add(
            "anchor prompts should not draw the target %s, but it is named in %s"
                .formatted(pair.target(), quoted(naming)));
      }
    }
  }

  private void checkPreserved() {
    for (Concept kept : preserved) {
      for (TargetAnchor pair : plan.pairs()) {
        if (kept.name().equalsIgnoreCase(pair.target().name())) {
          problems.add("%s must not be both removed and preserved".formatted(pair.target()));
        }
      }
    }
  }

  private void checkThatAllIsPreservedSomewhere() {
    for (Concept concept : preserved) {
      if (pairs.stream().noneMatch(pair -> pair.preserved().contains(concept))) {
        problems.add(
            "%s cannot be preserved, since its rule applies to no anchor prompt of any target; give prompts of it"
                .formatted(concept));
      }
    }
  }

  private void checkEvaluation() {
    evaluation()
        .ifPresent(evaluation ->
            evaluation.check(plan.model()).stream()
                .map(problem -> "evaluation: " + problem)
                .forEach(problems::add));
  }

  /**
   * The plan's evaluation, of the plan's targets unless it has its own; empty if the plan has none,
   * or if no pair can be evaluated, which is reported separately.
   */
  Optional<Evaluation> evaluation() {
    Optional<Evaluation> given = plan.evaluation();
    if (given.isEmpty() || !given.get().targets().isEmpty()) {
      return given;
    }
    if (pairs.isEmpty()) {
      return Optional.empty();
    }
    Evaluation evaluation = given.get();
    for (ResolvedPair pair : pairs) {
      evaluation = evaluation.target(pair.target(), pair.anchor());
    }
    return Optional.of(evaluation);
  }

  private static String quoted(Set<String> prompts) {
    return prompts.stream().map(prompt -> "'" + prompt + "'").collect(Collectors.joining(", "));
  }
}
