package dev.ablation.job;

import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** Compares an evaluation with the limits of a job. */
public final class Acceptance {
  private static final double PERCENT = 100;

  private final Optional<EvaluationResult> found;

  private Acceptance(Optional<EvaluationResult> found) {
    this.found = found;
  }

  /**
   * Judges a result.
   *
   * @param limits of the job
   * @param evaluation of the result; empty if there is none
   * @return a verdict for each limit, in their order
   */
  public static List<Verdict> verdicts(
      List<AcceptanceLimit> limits, Optional<EvaluationResult> evaluation) {
    Acceptance acceptance = new Acceptance(evaluation);
    return limits.stream()
        .map(limit -> new Verdict(limit, acceptance.measure(limit.measure())))
        .toList();
  }

  /**
   * Measures what a limit compares.
   *
   * @param measure as in {@link AcceptanceLimit}
   * @param evaluation the result
   * @return the value; empty if the evaluation did not measure it
   */
  public static OptionalDouble measure(String measure, EvaluationResult evaluation) {
    return new Acceptance(Optional.of(evaluation)).measure(measure);
  }

  private OptionalDouble measure(String measure) {
    return switch (measure) {
      case AcceptanceLimit.UNLEARNING -> unlearning();
      case AcceptanceLimit.IN_DOMAIN -> kept(Role.NEIGHBOUR);
      case AcceptanceLimit.CROSS_DOMAIN -> kept(Role.UNRELATED);
      case AcceptanceLimit.RECOVERED -> recovered();
      default -> {
        int of = measure.lastIndexOf(" of ");
        Role role = Role.valueOf(measure.substring(of + 4).toUpperCase(Locale.ROOT));
        yield mean(role, measure.substring(0, of));
      }
    };
  }

  private List<SubjectResult> subjects(Role role) {
    return found.map(result -> result.of(role)).orElse(List.of());
  }

  private static Optional<MetricResult> metric(SubjectResult subject, String name) {
    return subject.metrics().stream()
        .filter(comparison -> comparison.metric().equals(name))
        .map(Comparison::ablated)
        .findFirst();
  }

  /** A memorized image is counted by its copies, anything else by what shows it. */
  private OptionalDouble unlearning() {
    double sum = 0;
    List<SubjectResult> targets = subjects(Role.TARGET);
    for (SubjectResult target : targets) {
      Optional<MetricResult> shown =
          metric(target, JobEvaluations.COPIES).or(() -> metric(target, JobEvaluations.DRAWN));
      if (shown.isEmpty()) {
        return OptionalDouble.empty();
      }
      sum += 1 - shown.get().value();
    }
    return targets.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(PERCENT * sum / targets.size());
  }

  /** The share over the images of all subjects together. */
  private OptionalDouble kept(Role role) {
    double kept = 0;
    int right = 0;
    for (SubjectResult subject : subjects(role)) {
      Optional<MetricResult> share = metric(subject, KeptShare.NAME);
      if (share.isPresent()) {
        int images = share.get().counts().getOrDefault("images", 0);
        kept += images * share.get().value();
        right += images;
      }
    }
    return right == 0 ? OptionalDouble.empty() : OptionalDouble.of(PERCENT * kept / right);
  }

  private OptionalDouble recovered() {
    return found.stream()
        .flatMap(result -> result.attacks().stream())
        .mapToDouble(attack -> PERCENT * attack.recovered().ablated().value())
        .max();
  }

  private OptionalDouble mean(Role role, String name) {
    return subjects(role).stream()
        .map(subject -> metric(subject, name))
        .flatMap(Optional::stream)
        .mapToDouble(
            result -> result.unit() == Unit.SHARE ? PERCENT * result.value() : result.value())
        .average();
  }
}
