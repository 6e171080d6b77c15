package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * Keeps what is predicted for random text embeddings (Lyu et al., <i>One-dimensional Adapter to
 * Rule Them All</i>, CVPR 2024, arXiv 2312.16145, section 3.2, "Latent Anchoring"), without naming
 * what to keep. An embedding has a random direction, which is drawn anew with the probability of
 * its cosine to the target's embedding, and 0.8 to 1.2 times the length of the target's.
 *
 * @param weight of its mean squared error beside the removal's, positive
 * @param embeddings drawn in each step, positive; the points of the batch's rows are used in turn
 */
@CheckReturnValue
public record LatentAnchoring(double weight, int embeddings) {
  private static final double LEAST = 0.8;
  private static final double MOST = 1.2;
  private static final List<String> DRAWN = List.of(Conditioning.TEXT, Conditioning.POOLED);

  /** Checks the ranges. */
  public LatentAnchoring {
    Preconditions.checkArgument(
        weight > 0 && Double.isFinite(weight), "weight must be positive, was %s", weight);
    Preconditions.checkArgument(embeddings > 0, "embeddings must be positive, was %s", embeddings);
  }

  /** {@return the published settings: weight 1000, 4 embeddings} */
  public static LatentAnchoring published() {
    return new LatentAnchoring(1000, 4);
  }

  /**
   * Changes the weight.
   *
   * @param weight positive
   * @return a copy with the given weight
   */
  public LatentAnchoring weight(double weight) {
    return new LatentAnchoring(weight, embeddings);
  }

  /**
   * Changes the number of embeddings.
   *
   * @param embeddings drawn in each step, positive
   * @return a copy with the given number
   */
  public LatentAnchoring embeddings(int embeddings) {
    return new LatentAnchoring(weight, embeddings);
  }

  /** The unweighted loss at some points, (B, C, H, W). */
  NDArray loss(ObjectiveContext context, NDArray points) {
    TrainingBatch batch = context.batch();
    NDArray at = rows(points, context.scope());
    NDArray times = rows(batch.timesteps(), context.scope());
    Conditioning drawn = drawn(context);
    NDArray aim = context.predict(Teacher.FROZEN_WEIGHTS, at, times, drawn);
    return context.predict(at, times, drawn).sub(aim).square().mean();
  }

  /** Random embeddings in place of the target's, of which the other conditions stay. */
  Conditioning drawn(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    NDManager scope = context.scope();
    Conditioning target =
        context
            .encode(Teacher.FROZEN_WEIGHTS, batch.targetPrompts())
            .with(batch.conditions())
            .map(array -> rows(array, scope));
    RandomGenerator random = context.random("latent anchoring");
    Map<String, NDArray> drawn = new LinkedHashMap<>();
    for (String name : DRAWN) {
      if (target.has(name)) {
        drawn.put(name, drawn(target.get(name), random, scope));
      }
    }
    return target.with(drawn);
  }

  private static NDArray drawn(NDArray target, RandomGenerator random, NDManager scope) {
    Shape one = target.getShape().slice(1);
    NDList rows = new NDList();
    for (int i = 0; i < target.getShape().get(0); i++) {
      float[] like = target.get(i).toFloatArray();
      rows.add(scope.create(drawn(like, random), one));
    }
    // Copied, so that the array is not in a Java buffer, which is freed with its handle.
    NDArray stacked = NDArrays.stack(rows, 0).duplicate().toDevice(target.getDevice(), false);
    stacked.attach(scope);
    return stacked;
  }

  /** One embedding like the target's. */
  static float[] drawn(float[] target, RandomGenerator random) {
    double length = Math.sqrt(dot(target, target));
    double[] direction = new double[target.length];
    double norm;
    double cosine;
    do {
      double squares = 0;
      double product = 0;
      for (int i = 0; i < direction.length; i++) {
        direction[i] = random.nextGaussian();
        squares += direction[i] * direction[i];
        product += direction[i] * target[i];
      }
      norm = Math.sqrt(squares);
      cosine = length == 0 ? 0 : product / (norm * length);
    } while (random.nextDouble() >= 1 - cosine);
    double scale = (LEAST + (MOST - LEAST) * random.nextDouble()) * length / norm;
    float[] drawn = new float[target.length];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = (float) (scale * direction[i]);
    }
    return drawn;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  /** As many rows as embeddings are drawn, those of the batch in turn. */
  private NDArray rows(NDArray array, NDManager scope) {
    long size = array.getShape().get(0);
    List<NDArray> chosen = new ArrayList<>();
    for (int i = 0; i < embeddings; i++) {
      long row = i % size;
      chosen.add(array.get(row + ":" + (row + 1)));
    }
    NDArray rows = NDArrays.concat(new NDList(chosen), 0);
    rows.attach(scope);
    return rows;
  }

  String described() {
    return "latent anchoring %s, %d embeddings".formatted(weight, embeddings);
  }
}
