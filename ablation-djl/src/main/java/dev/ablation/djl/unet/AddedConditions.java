package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/**
 * What SDXL adds to the time embedding ({@code text_time}; Podell et al. 2023, arXiv 2307.01952,
 * section 2.2): the pooled text embedding and the sinusoidal features of some numbers, embedded.
 *
 * <ul>
 *   <li>inputs: pooled text embeddings (B, P); features of n numbers each (B n, F)
 *   <li>output: (B, width of the time embedding)
 * </ul>
 */
final class AddedConditions extends Layer {
  private static final Kernel JOIN =
      Kernel.of("(p, f): return torch.cat([p, torch.reshape(f, [p.size(0), -1])], 1)");

  private final Activation activation;
  private final Linear linear1;
  private final Linear linear2;

  AddedConditions(UNetConfig config) {
    activation = config.activation();
    linear1 = child("linear_1", new Linear(config.additionWidth(), config.timeWidth()));
    linear2 = child("linear_2", new Linear(config.timeWidth(), config.timeWidth()));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray joined = JOIN.call(in.get(0), in.get(1));
    return new NDList(linear2.apply(activation.apply(linear1.apply(joined))));
  }
}
