package dev.ablation.djl.internal.kernel;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.util.Collections;
import java.util.List;

/** The PyTorch engine of this JVM. */
public final class TorchRuntime {
  private static final String LIBRARY_PATH = "PYTORCH_LIBRARY_PATH";
  private static final String NATIVES = "native/lib/pytorch.properties";

  private static volatile int requestedThreads;

  private TorchRuntime() {}

  /**
   * Loads the engine.
   *
   * @return the engine
   * @throws IllegalStateException if there is no native library for this system; the message says
   *     what to set
   */
  public static Engine engine() {
    NetworkAccess.offByDefault();
    try {
      return Engine.getEngine("PyTorch");
    } catch (RuntimeException | LinkageError e) {
      throw new IllegalStateException(whatToSet(), e);
    }
  }

  /**
   * {@return the device to use where the caller names none: the first GPU if there is one, else the
   * CPU}
   */
  public static Device bestDevice() {
    return engine().defaultDevice();
  }

  /**
   * Sets how many threads one operation may use on the CPU, for the whole JVM: in threads that have
   * already computed, from their next pass through a network.
   *
   * @param threads positive
   */
  public static void useThreads(int threads) {
    engine();
    requestedThreads = threads;
    JniUtils.setNumThreads(threads);
  }

  /** {@return what {@link #useThreads} has set; 0 if nothing} */
  static int requestedThreads() {
    return requestedThreads;
  }

  /** {@return how many threads one operation may use on the CPU} */
  public static int threads() {
    return JniUtils.getNumThreads();
  }

  /** {@return the folder that the native library is loaded from} */
  public static String libraryFolder() {
    return LibUtils.getLibtorchPath();
  }

  private static String whatToSet() {
    String name = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    return ("PyTorch's native library could not be loaded on %s; native libraries on the class path:"
            + " %s. Add the artifact ai.djl.pytorch:pytorch-native-cpu with the classifier of this"
            + " system (linux-x86_64, osx-aarch64, win-x86_64), or set the environment variable or"
            + " system property %s to the lib folder of a PyTorch installation. NativeDoctor and"
            + " 'ablate doctor' say which setting is wrong")
        .formatted(name, nativesOnClassPath(), LIBRARY_PATH);
  }

  private static List<String> nativesOnClassPath() {
    try {
      ClassLoader loader = TorchRuntime.class.getClassLoader();
      return Collections.list(loader.getResources(NATIVES)).stream().map(URL::toString).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
