package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.BlockKernels;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Residual block: {@code norm1 - activation - conv1 (+ time) - norm2 - activation - conv2}, plus
 * the input, which goes through a 1x1 convolution where the number of channels changes.
 *
 * <ul>
 *   <li>input x: (B, in, H, W); time embedding: (B, width), where the block has one
 *   <li>output: (B, out, H, W)
 * </ul>
 */
public final class ResnetBlock2D extends Layer {
  private final GroupNorm norm1;
  private final Conv2d conv1;
  private final @Nullable Linear timeEmbProj;
  private final GroupNorm norm2;
  private final Conv2d conv2;
  private final @Nullable Conv2d convShortcut;
  private final Activation activation;
  private final double outputScale;
  private final Kernel whole;

  /**
   * Creates a block.
   *
   * @param in channels
   * @param out channels
   * @param timeWidth width of the time embedding, 0 for a block without
   * @param settings shared by all blocks of a network
   */
  public ResnetBlock2D(int in, int out, int timeWidth, ResnetSettings settings) {
    activation = settings.activation();
    outputScale = settings.outputScale();
    norm1 = child("norm1", new GroupNorm(settings.groups(), in, settings.epsilon()));
    conv1 = child("conv1", new Conv2d(in, out, 3));
    timeEmbProj = timeWidth > 0 ? child("time_emb_proj", new Linear(timeWidth, out)) : null;
    norm2 = child("norm2", new GroupNorm(settings.groups(), out, settings.epsilon()));
    conv2 = child("conv2", new Conv2d(out, out, 3));
    convShortcut = in == out ? null : child("conv_shortcut", new Conv2d(in, out, 1));
    whole =
        BlockKernels.resnet(
            settings.groups(), settings.epsilon(), timeWidth > 0, in != out, outputScale);
  }

  @Override
  protected boolean isCheckpointed() {
    return true;
  }

  @Override
  protected NDList call(NDList in) {
    if (activation == Activation.SILU && hasPlainParts()) {
      List<NDArray> inputs = timeEmbProj == null ? in.subList(0, 1) : in.subList(0, 2);
      return new NDList(whole.call(operands(inputs, this)));
    }
    NDArray x = in.get(0);
    NDArray h = conv1.applyAndClose(norm1.applyThen(activation, x));
    if (timeEmbProj != null) {
      h = Kernels.ADD_TO_PIXELS.applyAndClose(h, timeEmbProj.apply(activation.apply(in.get(1))));
    }
    NDArray activated = norm2.applyThen(activation, h);
    h.close();
    h = conv2.applyAndClose(activated);
    NDArray sum = Kernels.ADD_TO.applyAndClose(h, convShortcut == null ? x : convShortcut.apply(x));
    return new NDList(outputScale == 1 ? sum : Kernels.divide(outputScale).call(sum));
  }

  /**
   * What the residual blocks of a network share.
   *
   * @param groups of the normalisations
   * @param epsilon of the normalisations
   * @param activation between the layers
   * @param outputScale the sum is divided by this
   */
  public record ResnetSettings(
      int groups, double epsilon, Activation activation, double outputScale) {}
}
