/**
 * Gradients and optimiser steps by the engine: the capability that the trainer asks a model for.
 */
@NullMarked
package dev.ablation.djl.train;

import org.jspecify.annotations.NullMarked;
