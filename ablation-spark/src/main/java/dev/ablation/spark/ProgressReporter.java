package dev.ablation.spark;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.StageInfo;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.jdk.javaapi.CollectionConverters;

/** Tells a listener how many tasks of the current step are done. */
final class ProgressReporter extends SparkListener {
  private static final Logger LOG = LoggerFactory.getLogger(ProgressReporter.class);

  private final String group;
  private final Consumer<? super SparkProgress> listener;
  private final Map<Integer, Integer> totals = new HashMap<>();
  private final Map<Integer, Integer> done = new HashMap<>();
  private @Nullable String step;

  /**
   * Reports a group of Spark jobs.
   *
   * @param group its identifier
   * @param listener called on Spark's thread
   */
  ProgressReporter(String group, Consumer<? super SparkProgress> listener) {
    this.group = group;
    this.listener = listener;
  }

  @Override
  public synchronized void onJobStart(SparkListenerJobStart start) {
    if (!group.equals(start.properties().getProperty("spark.jobGroup.id"))) {
      return;
    }
    step = start.properties().getProperty("spark.job.description", "");
    for (StageInfo stage : CollectionConverters.asJava(start.stageInfos())) {
      totals.put(stage.stageId(), stage.numTasks());
    }
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
    Integer total = totals.get(end.stageId());
    if (total == null || step == null || !end.taskInfo().successful()) {
      return;
    }
    int now = Math.min(total, done.merge(end.stageId(), 1, Integer::sum));
    try {
      listener.accept(new SparkProgress(step, now, total));
    } catch (RuntimeException e) {
      LOG.warn("a listener of progress failed", e);
    }
  }
}
