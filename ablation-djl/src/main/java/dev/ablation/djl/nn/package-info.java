/**
 * The layers that networks are made of, as DJL blocks. A {@link dev.ablation.djl.nn.Layer} has
 * named children and {@linkplain dev.ablation.djl.nn.Weight weights}; the names are those of the
 * published checkpoints, so that a network is filled without renaming.
 *
 * <p>Internal API: public because the networks of other packages are made of it. Users meet {@link
 * dev.ablation.djl.nn.Layer} as the type of a network and {@link dev.ablation.djl.nn.Precision} as
 * an option, and need no more.
 */
@NullMarked
package dev.ablation.djl.nn;

import org.jspecify.annotations.NullMarked;
