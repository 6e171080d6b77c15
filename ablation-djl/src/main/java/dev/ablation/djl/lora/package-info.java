/**
 * LoRA files, the form in which the tools of the Stable Diffusion family exchange changes of a
 * model. {@link dev.ablation.djl.lora.LoraFile} writes the delta of a run that trained {@linkplain
 * dev.ablation.model.Lora low-rank changes}, in the spelling of diffusers or of kohya's scripts,
 * and reads the files of either as a {@link dev.ablation.delta.WeightDelta}.
 */
@NullMarked
package dev.ablation.djl.lora;

import org.jspecify.annotations.NullMarked;
