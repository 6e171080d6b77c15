package dev.ablation.spark;

import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * Numbers that Spark's page shows while tasks run.
 *
 * @param trained jobs
 * @param steps of training
 * @param images measured
 * @param failures of jobs
 */
record Counters(
    LongAccumulator trained,
    LongAccumulator steps,
    LongAccumulator images,
    LongAccumulator failures)
    implements Serializable {
  static Counters of(SparkContext context) {
    return new Counters(
        context.longAccumulator("concepts trained"),
        context.longAccumulator("training steps"),
        context.longAccumulator("images measured"),
        context.longAccumulator("failures"));
  }
}
