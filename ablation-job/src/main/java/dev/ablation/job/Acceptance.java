package dev.ablation.job;

import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.evaluation.Recovery.Excess;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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

  /**
   * Finds how certain a share is that {@link #measure} returns.
   *
   * @param measure UA, IRA, CRA, recovered or excess
   * @param evaluation the result
   * @return the confidence interval in percent, over the images of all subjects together; empty if
   *     the evaluation did not measure it, or for another measure
   */
  public static Optional<ConfidenceInterval> interval(String measure, EvaluationResult evaluation) {
    return new Acceptance(Optional.of(evaluation)).interval(measure);
  }

  private Optional<ConfidenceInterval> interval(String measure) {
    return switch (measure) {
      case AcceptanceLimit.UNLEARNING ->
          ofShares(subjects(Role.TARGET).stream().flatMap(each -> shown(each).stream()), true);
      case AcceptanceLimit.IN_DOMAIN -> ofKept(Role.NEIGHBOUR);
      case AcceptanceLimit.CROSS_DOMAIN -> ofKept(Role.UNRELATED);
      case AcceptanceLimit.RECOVERED ->
          recoveries()
              .map(Recovery::ablated)
              .max(Comparator.comparingDouble(MetricResult::value))
              .map(MetricResult::interval)
              .map(interval -> interval.times(PERCENT));
      case AcceptanceLimit.EXCESS ->
          excess().map(Excess::interval).map(interval -> interval.times(PERCENT));
      default -> Optional.empty();
    };
  }

  private Optional<ConfidenceInterval> ofKept(Role role) {
    return ofShares(
        subjects(role).stream().flatMap(each -> metric(each, JobEvaluations.KEPT).stream()), false);
  }

  /** The interval of the images that all shares count, taken together. */
  private static Optional<ConfidenceInterval> ofShares(
      Stream<MetricResult> shares, boolean inverse) {
    double[] hits =
        shares
            .flatMapToDouble(share -> {
              int images = share.counts().getOrDefault("images", 0);
              long hit = Math.round(share.value() * images);
              return IntStream.range(0, images).mapToDouble(i -> (i < hit) != inverse ? 1 : 0);
            })
            .toArray();
    return hits.length == 0
        ? Optional.empty()
        : Optional.of(Bootstrap.defaults().ofShare(hits).times(PERCENT));
  }

  private OptionalDouble measure(String measure) {
    return switch (measure) {
      case AcceptanceLimit.UNLEARNING -> unlearning();
      case AcceptanceLimit.IN_DOMAIN -> kept(Role.NEIGHBOUR);
      case AcceptanceLimit.CROSS_DOMAIN -> kept(Role.UNRELATED);
      case AcceptanceLimit.RECOVERED -> recovered();
      case AcceptanceLimit.EXCESS ->
          excess().map(Acceptance::percent).orElse(OptionalDouble.empty());
      case AcceptanceLimit.SCORE ->
          found
              .flatMap(EvaluationResult::score)
              .map(score -> OptionalDouble.of(PERCENT * score.value()))
              .orElse(OptionalDouble.empty());
      default -> {
        int of = measure.lastIndexOf(" of ");
        Role role =
            Role.valueOf(measure.substring(of + 4).toUpperCase(Locale.ROOT).replace('-', '_'));
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
      Optional<MetricResult> shown = shown(target);
      if (shown.isEmpty()) {
        return OptionalDouble.empty();
      }
      sum += 1 - shown.get().value();
    }
    return targets.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(PERCENT * sum / targets.size());
  }

  private static Optional<MetricResult> shown(SubjectResult target) {
    return metric(target, JobEvaluations.COPIES).or(() -> metric(target, JobEvaluations.DRAWN));
  }

  /** The share over the images of all subjects together. */
  private OptionalDouble kept(Role role) {
    double kept = 0;
    int right = 0;
    for (SubjectResult subject : subjects(role)) {
      Optional<MetricResult> share = metric(subject, JobEvaluations.KEPT);
      if (share.isPresent()) {
        int images = share.get().counts().getOrDefault("images", 0);
        kept += images * share.get().value();
        right += images;
      }
    }
    return right == 0 ? OptionalDouble.empty() : OptionalDouble.of(PERCENT * kept / right);
  }

  /** Of each attack, by a judge that it did not follow; of one that has none, nothing. */
  private Stream<Recovery> recoveries() {
    return found.stream()
        .flatMap(result -> result.attacks().stream())
        .map(AttackResult::independent)
        .flatMap(Optional::stream);
  }

  private OptionalDouble recovered() {
    return recoveries().mapToDouble(each -> PERCENT * each.ablated().value()).max();
  }

  private static OptionalDouble percent(Excess excess) {
    return OptionalDouble.of(PERCENT * excess.value());
  }

  /** Of the most successful attack; empty if one was made without a control. */
  private Optional<Excess> excess() {
    List<Recovery> attacks = recoveries().toList();
    List<Excess> all =
        attacks.stream()
            .map(Recovery::excess)
            .filter(Objects::nonNull)
            .map(Objects::requireNonNull)
            .toList();
    return all.size() < attacks.size()
        ? Optional.empty()
        : all.stream().max(Comparator.comparingDouble(Excess::value));
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
