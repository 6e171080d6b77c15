package dev.ablation.djl.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.AdamW;
import dev.ablation.model.Optimizer;
import java.util.Collections;
import java.util.List;

/** AdamW on all weights at once, by PyTorch's fused kernel. */
final class FusedAdamW implements Optimizer {
  private static final Kernel NORM =
      Kernel.of("(like, g: List[Tensor]): return torch.norm(torch.stack(torch._foreach_norm(g)))");

  /** {@code (like, gradients, factor)}: scales all gradients in place. */
  private static final Kernel SCALE =
      Kernel.of(
          """
          (like, g: List[Tensor], f: List[Tensor]):
              torch._foreach_mul_(g, f[0])
              return like\
          """);

  private final Kernel step;
  private final NDList weights;
  private final NDManager manager;
  private final NDList first = new NDList();
  private final NDList second = new NDList();

  /** Decides the owner of kernels' results; names of list members would clash with it. */
  private final NDArray owner;

  /** Of learning rates: the kernel takes one of double precision from the CPU alone. */
  private final NDManager host;

  private final Runnable afterStep;
  private long steps;

  FusedAdamW(AdamW settings, NDList weights, NDManager manager, Runnable afterStep) {
    this.afterStep = afterStep;
    step = kernel(settings);
    this.weights = weights;
    this.manager = manager;
    for (NDArray weight : weights) {
      first.add(manager.zeros(weight.getShape()));
      second.add(manager.zeros(weight.getShape()));
    }
    owner = manager.zeros(new Shape());
    host = manager.newSubManager(Device.cpu());
  }

  /**
   * {@code (like, weights, gradients, first, second, counts, rate)}: updates weights and moments.
   * The fused kernel reads memory in order, but the gradient of a convolution may have channels
   * last.
   */
  private static Kernel kernel(AdamW settings) {
    return Kernel.of(
        """
        (like, p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], t: List[Tensor], r: List[Tensor]):
            h = [torch.contiguous(x) for x in g]
            torch._fused_adamw_(p, h, m, v, [], t, lr=r[0], beta1=%s, beta2=%s, weight_decay=%s, eps=%s, amsgrad=False, maximize=False)
            return like\
        """
            .formatted(
                settings.beta1(), settings.beta2(), settings.weightDecay(), settings.epsilon()));
  }

  @Override
  public double step(NDList gradients, double learningRate, double maxGradientNorm) {
    return GradMode.with(
        false,
        () -> {
          double norm;
          try (NDArray total = NORM.callWithLists(owner, gradients).head()) {
            norm = total.getFloat();
          }
          if (!Double.isFinite(norm)) {
            return norm;
          }
          double factor = Math.min(1, maxGradientNorm / (norm + 1e-6));
          if (factor < 1) {
            try (NDArray scale = manager.create((float) factor)) {
              SCALE.callWithLists(owner, gradients, List.of(scale)).close();
            }
          }
          steps++;
          try (NDArray count = manager.create((float) steps);
              NDArray rate = host.create(learningRate)) {
            List<NDArray> counts = Collections.nCopies(weights.size(), count);
            step.callWithLists(owner, weights, gradients, first, second, counts, List.of(rate))
                .close();
          }
          afterStep.run();
          return norm;
        });
  }

  @Override
  public long steps() {
    return steps;
  }

  @Override
  public NDList moments() {
    NDList moments = new NDList(first);
    moments.addAll(second);
    return moments;
  }

  @Override
  public void restore(NDList moments, long steps) {
    if (moments.size() != 2 * weights.size()) {
      throw new IllegalArgumentException(
          "moments: expected %d arrays, were %d".formatted(2 * weights.size(), moments.size()));
    }
    NDList own = moments();
    for (int i = 0; i < own.size(); i++) {
      Kernels.copy(moments.get(i), own.get(i));
    }
    this.steps = steps;
  }
}
