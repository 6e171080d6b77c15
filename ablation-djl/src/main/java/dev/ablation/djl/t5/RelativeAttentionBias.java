package dev.ablation.djl.t5;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;

/**
 * A learned bias of the attention's scores for the distance from query to key (Raffel et al. 2020,
 * section 2.1): one for each short distance, then one for each of ever longer ranges, both ways.
 *
 * <ul>
 *   <li>input: states (B, n, D), of which only n counts
 *   <li>output: (1, heads, n, n)
 * </ul>
 */
final class RelativeAttentionBias extends Layer {
  private final Weight weight;
  private final Kernel kernel;

  RelativeAttentionBias(T5Config config) {
    weight = weight("weight", config.positionBuckets(), config.heads());
    int half = config.positionBuckets() / 2;
    int exact = half / 2;
    kernel =
        Kernel.of(
            """
            (x, w):
                p = torch.arange(x.size(1), dtype=4, layout=None, device=x.device, pin_memory=False)
                r = torch.sub(torch.unsqueeze(p, 0), torch.unsqueeze(p, 1))
                d = torch.abs(r)
                f = torch.mul(torch.div(torch.log(torch.div(torch.to(d, 6), %2$d)), %3$s), %4$d)
                far = torch.clamp(torch.add(torch.to(f, 4), %2$d), None, %5$d)
                b = torch.where(torch.lt(d, %2$d), d, far)
                bucket = torch.add(torch.mul(torch.to(torch.gt(r, 0), 4), %1$d), b)
                return torch.unsqueeze(torch.permute(torch.embedding(w, bucket), [2, 0, 1]), 0)\
            """
                .formatted(
                    half,
                    exact,
                    Math.log((double) config.maxDistance() / exact),
                    half - exact,
                    half - 1));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(kernel.call(in.get(0), weight.get()));
  }
}
