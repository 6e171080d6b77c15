package dev.ablation.djl.internal.checkpoint;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.load.LoadOptions;

/** Starts the engine for a model. */
public final class EngineManager {
  private EngineManager() {}

  /**
   * Starts the engine according to the options.
   *
   * @param options device and threads
   * @return a manager without parent, on the device
   */
  public static NDManager of(LoadOptions options) {
    Device device = options.device().orElseGet(TorchRuntime::bestDevice);
    options.precision().check(device);
    if (options.threads() > 0) {
      TorchRuntime.useThreads(options.threads());
    } else if (options.workers() > 1) {
      int cores = Runtime.getRuntime().availableProcessors();
      TorchRuntime.useThreads(Math.max(1, cores / options.workers()));
    }
    return TorchRuntime.engine().newBaseManager(device);
  }
}
