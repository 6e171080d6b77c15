/**
 * Reading published checkpoints: the files of a pipeline folder in the layout of diffusers and what
 * they say about the model. The networks of the paper (the denoiser <i>&Phi;</i>, the text encoder,
 * the autoencoder) are stored as folders, one for each part: {@link
 * dev.ablation.djl.internal.checkpoint.WeightFiles} finds the files of a part, whole, in shards or
 * in a variant such as {@code fp16}; {@link dev.ablation.djl.internal.checkpoint.Checkpoint} opens
 * them as one set of named tensors; {@link dev.ablation.djl.load.JsonConfig} reads the {@code
 * config.json} that says what the network looks like; {@link
 * dev.ablation.djl.internal.checkpoint.TensorMapping} says how tensors become the weights of a
 * network, in folders and in single files; {@link
 * dev.ablation.djl.internal.checkpoint.SchedulerConfig} reads the noise schedule, what the network
 * predicts and the sampler that the publisher chose. What is wrong with them is told by {@link
 * dev.ablation.djl.load.InvalidCheckpointException}.
 *
 * <p>Weights are read from safetensors files alone. Python pickles are named and refused.
 */
@NullMarked
package dev.ablation.djl.internal.checkpoint;

import org.jspecify.annotations.NullMarked;
