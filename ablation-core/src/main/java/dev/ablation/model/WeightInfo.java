package dev.ablation.model;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One weight of a model: its name, shape and role, and the dtype in which the model stores it.
 * Immutable: every setter returns a copy.
 */
@CheckReturnValue
public final class WeightInfo {
  private final String name;
  private final Shape shape;
  private final WeightRole role;
  private final String component;
  private final @Nullable AttentionProjection projection;
  private final DataType dtype;

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
        DataType.FLOAT32);
  }

  private WeightInfo(
      String name,
      Shape shape,
      WeightRole role,
      String component,
      @Nullable AttentionProjection projection,
      DataType dtype) {
    this.name = Objects.requireNonNull(name, "name");
    this.shape = Objects.requireNonNull(shape, "shape");
    this.role = Objects.requireNonNull(role, "role");
    this.component = Objects.requireNonNull(component, "component");
    this.projection = projection;
    this.dtype = Objects.requireNonNull(dtype, "dtype");
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
    return new WeightInfo(name, shape, role, component, projection, dtype);
  }

  /**
   * Changes the projection, but not the role.
   *
   * @param projection that the weight is part of, {@code null} for none
   * @return a copy with this setting
   */
  public WeightInfo projection(@Nullable AttentionProjection projection) {
    return new WeightInfo(name, shape, role, component, projection, dtype);
  }

  /**
   * Changes the dtype.
   *
   * @param dtype dtype in which the model stores the weight
   * @return a copy with the given dtype
   */
  public WeightInfo dtype(DataType dtype) {
    return new WeightInfo(name, shape, role, component, projection, dtype);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof WeightInfo info
        && name.equals(info.name)
        && shape.equals(info.shape)
        && role == info.role
        && component.equals(info.component)
        && Objects.equals(projection, info.projection)
        && dtype == info.dtype;
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, shape, role, component, projection, dtype);
  }

  @Override
  public String toString() {
    return "%s %s %s, %s of %s".formatted(name, shape, dtype, role, component);
  }
}
