package dev.ablation.djl.internal.kernel;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A TorchScript module from a file, for inference: it records no gradients and is in evaluation
 * mode. Holds native memory: close it.
 */
public final class TorchScriptModule implements AutoCloseable {
  private final NDManager manager;
  private final PtSymbolBlock block;

  private TorchScriptModule(NDManager manager, PtSymbolBlock block) {
    this.manager = manager;
    this.block = block;
  }

  /**
   * Loads a file. A TorchScript file is a program, which the engine runs: load only files from
   * those you trust.
   *
   * @param file written by {@code torch.jit.save}
   * @param device to run on
   * @return the module
   * @throws IOException if the engine cannot load it
   */
  public static TorchScriptModule load(Path file, Device device) throws IOException {
    NDManager manager = TorchRuntime.engine().newBaseManager(device);
    try {
      return new TorchScriptModule(
          manager,
          JniUtils.loadModule(
              (PtNDManager) manager, file, true, new String[0], new String[0], true));
    } catch (EngineException e) {
      manager.close();
      throw new IOException(file + ": cannot be loaded as a TorchScript file: " + firstLine(e), e);
    }
  }

  /** {@return the parent of inputs and outputs; closed with the module} */
  public NDManager manager() {
    return manager;
  }

  /**
   * Calls {@code forward}.
   *
   * @param input the first argument
   * @param flags further arguments
   * @param owner of the outputs
   * @return the output tensors
   * @throws IllegalArgumentException if the module does not accept the arguments or returns
   *     something else than tensors; the message is the engine's
   */
  public NDList forward(NDArray input, List<Boolean> flags, NDManager owner) {
    try {
      NDList outputs = GradMode.with(false, () -> call(input, flags));
      outputs.attach(owner);
      return outputs;
    } catch (EngineException | UnsupportedOperationException e) {
      throw new IllegalArgumentException(
          "the module failed on an input of shape %s: %s".formatted(input.getShape(), firstLine(e)),
          e);
    }
  }

  private NDList call(NDArray input, List<Boolean> flags) {
    if (flags.isEmpty()) {
      return IValueUtils.forward(block, new NDList(input), true);
    }
    // The only call that takes other values than tensors; the engine prints a warning at its first.
    IValue[] arguments = new IValue[1 + flags.size()];
    arguments[0] = IValue.from((PtNDArray) input);
    for (int i = 0; i < flags.size(); i++) {
      arguments[i + 1] = IValue.from(flags.get(i));
    }
    try (IValue output = IValueUtils.runMethod(block, "forward", arguments)) {
      return output.toNDList((PtNDManager) input.getManager());
    } finally {
      for (IValue argument : arguments) {
        argument.close();
      }
    }
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage())
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .findFirst()
        .orElse("");
  }

  @Override
  public void close() {
    block.close();
    manager.close();
  }
}
