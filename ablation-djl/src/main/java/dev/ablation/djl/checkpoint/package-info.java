/**
 * Reading published checkpoints: the files of a pipeline folder in the layout of diffusers and what
 * they say about the model. {@link dev.ablation.djl.checkpoint.SchedulerConfig} reads the noise
 * schedule, what the network predicts and the sampler that the publisher chose.
 */
@NullMarked
package dev.ablation.djl.checkpoint;

import org.jspecify.annotations.NullMarked;
