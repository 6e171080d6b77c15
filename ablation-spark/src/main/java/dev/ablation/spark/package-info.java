/**
 * Many jobs on many machines: Apache Spark runs the jobs of a list, evaluates their results in
 * parts, and merges them into one model. Start at {@link dev.ablation.spark.SparkAblation}.
 */
@NullMarked
package dev.ablation.spark;

import org.jspecify.annotations.NullMarked;
