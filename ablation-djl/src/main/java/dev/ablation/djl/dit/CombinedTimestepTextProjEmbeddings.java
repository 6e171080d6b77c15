package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.TimestepEmbedding;
import dev.ablation.djl.nn.Timesteps;
import org.jspecify.annotations.Nullable;

/**
 * The condition of the blocks: embeddings of the timestep, of the pooled text and, in a network
 * distilled with guidance, of the guidance scale, added ({@code CombinedTimestepTextProjEmbeddings}
 * and {@code CombinedTimestepGuidanceTextProjEmbeddings}).
 *
 * <ul>
 *   <li>inputs: timesteps (B) in 0..1000; pooled text (B, P); the guidance scale (B) times 1000,
 *       where there is one
 *   <li>output: (B, C)
 * </ul>
 */
public final class CombinedTimestepTextProjEmbeddings extends Layer {
  private static final int FREQUENCIES = 256;

  private final Timesteps timeProj;
  private final TimestepEmbedding timestepEmbedder;
  private final @Nullable TimestepEmbedding guidanceEmbedder;
  private final TimestepEmbedding textEmbedder;

  /**
   * Creates the layer.
   *
   * @param width C
   * @param pooledWidth P
   * @param withGuidance whether the guidance scale is embedded
   */
  public CombinedTimestepTextProjEmbeddings(int width, int pooledWidth, boolean withGuidance) {
    timeProj = child("time_proj", new Timesteps(FREQUENCIES, true, 0));
    timestepEmbedder = child("timestep_embedder", embedding(FREQUENCIES, width));
    guidanceEmbedder =
        withGuidance ? child("guidance_embedder", embedding(FREQUENCIES, width)) : null;
    textEmbedder = child("text_embedder", embedding(pooledWidth, width));
  }

  private static TimestepEmbedding embedding(int in, int out) {
    return new TimestepEmbedding(in, out, Activation.SILU);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray sum = timestepEmbedder.apply(timeProj.apply(in.get(0)));
    if (guidanceEmbedder != null) {
      sum = Kernels.ADD_TO.applyAndClose(sum, guidanceEmbedder.apply(timeProj.apply(in.get(2))));
    }
    return new NDList(Kernels.ADD_TO.applyAndClose(sum, textEmbedder.apply(in.get(1))));
  }
}
