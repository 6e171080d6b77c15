/**
 * What a run learned: a {@link dev.ablation.delta.WeightDelta} is a small, named change of weights
 * that can be saved, loaded, scaled, added, applied and taken back.
 */
@NullMarked
package dev.ablation.delta;

import org.jspecify.annotations.NullMarked;
