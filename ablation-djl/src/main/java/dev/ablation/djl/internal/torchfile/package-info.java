/**
 * Files of Python's {@code torch.save}, which are pickles: programs for a machine that builds
 * objects. {@link dev.ablation.djl.internal.torchfile.TorchFile} runs the few instructions that
 * tensors in dictionaries need and builds nothing else. No name in a file is ever looked up in the
 * JVM: names are compared with a fixed list, and a file that has another one is refused with that
 * name. What a file can claim is bounded by its own size.
 *
 * <p>{@link dev.ablation.djl.internal.torchfile.NamedTensors} gives such a file and a safetensors
 * file the same form.
 */
@NullMarked
package dev.ablation.djl.internal.torchfile;

import org.jspecify.annotations.NullMarked;
