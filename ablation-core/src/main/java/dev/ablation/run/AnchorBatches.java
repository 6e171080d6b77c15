package dev.ablation.run;

import ai.djl.ndarray.NDManager;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.train.BatchSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Batches of anchor images that are drawn, or read, when they are first needed. */
final class AnchorBatches implements BatchSource, AutoCloseable {
  private final RunContext context;
  private final PlanCheck check;
  private @Nullable AnchorSets anchors;
  private @Nullable BatchSource batches;

  AnchorBatches(RunContext context, PlanCheck check) {
    this.context = context;
    this.check = check;
  }

  @Override
  public void prepare() {
    ready();
  }

  private BatchSource ready() {
    BatchSource known = batches;
    if (known == null) {
      Plan plan = context.plan();
      try {
        AnchorSets prepared = AnchorSets.prepare(plan.model(), check.pairs(), context);
        anchors = prepared;
        context.continuation().anchorsAreReady();
        known = PairBatchSource.of(plan.batchChoices(), check.pairs(), prepared::of, plan.seed());
        batches = known;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return known;
  }

  @Override
  public TrainingBatch batch(int step, int size, NDManager scope) {
    return ready().batch(step, size, scope);
  }

  @Override
  public Optional<TrainingBatch> priorBatch(int step, int size, NDManager scope) {
    return ready().priorBatch(step, size, scope);
  }

  /** Frees the images. */
  @Override
  public void close() {
    AnchorSets drawn = anchors;
    if (drawn != null) {
      drawn.close();
    }
  }
}
