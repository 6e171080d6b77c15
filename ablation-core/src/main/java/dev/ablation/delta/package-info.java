/**
 * The result of training: a {@link dev.ablation.delta.WeightDelta} is a change of some weights that
 * can be saved, loaded, scaled, added, applied and reverted.
 */
@NullMarked
package dev.ablation.delta;

import org.jspecify.annotations.NullMarked;
