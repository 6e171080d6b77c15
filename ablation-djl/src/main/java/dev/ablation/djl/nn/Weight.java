package dev.ablation.djl.nn;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightRole;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * One weight of a layer: the array that was loaded and, for a while, another one bound in its
 * place. A layer computes with {@link #get()} and, if it is one that can, with {@link #change()}.
 *
 * <p>The array may be stored in float16 or bfloat16, whatever the dtype in which the network
 * computes: a layer converts it for each call, which costs nothing where both are the same. The
 * engine cannot create arrays of type bfloat16, so the bytes are kept and seen as such.
 */
public final class Weight {
  /** Without an array of truth values. */
  private static final Kernel FINITE =
      Kernel.of(
          "(x): return torch.logical_and(torch.isfinite(torch.min(x)), torch.isfinite(torch.max(x)))");

  private Shape shape;
  private final Parameter parameter;
  private float @Nullable [] appended;
  private @Nullable NDArray own;

  /** The own array in the engine's dtype; of bfloat16 a view of the bytes. */
  private @Nullable NDArray view;

  private DataType dtype = DataType.FLOAT32;
  private @Nullable Device device;
  private @Nullable NDArray bound;
  private @Nullable LoraFactors change;
  private boolean changeable;
  private boolean buffer;
  private @Nullable AttentionProjection projection;
  private @Nullable WeightRole role;
  private OptionalInt layer = OptionalInt.empty();

  Weight(Parameter parameter, Shape shape) {
    this.parameter = parameter;
    this.shape = shape;
  }

  /**
   * {@return the shape that the network's configuration requires, and with the rows that were added
   * once the weight is loaded}
   */
  public Shape shape() {
    return shape;
  }

  /** {@return the projection of an attention that the weight is part of, if any} */
  public Optional<AttentionProjection> projection() {
    return Optional.ofNullable(projection);
  }

  /** {@return the role that the weight has whatever the network is for, if any} */
  public Optional<WeightRole> role() {
    return Optional.ofNullable(role);
  }

  /** {@return the layer of a text encoder that the weight is part of, from 0, if any} */
  public OptionalInt layer() {
    return layer;
  }

  /** Says which layer of a text encoder the weight is part of, from 0. */
  void describe(int layer) {
    this.layer = OptionalInt.of(layer);
  }

  /** Says that the array is a table of the network that is never trained. */
  void markBuffer() {
    buffer = true;
  }

  /** {@return whether the array is a table of the network that is never trained} */
  public boolean isBuffer() {
    return buffer;
  }

  /** Says what the weight is, unless an inner layer said it. */
  void describe(AttentionProjection projection) {
    if (this.projection == null) {
      this.projection = projection;
    }
  }

  /** Says what the weight is for, unless an inner layer said it. */
  void describe(WeightRole role) {
    if (this.role == null) {
      this.role = role;
    }
  }

  /** {@return the dtype in which the weight's own array is stored} */
  public DataType dtype() {
    return dtype;
  }

  /** {@return whether the weight's own array is stored in less than float32} */
  public boolean isNarrow() {
    return dtype != DataType.FLOAT32;
  }

  /** {@return the size of the weight's own array in bytes} */
  public long byteSize() {
    return shape.size() * (isNarrow() ? 2L : 4L);
  }

  /**
   * Returns the array to compute with.
   *
   * @return float32; of a narrow weight a copy, which the caller's {@link ai.djl.ndarray.NDScope}
   *     frees
   */
  public NDArray get() {
    NDArray array = computed();
    return array == null ? own() : array;
  }

  /** What a view binds goes before what is bound for all. */
  private @Nullable NDArray computed() {
    NDArray viewed = WeightView.boundTo(this);
    return viewed == null ? bound : viewed;
  }

  /**
   * Returns the weight's own array, whatever is bound.
   *
   * @return float32; of a narrow weight a copy, which the caller's {@link ai.djl.ndarray.NDScope}
   *     frees
   */
  public NDArray own() {
    NDArray kept = kept();
    return isNarrow() ? Kernels.TO_FLOAT32.call(kept) : kept;
  }

  /**
   * Says where the layer computes, if the array is kept elsewhere: then each call gets a copy
   * there, which the caller's {@link ai.djl.ndarray.NDScope} frees.
   *
   * @param device of the layer's inputs
   */
  public void computeOn(Device device) {
    this.device = device;
  }

  /**
   * Returns the array to compute with in the dtype that it has: no copy is made. For kernels that
   * convert it to the dtype in which they compute.
   *
   * @return what is bound, or the weight's own array in its {@link #dtype()}
   */
  NDArray operand() {
    NDArray array = computed();
    return array == null ? kept() : array;
  }

  /** {@return whether the own array holds neither NaN nor infinity} */
  public boolean isFinite() {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      return GradMode.with(false, () -> FINITE.call(kept())).getBoolean();
    }
  }

  /**
   * Copies the array to compute with.
   *
   * @param owner of the copy
   * @return float32, without gradient
   */
  public NDArray copy(NDManager owner) {
    NDArray copy =
        GradMode.with(false, () -> computed() == null && isNarrow() ? own() : get().duplicate());
    copy.attach(owner);
    return copy;
  }

  private NDArray kept() {
    if (view == null) {
      throw new IllegalStateException("weight " + parameter.getName() + " has not been loaded");
    }
    return device == null || device.equals(view.getDevice())
        ? view
        : Kernels.toDevice(device).call(view);
  }

  /**
   * Sets the weight's own array, once.
   *
   * @param array float32 of {@link #shape()}; from now on owned by the network
   */
  public void load(NDArray array) {
    load(array, DataType.FLOAT32);
  }

  /**
   * Sets the weight's own array in the format in which it is to be kept, once.
   *
   * @param array of {@link #shape()}, float32 or float16; for bfloat16 its bytes as int8 of one
   *     axis. From now on owned by the network
   * @param dtype float32, float16 or bfloat16
   */
  public void load(NDArray array, DataType dtype) {
    checkShape(array, dtype == DataType.BFLOAT16 ? new Shape(2 * shape.size()) : shape);
    if (appended != null) {
      loadExtended(array, dtype, appended);
      return;
    }
    if (dtype == DataType.FLOAT32) {
      parameter.setArray(array); // DJL lets it be set only once
    }
    array.setName(null); // a name would be read as syntax by the engine
    own = array;
    view = dtype == DataType.BFLOAT16 ? GradMode.with(false, () -> asBfloat16(array)) : array;
    this.dtype = dtype;
  }

  /** Shares the memory of the bytes, which must stay open. */
  private NDArray asBfloat16(NDArray bytes) {
    try (NDArray flat = Kernels.AS_BFLOAT16.call(bytes)) {
      NDArray shaped = flat.reshape(shape);
      NDScope.unregister(shaped); // lives as long as the weight
      return shaped;
    }
  }

  /**
   * Adds rows to what is loaded, once.
   *
   * @param rows (n, width), of the width of the weight's rows
   */
  void appendWhenLoaded(float[][] rows) {
    int width = Math.toIntExact(shape.size() / shape.get(0));
    float[] values = new float[rows.length * width];
    for (int i = 0; i < rows.length; i++) {
      if (rows[i].length != width) {
        throw new IllegalArgumentException(
            "rows to add must have %d numbers, one has %d".formatted(width, rows[i].length));
      }
      System.arraycopy(rows[i], 0, values, i * width, width);
    }
    appended = values;
  }

  /** The whole is stored in float32, so that the added rows are not rounded. */
  private void loadExtended(NDArray array, DataType dtype, float[] rows) {
    this.appended = null;
    NDArray seen =
        dtype == DataType.BFLOAT16 ? GradMode.with(false, () -> asBfloat16(array)) : array;
    view = seen;
    own = array;
    this.dtype = dtype;
    long width = shape.size() / shape.get(0);
    NDArray whole =
        GradMode.with(
            false,
            () -> {
              try (NDManager scope = array.getManager().newSubManager()) {
                NDArray wide = own();
                if (wide != array) {
                  wide.attach(scope);
                }
                NDArray added = scope.create(rows, new Shape(rows.length / width, width));
                NDArray joined = wide.concat(added.toDevice(wide.getDevice(), false));
                joined.attach(array.getManager());
                return joined;
              }
            });
    if (seen != array) {
      seen.close();
    }
    array.close();
    shape = whole.getShape();
    load(whole);
  }

  /**
   * Replaces the values of the weight's own array. A narrow weight is stored in float32 from then
   * on, so that nothing is rounded.
   *
   * @param values of {@link #shape()}, float32; copied
   */
  public void overwrite(NDArray values) {
    checkShape(values, shape);
    NDArray kept = view == null ? kept() : view;
    if (!isNarrow()) {
      Kernels.copy(values, kept);
      return;
    }
    NDArray wide = GradMode.with(false, values::duplicate);
    wide.attach(kept.getManager());
    NDArray bytes = own;
    load(wide);
    kept.close();
    if (bytes != null) {
      bytes.close();
    }
  }

  /**
   * Computes with another array until further notice.
   *
   * @param array of {@link #shape()}, or {@code null} for the weight's own
   */
  public void bind(@Nullable NDArray array) {
    if (array != null) {
      checkShape(array, shape);
    }
    bound = array;
  }

  /** {@return the array that is bound in place of the weight's own, if any} */
  public @Nullable NDArray bound() {
    return bound;
  }

  /** Says that the layer also computes with {@link #change()}. */
  Weight changeable() {
    changeable = true;
    return this;
  }

  /** {@return whether a low-rank change can be added} */
  public boolean supportsLora() {
    return changeable;
  }

  /**
   * Computes with a change added until further notice.
   *
   * @param change factors of {@link #shape()}, or {@code null} for none
   */
  public void change(@Nullable LoraFactors change) {
    if (change != null) {
      if (!changeable) {
        throw new IllegalArgumentException(
            "weight " + parameter.getName() + " has no low-rank form");
      }
      if (!change.shape().equals(shape)) {
        throw new IllegalArgumentException(
            "weight %s: expected factors of shape %s, were %s and %s"
                .formatted(
                    parameter.getName(), shape, change.down().getShape(), change.up().getShape()));
      }
    }
    this.change = change;
  }

  /** {@return the change that is added to what {@link #get()} returns, if any} */
  public @Nullable LoraFactors change() {
    return change;
  }

  void checkShape(NDArray array) {
    checkShape(array, shape);
  }

  private void checkShape(NDArray array, Shape expected) {
    if (!array.getShape().equals(expected)) {
      throw new IllegalArgumentException(
          "weight "
              + parameter.getName()
              + ": expected shape "
              + expected
              + ", was "
              + array.getShape());
    }
  }
}
