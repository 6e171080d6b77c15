package dev.ablation.model;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * One weight of a model: its name, shape and role, and the dtype in which the model stores it.
 * Immutable: every setter returns a copy.
 */
@CheckReturnValue
public final class WeightInfo {
  private static final int NO_LAYER = -1;

  private final String name;
  private final Shape shape;
  private final WeightRole role;
  private final String component;
  private final @Nullable AttentionProjection projection;
  private final DataType dtype;
  private final int layer;

  /**
   * Describes a float32 weight. Its component is the part of its name before the first dot; its
   * projection follows from the role.
   *
   * @param name the checkpoint's name, such as {@code
   *     unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight}
   * @param shape its shape
   * @param role its role
   */
  public WeightInfo(String name, Shape shape, WeightRole role) {
    this(
        name,
        shape,
        role,
        name.substring(0, name.indexOf('.') < 0 ? name.length() : name.indexOf('.')),
        role.usualProjection().orElse(null),
        DataType.FLOAT32,
        NO_LAYER);
  }

  private WeightInfo(
      String name,
      Shape shape,
      WeightRole role,
      String component,
      @Nullable AttentionProjection projection,
      DataType dtype,
      int layer) {
    this.name = Objects.requireNonNull(name, "name");
    this.shape = Objects.requireNonNull(shape, "shape");
    this.role = Objects.requireNonNull(role, "role");
    this.component = Objects.requireNonNull(component, "component");
    this.projection = projection;
    this.dtype = Objects.requireNonNull(dtype, "dtype");
    this.layer = layer;
  }

  /** {@return the checkpoint's name, starting with the component's} */
  public String name() {
    return name;
  }

  /** {@return its shape} */
  public Shape shape() {
    return shape;
  }

  /** {@return its role} */
  public WeightRole role() {
    return role;
  }

  /**
   * {@return the component that it belongs to, by diffusers' name: {@code unet}, {@code
   * transformer}, {@code text_encoder}, {@code text_encoder_2}, {@code vae}}
   */
  public String component() {
    return component;
  }

  /** {@return the projection that it is part of; empty for weights outside of attentions} */
  public Optional<AttentionProjection> projection() {
    return Optional.ofNullable(projection);
  }

  /**
   * {@return the layer of a text encoder that it is part of, counted from 0; empty for weights
   * before, after and outside of them}
   */
  public OptionalInt layer() {
    return layer == NO_LAYER ? OptionalInt.empty() : OptionalInt.of(layer);
  }

  /**
   * {@return the dtype in which the model stores the weight: float32, float16 or bfloat16} {@link
   * Weights#get} and training always work in float32.
   */
  public DataType dtype() {
    return dtype;
  }

  /** {@return the size of the stored weight in bytes} */
  public long byteSize() {
    int bytes = dtype == DataType.BFLOAT16 ? 2 : dtype.getNumOfBytes();
    return shape.size() * bytes;
  }

  /**
   * Changes the component.
   *
   * @param component diffusers' name of the component
   * @return a copy with the given component
   */
  public WeightInfo component(String component) {
    return new WeightInfo(name, shape, role, component, projection, dtype, layer);
  }

  /**
   * Changes the projection, but not the role.
   *
   * @param projection that the weight is part of, {@code null} for none
   * @return a copy with this setting
   */
  public WeightInfo projection(@Nullable AttentionProjection projection) {
    return new WeightInfo(name, shape, role, component, projection, dtype, layer);
  }

  /**
   * Changes the layer.
   *
   * @param layer of a text encoder that the weight is part of, from 0
   * @return a copy with the given layer
   */
  public WeightInfo layer(int layer) {
    Preconditions.checkArgument(layer >= 0, "layer must not be negative, was %s", layer);
    return new WeightInfo(name, shape, role, component, projection, dtype, layer);
  }

  /**
   * Changes the dtype.
   *
   * @param dtype dtype in which the model stores the weight
   * @return a copy with the given dtype
   */
  public WeightInfo dtype(DataType dtype) {
    return new WeightInfo(name, shape, role, component, projection, dtype, layer);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof WeightInfo info
        && name.equals(info.name)
        && shape.equals(info.shape)
        && role == info.role
        && component.equals(info.component)
        && Objects.equals(projection, info.projection)
        && dtype == info.dtype
        && layer == info.layer;
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, shape, role, component, projection, dtype, layer);
  }

  @Override
  public String toString() {
    return "%s %s %s, %s of %s".formatted(name, shape, dtype, role, component);
  }
}
