package dev.ablation.safetensors;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.AtomicFiles;
import org.jspecify.annotations.Nullable;

/**
 * How a file is written.
 *
 * @param floats the format in which float64, float32, float16 and bfloat16 tensors are stored:
 *     {@link Dtype#F32}, {@link Dtype#F16} or {@link Dtype#BF16}; {@code null} stores each as it
 *     is. Rounding is to the nearest value, ties to even. Float64 goes through float32, as in
 *     PyTorch.
 * @param replaceExisting whether a file that exists is replaced; otherwise the write fails with
 *     {@link java.nio.file.FileAlreadyExistsException}
 */
@CheckReturnValue
public record WriteOptions(@Nullable Dtype floats, boolean replaceExisting) {

  private static final WriteOptions DEFAULTS = new WriteOptions(null, true);

  /**
   * Checks the format.
   *
   * @throws IllegalArgumentException if it is none of the three
   */
  public WriteOptions {
    if (floats != null && floats != Dtype.F32 && floats != Dtype.F16 && floats != Dtype.BF16) {
      throw new IllegalArgumentException("floats must be F32, F16 or BF16, was " + floats);
    }
  }

  /** {@return the defaults: tensors as they are, existing files replaced} */
  public static WriteOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Returns options that store floats in another format.
   *
   * @param format {@link Dtype#F32}, {@link Dtype#F16} or {@link Dtype#BF16}
   * @return the changed options
   * @throws IllegalArgumentException if it is none of the three
   */
  public WriteOptions storingFloatsAs(Dtype format) {
    return new WriteOptions(format, replaceExisting);
  }

  /** {@return options that leave existing files alone} */
  public WriteOptions refusingExisting() {
    return new WriteOptions(floats, false);
  }

  /** {@return the format in which a tensor is stored} */
  Dtype stored(Dtype dtype) {
    return floats != null && dtype.isConvertibleFloat() ? floats : dtype;
  }

  AtomicFiles.Existing existing() {
    return replaceExisting ? AtomicFiles.Existing.REPLACE : AtomicFiles.Existing.REFUSE;
  }
}
