/**
 * Reads and writes safetensors files, the form in which models are published and in which this
 * library stores what an ablation learned. The weights of a paper's network (the matrices
 * <i>W<sup>k</sup></i> and <i>W<sup>v</sup></i> of cross-attention, say) are the tensors of a
 * {@link dev.ablation.safetensors.SafetensorsFile}, each described by a {@link
 * dev.ablation.safetensors.TensorEntry}; {@link dev.ablation.safetensors.SafetensorsWriter} writes
 * them back, from arrays or straight from another file ({@link
 * dev.ablation.safetensors.TensorSource}). {@link dev.ablation.safetensors.Dtype} names the number
 * formats and {@link dev.ablation.safetensors.NarrowFloats} converts the narrow ones.
 *
 * <p>Python pickles are recognised, named and rejected; nothing in a file is ever executed.
 */
@NullMarked
package dev.ablation.safetensors;

import org.jspecify.annotations.NullMarked;
