package dev.ablation.serve;

import dev.ablation.model.DiffusionModel;
import java.util.function.BooleanSupplier;

/**
 * What a request does with the model.
 *
 * @param <T> its result
 */
@FunctionalInterface
public interface PoolTask<T> {
  /**
   * Uses the model.
   *
   * @param model a view with the deltas of the request's variant applied; not to be closed or kept
   * @param cancelled whether nobody waits for the result any more, because the request was
   *     cancelled or its deadline has passed; for {@link
   *     dev.ablation.sample.LatentSampler#cancellation}
   * @return the result; it must not be an array of the model, which may be closed before it is read
   * @throws Exception ends the request
   */
  T run(DiffusionModel model, BooleanSupplier cancelled) throws Exception;
}
