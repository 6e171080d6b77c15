package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import dev.ablation.metric.EvaluationProgress;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The removals of several requests that apply to one model together: their deltas add up, and their
 * evaluations say whether a later one brings back what an earlier one removed.
 *
 * {@snippet class="dev.ablation.job.Snippets" region="together"}
 */
@CheckReturnValue
public final class Removals {
  private final List<EvidenceBundle> bundles;
  private final List<String> requests;
  private final UnaryOperator<JobEvaluation> change;
  private final BiConsumer<Evaluation, JobSession> planned;

  private Removals(
      List<EvidenceBundle> bundles,
      List<String> requests,
      UnaryOperator<JobEvaluation> change,
      BiConsumer<Evaluation, JobSession> planned) {
    this.bundles = List.copyOf(bundles);
    this.requests = List.copyOf(requests);
    this.change = change;
    this.planned = planned;
  }

  private Removals(List<EvidenceBundle> bundles, List<String> requests) {
    this(bundles, requests, UnaryOperator.identity(), (evaluation, session) -> {});
  }

  /**
   * Evaluates otherwise than the jobs say, such as with more attacks.
   *
   * @param changed from the evaluation of each job to the one that is made
   * @return the same removals
   */
  public Removals evaluated(UnaryOperator<JobEvaluation> changed) {
    return new Removals(bundles, requests, changed, planned);
  }

  /**
   * Finds the removals that a ledger applies.
   *
   * @param ledger the file
   * @return its entries that apply, in their order
   * @throws IOException if the ledger or the evidence of an entry cannot be read, or a delta is
   *     another one than was entered
   */
  public static Removals of(Path ledger) throws IOException {
    return of(ledger, Ledger.read(ledger));
  }

  static Removals of(Path ledger, List<LedgerEntry> entries) throws IOException {
    List<EvidenceBundle> bundles = new ArrayList<>();
    List<String> requests = new ArrayList<>();
    for (LedgerEntry entry : entries) {
      if (!entry.active()) {
        continue;
      }
      EvidenceBundle bundle = EvidenceBundle.open(Ledger.bundle(ledger, entry));
      Path delta = bundle.folder().resolve(JobRun.DELTA);
      String sha256 = Sha256.of(delta);
      if (!sha256.equals(entry.deltaSha256())) {
        throw new IOException(
            "%s: the delta of request '%s' must have SHA-256 %s, has %s"
                .formatted(delta, entry.request(), entry.deltaSha256(), sha256));
      }
      bundles.add(bundle);
      requests.add(entry.request());
    }
    return new Removals(bundles, requests);
  }

  /**
   * Takes one removal, without a ledger.
   *
   * @param bundle its evidence
   * @return that removal alone
   */
  public static Removals of(EvidenceBundle bundle) {
    return new Removals(List.of(bundle), List.of(bundle.request()));
  }

  /**
   * Learns of every evaluation before it begins.
   *
   * @param listener receives the evaluation and its session, which stays open meanwhile
   * @return the same removals
   */
  public Removals planned(BiConsumer<Evaluation, JobSession> listener) {
    return new Removals(bundles, requests, change, listener);
  }

  /** {@return the evidence of each removal, in their order} */
  public List<EvidenceBundle> bundles() {
    return bundles;
  }

  /**
   * Adds the deltas up, in full: where their gates differ, the sum has none.
   *
   * @param model the base model
   * @return the sum, owned by the caller; empty if nothing is removed
   * @throws IOException if a delta cannot be read
   */
  public Optional<WeightDelta> sum(DiffusionModel model) throws IOException {
    return sum(bundles.stream().map(each -> each.folder().resolve(JobRun.DELTA)).toList(), model);
  }

  /**
   * Adds up the deltas of files, in full: where their gates differ, the sum has none.
   *
   * @param files in their order
   * @param model the base model
   * @return the sum, owned by the caller; empty if there are no files
   * @throws IOException if a delta cannot be read
   */
  public static Optional<WeightDelta> sum(List<Path> files, DiffusionModel model)
      throws IOException {
    WeightDelta sum = null;
    try {
      for (Path file : files) {
        WeightDelta next = WeightDelta.load(file, model.manager());
        if (sum == null) {
          sum = next;
          continue;
        }
        WeightDelta before = sum;
        try (before;
            next) {
          sum = plus(before, next);
        }
      }
      return Optional.ofNullable(sum);
    } catch (IOException | RuntimeException e) {
      if (sum != null) {
        sum.close();
      }
      throw e;
    }
  }

  /** Adds deltas as they act where nothing asks for their gates: in full, on every prompt. */
  static WeightDelta plus(WeightDelta one, WeightDelta other) {
    if (one.gate().equals(other.gate())) {
      return one.plus(other);
    }
    try (WeightDelta first = one.ungated();
        WeightDelta second = other.ungated()) {
      return first.plus(second);
    }
  }

  /**
   * Evaluates every removal by its own job, with the deltas of all applied.
   *
   * @param model the base model
   * @param listener called after each batch of images
   * @param cancelled whether to stop; asked before each batch and each sampling step
   * @return a finding for each removal, in their order
   * @throws CancellationException if it was cancelled
   * @throws IOException if a file cannot be read
   */
  public List<TogetherResult> evaluate(
      DiffusionModel model,
      Consumer<? super EvaluationProgress> listener,
      BooleanSupplier cancelled)
      throws IOException {
    Optional<WeightDelta> sum = sum(model);
    if (sum.isEmpty()) {
      return List.of();
    }
    try (WeightDelta delta = sum.get()) {
      return evaluate(model, delta, listener, cancelled);
    }
  }

  /** The same with a delta that a new removal added to. */
  List<TogetherResult> evaluate(
      DiffusionModel model,
      WeightDelta sum,
      Consumer<? super EvaluationProgress> listener,
      BooleanSupplier cancelled)
      throws IOException {
    List<TogetherResult> results = new ArrayList<>();
    for (int i = 0; i < bundles.size(); i++) {
      EvidenceBundle bundle = bundles.get(i);
      AblationJob job = bundle.job();
      AblationJob evaluated = job.evaluation(change.apply(job.evaluation()));
      try (JobSession session = JobSession.open(evaluated, model)) {
        session.evaluationAlone().ifPresent(each -> planned.accept(each, session));
        results.add(
            evaluate(
                session,
                requests.get(i),
                bundle.evaluationIfAny().orElse(null),
                sum,
                listener,
                cancelled));
      }
    }
    return List.copyOf(results);
  }

  static TogetherResult evaluate(
      JobSession session,
      String request,
      @Nullable EvaluationResult alone,
      WeightDelta sum,
      Consumer<? super EvaluationProgress> listener,
      BooleanSupplier cancelled)
      throws IOException {
    Optional<Evaluation> evaluation = session.evaluationAlone();
    Optional<EvaluationResult> found = Optional.empty();
    if (evaluation.isPresent()) {
      found = Optional.of(evaluation.get().run(session.model(), sum, listener, cancelled));
    }
    return new TogetherResult(
        request,
        session.plan().pairs().stream().map(pair -> pair.target().toString()).toList(),
        found,
        Optional.ofNullable(alone),
        Acceptance.verdicts(session.job().acceptance(), found));
  }
}
