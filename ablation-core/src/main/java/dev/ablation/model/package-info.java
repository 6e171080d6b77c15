/**
 * The model under ablation. Start with {@link dev.ablation.model.DiffusionModel}: a denoising
 * network with its text conditioning, noise schedule and {@linkplain dev.ablation.model.Weights
 * named weights}, each of which has a {@linkplain dev.ablation.model.WeightRole part}. The weights
 * that an ablation trains are a {@link dev.ablation.model.WeightGroup}; what a model can do beyond
 * predicting noise is a capability, such as {@link dev.ablation.model.Differentiable} (gradients),
 * {@link dev.ablation.model.LoraTraining} (LoRA) and {@link dev.ablation.model.LatentCodec}
 * (images).
 */
@NullMarked
package dev.ablation.model;

import org.jspecify.annotations.NullMarked;
