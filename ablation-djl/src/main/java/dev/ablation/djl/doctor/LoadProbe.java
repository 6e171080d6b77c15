package dev.ablation.djl.doctor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.cuda.CudaUtils;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.djl.internal.kernel.NetworkAccess;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import java.io.PrintStream;
import java.lang.management.MemoryUsage;

/** Loads the library and computes with it, in a process that may crash. */
final class LoadProbe {
  /** Begins the line with what was found. */
  static final String RESULT = "ablation-probe ";

  /** Begins a line with what comes next, so that a crash tells where. */
  static final String STAGE = "ablation-stage ";

  private static final int SIDE = 64;

  private LoadProbe() {}

  /**
   * Loads, computes, and prints what was found.
   *
   * @param args none
   */
  public static void main(String[] args) {
    // What the engine prints is not the result.
    PrintStream out = System.out;
    System.setOut(System.err);
    JsonObject found = new JsonObject();
    try {
      probe(out, found);
    } catch (RuntimeException | LinkageError e) {
      found.addProperty("error", chain(e));
    }
    out.println(RESULT + found);
    out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static void probe(PrintStream out, JsonObject found) {
    stage(out, "loading PyTorch");
    NetworkAccess.offByDefault();
    Engine engine = Engine.getEngine("PyTorch");
    found.addProperty("version", engine.getVersion());
    found.addProperty("folder", TorchRuntime.libraryFolder());
    found.addProperty("threads", TorchRuntime.threads());
    JsonArray devices = new JsonArray();
    found.add("devices", devices);
    stage(out, "computing on the CPU");
    compute(Device.cpu());
    JsonObject cpu = new JsonObject();
    cpu.addProperty("name", "cpu");
    devices.add(cpu);
    for (int i = 0; i < engine.getGpuCount(); i++) {
      stage(out, "computing on gpu" + i);
      Device device = Device.gpu(i);
      compute(device);
      JsonObject gpu = new JsonObject();
      gpu.addProperty("name", "gpu" + i);
      gpu.addProperty("computeCapability", CudaUtils.getComputeCapability(i));
      MemoryUsage memory = CudaUtils.getGpuMemory(device);
      gpu.addProperty("memoryBytes", memory.getMax());
      gpu.addProperty("freeBytes", memory.getMax() - memory.getUsed());
      devices.add(gpu);
    }
    stage(out, "loading the tokenizers");
    try {
      LibUtils.checkStatus();
      found.addProperty("tokenizers", true);
    } catch (RuntimeException | LinkageError e) {
      found.addProperty("tokenizers", false);
      found.addProperty("tokenizersError", chain(e));
    }
  }

  private static void compute(Device device) {
    try (NDManager manager = NDManager.newBaseManager(device);
        NDArray ones = manager.ones(new Shape(SIDE, SIDE));
        NDArray product = ones.matMul(ones)) {
      float value = product.getFloat(0, 0);
      if (value != SIDE) {
        throw new IllegalStateException(
            "a product of matrices on %s must be %d, was %s".formatted(device, SIDE, value));
      }
    }
  }

  private static void stage(PrintStream out, String text) {
    out.println(STAGE + text);
    out.flush();
  }

  private static String chain(Throwable e) {
    StringBuilder text = new StringBuilder();
    for (Throwable each = e; each != null; each = each.getCause()) {
      if (!text.isEmpty()) {
        text.append("; ");
      }
      text.append(each.getClass().getSimpleName()).append(": ").append(each.getMessage());
    }
    return text.toString();
  }
}
