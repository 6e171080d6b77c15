package dev.ablation.job;

import dev.ablation.concept.ConceptKind;
import dev.ablation.job.internal.Names;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What is wrong with a job, as far as it shows without the model. */
final class JobCheck {
  private final AblationJob job;
  private final List<String> problems = new ArrayList<>();

  JobCheck(AblationJob job) {
    this.job = job;
  }

  List<String> problems() {
    targets();
    method();
    evaluation();
    acceptance();
    outputs();
    if (problems.isEmpty() && job.model().isEmbedded()) {
      problems.addAll(EmbeddedTargets.problems(job));
    }
    return List.copyOf(problems);
  }

  private void targets() {
    if (job.targets().isEmpty()) {
      problems.add("targets: must not be empty");
    }
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < job.targets().size(); i++) {
      JobTarget target = job.targets().get(i);
      String at = "targets[" + i + "]";
      if (!seen.add(target.name().strip().toLowerCase(Locale.ROOT))) {
        problems.add(
            at
                + ".name: target must be named once, but '%s' was named more often"
                    .formatted(target.name()));
      }
      target(at, target);
    }
  }

  private void target(String at, JobTarget target) {
    ConceptKind kind = target.kind();
    boolean pairs = kind == ConceptKind.PROMPT_PAIRS;
    JobAnchor anchor = target.anchor();
    if (!job.model().isEmbedded()) {
      if (kind == null) {
        problems.add(at + ".kind: is required with this model");
        return;
      }
      if (anchor == null) {
        problems.add(at + ".anchor: is required with this model");
      }
    }
    if (pairs == (target.file() == null && target.pairs().isEmpty())) {
      problems.add(
          pairs
              ? at + ": prompt-pairs need a file or pairs"
              : at + ": " + misplaced(target) + " must stand with kind prompt-pairs alone");
      if (!pairs) {
        removeIfImage(at, target);
      }
    }
    if (target.file() != null && !target.pairs().isEmpty()) {
      problems.add(at + ": file and pairs contradict each other; give one of them");
    }
    if (!target.others().isEmpty() && pairs) {
      problems.add(at + ".others: must not stand with kind prompt-pairs");
    }
    if (anchor != null) {
      anchor(at + ".anchor", target, anchor);
    }
  }

  private static String misplaced(JobTarget target) {
    return target.pairs().isEmpty() ? "file" : "pairs";
  }

  /** The file of a memorized image is in its place. */
  private void removeIfImage(String at, JobTarget target) {
    if (target.kind() == ConceptKind.MEMORIZED_IMAGE && target.pairs().isEmpty()) {
      problems.remove(at + ": file must stand with kind prompt-pairs alone");
    }
  }

  private void anchor(String at, JobTarget target, JobAnchor anchor) {
    String kind = anchor.kind() == null ? "generated" : anchor.kind();
    boolean unconditional = kind.equals("unconditional");
    if (unconditional
        ? anchor.name() != null
        : anchor.name() == null && !job.model().isEmbedded()) {
      problems.add(
          at
              + (unconditional
                  ? ".name: must not stand with kind 'unconditional'"
                  : ".name: is required"));
    }
    if (anchor.name() != null && anchor.name().strip().equalsIgnoreCase(target.name().strip())) {
      problems.add(
          at + ".name: must differ from the target's, both were '%s'".formatted(target.name()));
    }
    if (!anchor.prompts().isEmpty() && anchor.path() != null) {
      problems.add(at + ": prompts and path contradict each other; give one of them");
    }
    if (kind.equals("images") && anchor.path() == null) {
      problems.add(at + ".path: is required with kind 'images', the folder of the images");
    }
    if (kind.equals("other-styles") == anchor.styles().isEmpty()) {
      problems.add(at + ".styles: must stand with kind 'other-styles', which requires them");
    }
    if (target.kind() == ConceptKind.MEMORIZED_IMAGE
        && kind.equals("generated")
        && anchor.prompts().isEmpty()
        && anchor.path() == null
        && !job.model().isEmbedded()) {
      problems.add(
          at
              + ".prompts: a memorized image needs prompts or path: paraphrases of the caption that"
              + " do not draw the image");
    }
  }

  private void method() {
    JobMethod method = job.method();
    JobClosedForm form = method.closedForm();
    if (form != null
        && form.isPolished()
        && job.model().isEmbedded()
        && !form.equals(JobClosedForm.of("sequences", true))) {
      problems.add(
          "method.closedForm.polish: on the emoji model must stand with kind 'sequences' alone");
    }
    JobObjective objective = method.objective();
    boolean redirects = objective != null && objective.isRedirection();
    if (redirects && method.earlyStopping() != null) {
      problems.add(
          "method.earlyStopping: must not stand with redirection: it watches prompts alone, by which the target is gone before redirection begins");
    }
    if (redirects && form != null && job.model().isEmbedded()) {
      problems.add(
          "method.closedForm: must not stand with redirection on the emoji model, which begins with one");
    }
    JobTraining training = method.training();
    if (training != null && training.steps() != null) {
      int steps = training.steps();
      JobLearningRate rate = training.learningRate();
      if (rate != null && rate.warmUpSteps() != null && rate.warmUpSteps() > steps) {
        problems.add(
            "method.training.learningRate.warmUpSteps: must be at most the steps, %d, was %d"
                .formatted(steps, rate.warmUpSteps()));
      }
      JobEarlyStopping early = method.earlyStopping();
      if (early != null && early.everySteps() != null && early.everySteps() > steps) {
        problems.add(
            "method.earlyStopping.everySteps: must be at most the steps, %d, was %d"
                .formatted(steps, early.everySteps()));
      }
    }
    if (method.earlyStopping() != null
        && (!evaluator().equals(JobEvaluation.EMBEDDED) || job.targets().size() != 1)) {
      problems.add("method.earlyStopping: needs the evaluator of the emoji model and one target");
    }
  }

  /** The name of the evaluator, or {@code "clip"}. */
  private String evaluator() {
    String named = job.evaluation().evaluator();
    if (named == null) {
      return job.model().isEmbedded() ? JobEvaluation.EMBEDDED : JobEvaluation.PIXELS;
    }
    return job.evaluation().evaluatorPath().isPresent() ? "clip" : named;
  }

  private void evaluation() {
    JobEvaluation evaluation = job.evaluation();
    String evaluator = evaluator();
    if (evaluator.equals(JobEvaluation.EMBEDDED) && !job.model().isEmbedded()) {
      problems.add("evaluation.evaluator: 'embedded' knows the emoji model alone");
    }
    if (evaluation.isNone() && !evaluation.equals(JobEvaluation.with(JobEvaluation.NONE))) {
      problems.add(
          "evaluation: evaluator 'none' contradicts images, neighbours, prompts, sampling or"
              + " attacks");
    }
    boolean attacked =
        evaluation.attacks().stream().anyMatch(attack -> !attack.kind().equals(JobAttack.NONE));
    if (evaluator.equals(JobEvaluation.PIXELS) && attacked) {
      problems.add(
          "evaluation.attacks: need an evaluator that recognises the target: 'embedded' or a CLIP"
              + " folder");
    }
    attacks(evaluation);
    for (int i = 0; i < evaluation.attacks().size(); i++) {
      JobAttack attack = evaluation.attacks().get(i);
      if (attack.kind().equals("sdedit") == (attack.originals() == null)) {
        problems.add(
            "evaluation.attacks[%d].originals: must stand with kind 'sdedit', which requires them"
                .formatted(i));
      }
    }
    if (evaluator.equals(JobEvaluation.EMBEDDED) && !evaluation.inPrompt().isEmpty()) {
      problems.add("evaluation.inPrompt: the emoji model draws one thing in an image");
    }
    for (String other : evaluation.inPrompt()) {
      if (other.isBlank()) {
        problems.add("evaluation.inPrompt: must not be blank");
      }
    }
    JobNearest nearest = evaluation.nearest();
    if (nearest != null && nearest.images() != null && evaluator.equals(JobEvaluation.PIXELS)) {
      problems.add(
          "evaluation.nearest.images: need an evaluator that compares them: 'embedded' or a CLIP"
              + " folder");
    }
    JobImageCounts images = evaluation.images();
    if (images != null
        && images.shown() != null
        && images.target() != null
        && images.shown() > images.target()) {
      problems.add(
          "evaluation.images.shown: must be at most the target's images, %d, was %d"
              .formatted(images.target(), images.shown()));
    }
  }

  private void attacks(JobEvaluation evaluation) {
    List<JobAttack> attacks = evaluation.attacks();
    List<String> presets =
        attacks.stream().filter(JobAttack::isPreset).map(JobAttack::kind).toList();
    if (presets.size() > 1 || (presets.contains(JobAttack.NONE) && attacks.size() > 1)) {
      problems.add(
          "evaluation.attacks: one of 'quick', 'full' and 'none' may stand, 'none' alone, were "
              + attacks.stream().map(JobAttack::kind).toList());
    }
    for (int i = 0; i < attacks.size(); i++) {
      JobAttack attack = attacks.get(i);
      Double strength = attack.strength();
      String at = "evaluation.attacks[%d]".formatted(i);
      if (strength == null) {
        continue;
      }
      if (attack.isPreset() || attack.kind().equals("wordings")) {
        problems.add(at + ".strength: must not stand with kind '%s'".formatted(attack.kind()));
      } else if (attack.kind().equals("noise") && strength <= 1) {
        problems.add(at + ".strength: eta must be above 1, was " + strength);
      } else if (attack.kind().equals("sdedit") && strength > 1) {
        problems.add(at + ".strength: must be at most 1, was " + strength);
      }
    }
    boolean wordings = attacks.isEmpty() && evaluator().equals(JobEvaluation.EMBEDDED);
    if (evaluation.control() != null
        && !wordings
        && (attacks.isEmpty() || presets.contains(JobAttack.NONE))) {
      problems.add("evaluation.control: needs evaluation.attacks, which are made on it");
    }
  }

  private void acceptance() {
    List<AcceptanceLimit> limits = job.acceptance();
    for (int i = 0; i < limits.size(); i++) {
      for (int k = 0; k < i; k++) {
        if (limits.get(k).contradicts(limits.get(i))) {
          problems.add(
              "acceptance: '%s' and '%s' contradict each other"
                  .formatted(limits.get(k), limits.get(i)));
        }
      }
      if (limits.get(i).measure().equals(AcceptanceLimit.EXCESS)
          && job.evaluation().control() == null) {
        problems.add("acceptance[%d]: '%s' needs evaluation.control".formatted(i, limits.get(i)));
      }
      String evaluator = evaluator();
      if (evaluator.equals(JobEvaluation.NONE)) {
        problems.add("acceptance[%d]: '%s' needs an evaluation".formatted(i, limits.get(i)));
      } else if (evaluator.equals(JobEvaluation.PIXELS)
          && !limits.get(i).measure().contains(" of ")) {
        problems.add(
            "acceptance[%d]: '%s' needs an evaluator that recognises concepts: a CLIP folder"
                .formatted(i, limits.get(i)));
      }
    }
  }

  private void outputs() {
    JobOutputs outputs = job.outputs();
    JobTraining training = job.method().training();
    if (outputs.lora() != null && (training == null || training.lora() == null)) {
      problems.add(
          "outputs.lora: needs method.training.lora, without which no factors are trained");
    }
  }

  /** Names a kind as files do. */
  static String name(ConceptKind kind) {
    return Names.of(kind);
  }
}
