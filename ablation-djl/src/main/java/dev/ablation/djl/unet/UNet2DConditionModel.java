package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.TimestepEmbedding;
import dev.ablation.djl.nn.Timesteps;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The denoising UNet.
 *
 * <ul>
 *   <li>inputs: noised latents (B, C, H, W); timesteps (B), int64 or float32; text embeddings (B,
 *       T, D); of a network with added conditions, as SDXL's, also pooled text embeddings (B, P)
 *       and numbers such as the original size (B, n), float32
 *   <li>output: prediction (B, C, H, W)
 * </ul>
 */
public final class UNet2DConditionModel extends Layer {
  private final UNetConfig config;
  private final Conv2d convIn;
  private final Timesteps timeProj;
  private final TimestepEmbedding timeEmbedding;
  private final @Nullable Timesteps addTimeProj;
  private final @Nullable AddedConditions addedConditions;
  private final List<DownBlock> downBlocks = new ArrayList<>();
  private final List<UpBlock> upBlocks = new ArrayList<>();
  private final MidBlock midBlock;
  private final GroupNorm convNormOut;
  private final Conv2d convOut;

  /**
   * Creates the network; its weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public UNet2DConditionModel(UNetConfig config) {
    this.config = config;
    int width = config.channels(0);
    convIn = child("conv_in", new Conv2d(config.inChannels(), width, config.convInKernel()));
    timeProj = child("time_proj", new Timesteps(width, config.flipSinToCos(), config.freqShift()));
    timeEmbedding =
        child(
            "time_embedding",
            new TimestepEmbedding(width, config.timeWidth(), config.activation()));
    addTimeProj =
        config.hasAddedConditions()
            ? child(
                "add_time_proj",
                new Timesteps(
                    config.additionTimeWidth(), config.flipSinToCos(), config.freqShift()))
            : null;
    addedConditions =
        config.hasAddedConditions() ? child("add_embedding", new AddedConditions(config)) : null;
    for (int i = 0; i < config.levels(); i++) {
      downBlocks.add(child("down_blocks." + i, new DownBlock(i, config)));
    }
    for (int i = 0; i < config.levels(); i++) {
      upBlocks.add(child("up_blocks." + i, new UpBlock(i, config)));
    }
    midBlock = child("mid_block", new MidBlock(config));
    convNormOut =
        child("conv_norm_out", new GroupNorm(config.normNumGroups(), width, config.normEps()));
    convOut = child("conv_out", new Conv2d(width, config.outChannels(), config.convOutKernel()));
  }

  /** {@return the network's configuration} */
  public UNetConfig config() {
    return config;
  }

  /**
   * Sets whether key and value of the text's first position carry no gradient in cross-attention.
   * Values are the same either way.
   *
   * @param stop whether to stop it
   */
  public void stopStartToken(boolean stop) {
    Stream.of(
            downBlocks.stream().flatMap(block -> block.attentions().stream()),
            Stream.of(midBlock.attention()),
            upBlocks.stream().flatMap(block -> block.attentions().stream()))
        .flatMap(attentions -> attentions)
        .flatMap(attention -> attention.blocks().stream())
        .forEach(block -> block.crossAttention().stopFirstToken(stop));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray text = narrowed(in.get(2));
    NDArray time = timeEmbedding.apply(timeProj.apply(in.get(1)));
    if (addedConditions != null && addTimeProj != null) {
      if (in.size() != 5) {
        throw new IllegalArgumentException(
            "inputs: a network with added conditions takes pooled text embeddings and numbers too");
      }
      NDArray features = addTimeProj.apply(in.get(4).reshape(-1));
      time = time.add(addedConditions.apply(narrowed(in.get(3)), features));
    }

    NDArray x = convIn.apply(narrowed(in.get(0)));
    Deque<NDArray> skips = new ArrayDeque<>();
    skips.push(x);
    for (DownBlock block : downBlocks) {
      NDList out = block.applyAll(new NDList(x, time, text));
      x = out.get(0);
      out.subNDList(1).forEach(skips::push);
    }

    x = midBlock.apply(x, time, text);

    for (UpBlock block : upBlocks) {
      NDList inputs = new NDList(x, time, text);
      for (int i = 0; i < block.skips(); i++) {
        inputs.add(skips.pop());
      }
      if (!skips.isEmpty()) {
        inputs.add(skips.peek()); // its size, not its content
      }
      NDArray previous = x;
      x = block.apply(inputs.toArray(new NDArray[0]));
      // The inputs of this block are not needed again; autograd retains what it needs.
      previous.close();
      inputs.subNDList(3).stream().limit(block.skips()).forEach(NDArray::close);
    }

    NDArray out = convOut.applyAndClose(convNormOut.applyThen(config.activation(), x));
    return new NDList(widened(out, in));
  }
}
