package dev.ablation.djl.internal.torchfile;

import dev.ablation.safetensors.Dtype;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The names of Python that a file may have. Each is a case of a switch; none is looked up. */
enum Symbol {
  ORDERED_DICT("collections OrderedDict"),
  SET("builtins set"),
  SIZE("torch Size"),
  TENSOR("torch._utils _rebuild_tensor_v2"),
  PARAMETER("torch._utils _rebuild_parameter"),
  /** The dictionary of a module: old files of textual inversion hold one. */
  PARAMETER_DICT("torch.nn.modules.container ParameterDict"),
  FLOAT64("torch DoubleStorage", Dtype.F64),
  FLOAT32("torch FloatStorage", Dtype.F32),
  FLOAT16("torch HalfStorage", Dtype.F16),
  BFLOAT16("torch BFloat16Storage", Dtype.BF16),
  INT64("torch LongStorage", Dtype.I64),
  INT32("torch IntStorage", Dtype.I32),
  INT16("torch ShortStorage", Dtype.I16),
  INT8("torch CharStorage", Dtype.I8),
  UINT8("torch ByteStorage", Dtype.U8),
  BOOL("torch BoolStorage", Dtype.BOOL);

  private static final Map<String, Symbol> BY_NAME = new HashMap<>();

  static {
    for (Symbol symbol : values()) {
      BY_NAME.put(symbol.text, symbol);
    }
    BY_NAME.put("__builtin__ set", SET); // the name in Python 2, which protocol 2 keeps
  }

  private final String text;
  private final @Nullable Dtype dtype;

  Symbol(String text) {
    this.text = text;
    this.dtype = null;
  }

  Symbol(String text, Dtype dtype) {
    this.text = text;
    this.dtype = dtype;
  }

  static Symbol of(String module, String name) {
    Symbol symbol = BY_NAME.get(module + " " + name);
    if (symbol == null) {
      throw new PickleException(
          ("it refers to '%s.%s', which is not among the few names that tensors need; a pickle can"
                  + " run any program through such a name, so the file is refused and nothing of"
                  + " it was run")
              .formatted(printable(module), printable(name)));
    }
    return symbol;
  }

  /** Names come from the file: no control characters in messages, and no long texts. */
  static String printable(String text) {
    String short_ = text.length() > 80 ? text.substring(0, 80) + "..." : text;
    return short_.replaceAll("\\p{Cntrl}", "?");
  }

  /** What a storage of this name holds. */
  Optional<Dtype> dtype() {
    return Optional.ofNullable(dtype);
  }

  @Override
  public String toString() {
    return text.replace(' ', '.');
  }
}
