/**
 * The numerical kernels: functions over arrays written in TorchScript, one operation or a few fused
 * ones each, that run on the device of their arguments and through which gradients flow. This is
 * the only package that touches the engine's internals.
 *
 * <p>Internal API: may change in any version.
 */
@NullMarked
package dev.ablation.djl.internal.kernel;

import org.jspecify.annotations.NullMarked;
