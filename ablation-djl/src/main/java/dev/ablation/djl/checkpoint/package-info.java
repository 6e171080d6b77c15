/**
 * Reading published checkpoints: the files of a pipeline folder in the layout of diffusers and what
 * they say about the model. The networks of the paper (the denoiser <i>&Phi;</i>, the text encoder,
 * the autoencoder) are stored as folders, one for each part: {@link
 * dev.ablation.djl.checkpoint.WeightFiles} finds the files of a part, whole, in shards or in a
 * variant such as {@code fp16}; {@link dev.ablation.djl.checkpoint.Checkpoint} opens them as one
 * set of named tensors; {@link dev.ablation.djl.checkpoint.JsonConfig} reads the {@code
 * config.json} that describes the network; {@link
 * dev.ablation.djl.checkpoint.TensorMapping} defines how tensors become the weights of a network, in
 * folders and in single files; {@link dev.ablation.djl.checkpoint.SchedulerConfig} reads the noise
 * schedule, what the network predicts and the sampler that the publisher chose. What is wrong with
 * them is reported by an {@link dev.ablation.djl.checkpoint.InvalidCheckpointException}.
 *
 * <p>Weights are read from safetensors files alone. Python pickles are named and refused.
 *
 * <p>Internal API, but for {@link dev.ablation.djl.checkpoint.InvalidCheckpointException}, which
 * users catch, and {@link dev.ablation.djl.checkpoint.JsonConfig}, of which configurations are
 * made.
 */
@NullMarked
package dev.ablation.djl.checkpoint;

import org.jspecify.annotations.NullMarked;
