package dev.ablation.spark;

/**
 * How far a list is.
 *
 * @param step what is done, as Spark's page describes it
 * @param done tasks of the step that succeeded
 * @param total all tasks of the step
 */
public record SparkProgress(String step, int done, int total) {}
