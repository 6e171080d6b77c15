/**
 * Gradients and optimiser steps by the engine: the capability that the trainer asks a model for,
 * and {@linkplain dev.ablation.djl.train.InputGradient gradients with respect to an input}, by
 * which an evaluator guides an image.
 */
@NullMarked
package dev.ablation.djl.train;

import org.jspecify.annotations.NullMarked;
