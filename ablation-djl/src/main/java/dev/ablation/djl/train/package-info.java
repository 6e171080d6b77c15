/**
 * Gradients and optimiser steps by the engine: the capability that the trainer requires of a model,
 * and {@linkplain dev.ablation.djl.train.InputGradient gradients with respect to an input}, by
 * which an evaluator guides an image.
 */
@NullMarked
package dev.ablation.djl.train;

import org.jspecify.annotations.NullMarked;
