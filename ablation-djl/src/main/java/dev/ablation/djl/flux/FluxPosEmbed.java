package dev.ablation.djl.flux;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import java.util.List;

/**
 * Position ids (N, 3) to the cosines and sines of rotary embeddings (Su et al. 2021, arXiv
 * 2104.09864): each id turns its share of a head, with the frequencies {@code 10000^(-2i/d)}. Both
 * outputs are (N, width of a head), each value twice, for a pair of neighbours.
 */
final class FluxPosEmbed extends Layer {
  private final Kernel kernel;

  FluxPosEmbed(List<Integer> axes) {
    StringBuilder body = new StringBuilder("(ids):\n");
    StringBuilder angles = new StringBuilder();
    for (int i = 0; i < axes.size(); i++) {
      // In float64, as a large id times a frequency loses too much in float32.
      body.append(
          """
              e%1$d = torch.div(torch.arange(0, %2$d, 2, dtype=7, layout=None, device=ids.device, pin_memory=False), %2$d)
              f%1$d = torch.reciprocal(torch.pow(10000., e%1$d))
              a%1$d = torch.mul(torch.unsqueeze(torch.to(torch.select(ids, 1, %1$d), 7), 1), torch.unsqueeze(f%1$d, 0))
          """
              .formatted(i, axes.get(i)));
      angles.append(i == 0 ? "a" : ", a").append(i);
    }
    body.append(
        """
            a = torch.repeat_interleave(torch.cat([%s], 1), 2, 1)
            return (torch.to(torch.cos(a), 6), torch.to(torch.sin(a), 6))\
        """
            .formatted(angles));
    kernel = Kernel.of(body.toString());
  }

  @Override
  protected NDList call(NDList in) {
    return kernel.callAll(in.get(0));
  }
}
