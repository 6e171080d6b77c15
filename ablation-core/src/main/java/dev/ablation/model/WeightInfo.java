package dev.ablation.model;

import ai.djl.ndarray.types.Shape;
import java.util.Objects;

/**
 * One weight of a model.
 *
 * @param name the checkpoint's name, such as {@code
 *     unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight}
 * @param shape its shape
 * @param role what it is for
 */
public record WeightInfo(String name, Shape shape, WeightRole role) {

  /** Checks that nothing is null. */
  public WeightInfo {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(role, "role");
  }
}
