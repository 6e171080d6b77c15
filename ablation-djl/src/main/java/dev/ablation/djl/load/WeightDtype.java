package dev.ablation.djl.load;

import ai.djl.ndarray.types.DataType;
import dev.ablation.safetensors.Dtype;

/**
 * The format in which a model keeps its weights. Networks compute in float32 whatever it is: a
 * narrow weight is widened for each call of its layer. Trained weights are float32 copies.
 */
public enum WeightDtype {
  /** float32: 4 bytes a number. Narrower files are widened once, when they are read. */
  FLOAT32,
  /**
   * As the file has it where that is float16 or bfloat16, else float32. On the CPU large weights
   * are mapped from the file.
   */
  AS_STORED,
  /** float16: 2 bytes a number; numbers of 65,520 and more overflow, which is an error. */
  FLOAT16,
  /** bfloat16: 2 bytes a number, with the range of float32 and 8 bits of precision. */
  BFLOAT16;

  /**
   * Returns the format of a weight.
   *
   * @param stored the file's
   * @return float32, float16 or bfloat16
   */
  public DataType of(Dtype stored) {
    return switch (this) {
      case FLOAT32 -> DataType.FLOAT32;
      case FLOAT16 -> DataType.FLOAT16;
      case BFLOAT16 -> DataType.BFLOAT16;
      case AS_STORED ->
          switch (stored) {
            case F16 -> DataType.FLOAT16;
            case BF16 -> DataType.BFLOAT16;
            default -> DataType.FLOAT32;
          };
    };
  }
}
