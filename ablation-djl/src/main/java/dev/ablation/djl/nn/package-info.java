/**
 * The layers that networks are made of, as DJL blocks. A {@link dev.ablation.djl.nn.Layer} has
 * named children and {@linkplain dev.ablation.djl.nn.Weight weights}; the names are those of the
 * published checkpoints, so that a network is filled without renaming.
 */
@NullMarked
package dev.ablation.djl.nn;

import org.jspecify.annotations.NullMarked;
