package dev.ablation.djl.internal.kernel;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A function over arrays written in TorchScript. Gradients flow through it where {@link GradMode}
 * records them; the result is on the device of the arguments and belongs to the manager of the
 * first argument, which is therefore never a weight.
 *
 * {@snippet class="dev.ablation.djl.internal.kernel.KernelTest" region="kernel"}
 */
public final class Kernel {
  private static final Map<String, Kernel> BY_SOURCE = new ConcurrentHashMap<>();

  private final String source;
  private volatile @Nullable PtSymbolBlock module;

  private Kernel(String source) {
    this.source = source;
  }

  /**
   * Returns the kernel of a source text. It is compiled at its first call and kept for the life of
   * the JVM; equal sources give the same kernel.
   *
   * @param source parameters and body of a TorchScript function, constants written into it, such as
   *     {@code "(x): return torch.silu(x)"}
   * @return the kernel
   */
  public static Kernel of(String source) {
    return BY_SOURCE.computeIfAbsent(source, Kernel::new);
  }

  /**
   * Calls the function.
   *
   * @param arguments tensors, an activation first
   * @return its only result
   */
  public NDArray call(NDArray... arguments) {
    return callAll(arguments).head();
  }

  /**
   * Calls the function on an array that is not needed elsewhere, and closes it.
   *
   * @param used first argument, closed; the function may compute in place
   * @param more other arguments
   * @return its only result
   */
  public NDArray applyAndClose(NDArray used, NDArray... more) {
    NDList arguments = new NDList(used);
    Collections.addAll(arguments, more);
    NDArray result = IValueUtils.forward(module(), arguments, true).head();
    used.close();
    return result;
  }

  /**
   * Calls a function that returns a tuple.
   *
   * @param arguments tensors, an activation first
   * @return its results
   */
  public NDList callAll(NDArray... arguments) {
    return IValueUtils.forward(module(), new NDList(arguments), true);
  }

  /**
   * Calls a function whose parameters after the first are lists of tensors.
   *
   * @param first a tensor, which decides the owner of the results
   * @param lists one list of tensors a parameter
   * @return its results
   */
  @SafeVarargs
  public final NDList callWithLists(NDArray first, List<NDArray>... lists) {
    NDList arguments = new NDList(first);
    // The engine reads the structure of arguments from their names, so names live for one call.
    try {
      for (int i = 0; i < lists.length; i++) {
        for (NDArray array : lists[i]) {
          array.setName("l" + i + "[]");
          arguments.add(array);
        }
      }
      return IValueUtils.forward(module(), arguments, true);
    } finally {
      for (List<NDArray> list : lists) {
        list.forEach(array -> array.setName(null));
      }
    }
  }

  private PtSymbolBlock module() {
    PtSymbolBlock loaded = module;
    if (loaded == null) {
      synchronized (this) {
        loaded = module;
        if (loaded == null) {
          loaded = load();
          module = loaded;
        }
      }
    }
    return loaded;
  }

  private PtSymbolBlock load() {
    GradMode.prepareThread();
    NDManager manager = Holder.MANAGER;
    byte[] archive = TorchScriptArchive.of(source);
    try {
      return JniUtils.loadModule(
          (PtNDManager) manager, new ByteArrayInputStream(archive), false, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a byte array does not fail
    }
  }

  @Override
  public String toString() {
    return source;
  }

  /** Kernels are shared by all models of the JVM, so they have their own manager. */
  private static final class Holder {
    static final NDManager MANAGER = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  }
}
