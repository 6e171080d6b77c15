package dev.ablation.spark;

import dev.ablation.job.JobModel;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/** The executor that a task runs on. */
final class Executors {
  private Executors() {}

  /** {@return the executor by its number and machine} */
  static String name() {
    SparkEnv env = SparkEnv.get();
    return "executor %s on %s"
        .formatted(env.executorId(), env.blockManager().blockManagerId().host());
  }

  /** {@return whether Spark no longer wants the task} */
  static boolean cancelled() {
    TaskContext context = TaskContext.get();
    return Thread.currentThread().isInterrupted() || (context != null && context.isInterrupted());
  }

  /**
   * {@return whether Spark tries the task again if it fails, on another executor if there is one;
   * in a local session it does not}
   */
  static boolean mayTryAgain() {
    TaskContext context = TaskContext.get();
    SparkConf conf = SparkEnv.get().conf();
    String master = conf.get("spark.master", "local");
    boolean local = master.startsWith("local") && !master.startsWith("local-cluster");
    return context != null
        && !local
        && context.attemptNumber() + 1 < conf.getInt("spark.task.maxFailures", 4);
  }

  /**
   * Chooses the device: the GPU that Spark gave to the task, else what the job says, else the CPU
   * with as many threads as the task has cores.
   */
  static JobModel placed(JobModel model) {
    TaskContext context = TaskContext.get();
    Map<String, ResourceInformation> resources =
        context == null ? Map.of() : context.resourcesJMap();
    return placed(model, resources, context == null ? 1 : context.cpus());
  }

  static JobModel placed(JobModel model, Map<String, ResourceInformation> resources, int cores) {
    ResourceInformation gpu = resources.get("gpu");
    String device = model.device();
    Integer threads = model.threads();
    if (gpu != null && gpu.addresses().length > 0) {
      device = "gpu" + gpu.addresses()[0];
    } else if (device == null) {
      device = "cpu";
      if (threads == null && !model.isEmbedded()) {
        threads = Math.max(1, cores);
      }
    }
    return new JobModel(
        model.location(),
        model.sha256(),
        device,
        threads,
        model.weightDtype(),
        model.precision(),
        model.components());
  }
}
