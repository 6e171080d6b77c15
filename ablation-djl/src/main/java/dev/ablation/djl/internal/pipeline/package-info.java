/**
 * Opening of pipelines. A {@linkplain dev.ablation.djl.internal.pipeline.PipelineClass pipeline
 * class} is a list of {@linkplain dev.ablation.djl.internal.pipeline.Component components}, each
 * with the classes that it accepts and one reader; {@link
 * dev.ablation.djl.internal.pipeline.PipelineLoader} does the rest for all of them. {@linkplain
 * dev.ablation.djl.internal.pipeline.CheckpointSource Where the files are} is another matter: in a
 * folder of diffusers or in one file for several networks.
 *
 * <p>Internal: users call {@code load} of a model's class.
 */
@NullMarked
package dev.ablation.djl.internal.pipeline;

import org.jspecify.annotations.NullMarked;
