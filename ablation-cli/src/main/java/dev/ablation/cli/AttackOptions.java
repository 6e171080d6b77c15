package dev.ablation.cli;

import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.job.JobAttack;
import dev.ablation.job.JobEvaluation;
import dev.ablation.job.JobSession;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which attempts an evaluation makes to recover the target. */
final class AttackOptions {
  private static final int SECONDS_PER_MINUTE = 60;

  @Option(
      names = "--attacks",
      paramLabel = "SET",
      description =
          "Attempts to recover the target: quick, some minutes on the emoji model; full, everything with"
              + " the published budgets, hours; none. Default: the job's; without a job, other"
              + " wordings of the emoji model's targets.")
  private @Nullable Choice attacks;

  @Option(
      names = "--control",
      paramLabel = "FOLDER",
      description =
          "Checkpoint of a model that never knew the target. Every attack is made on it, too; what"
              + " the ablated model draws beyond it was not removed.")
  private @Nullable Path control;

  @SuppressWarnings("NullAway.Init") // picocli fills them in
  AttackOptions() {}

  /** A set of attacks. */
  enum Choice {
    /** Minutes. */
    QUICK,
    /** Everything. */
    FULL,
    /** Nothing. */
    NONE;

    String kind() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** {@return whether attacks are to be made that the evaluation does not make by itself} */
  boolean wanted() {
    return (attacks != null && attacks != Choice.NONE) || control != null;
  }

  /** Puts what was given into the description of an evaluation. */
  JobEvaluation of(JobEvaluation evaluation) {
    JobEvaluation changed = evaluation;
    if (attacks != null) {
      changed = changed.attacks(List.of(JobAttack.of(attacks.kind())));
    }
    if (control != null) {
      changed = changed.control(control.toAbsolutePath().normalize());
    }
    return changed;
  }

  /** Tells what a set of attacks takes, and what it leaves out, before it begins. */
  static void tell(Evaluation evaluation, JobSession session, PrintWriter err) {
    boolean set =
        session.job().evaluation().attacks().stream()
            .anyMatch(attack -> List.of(JobAttack.QUICK, JobAttack.FULL).contains(attack.kind()));
    if (!set) {
      return;
    }
    AttackCost cost = evaluation.attackCost(session.model());
    int batchSize = evaluation.protocol().sampling().batchSize();
    err.printf(
        "%d attacks on %s: %s; about %s%n",
        evaluation.attacks().size(),
        evaluation.control().isPresent()
            ? "base model, ablated model and control"
            : "base model and ablated model",
        cost,
        words(cost.time(session.model(), batchSize)));
    evaluation
        .attacksLeftOut()
        .forEach((attack, reason) -> err.printf("left out: %s: %s%n", attack, reason));
    err.flush();
  }

  private static String words(Duration time) {
    return time.toSeconds() < SECONDS_PER_MINUTE
        ? time.toSeconds() + " s"
        : time.toHours() < 2 ? time.toMinutes() + " min" : time.toHours() + " h";
  }
}
