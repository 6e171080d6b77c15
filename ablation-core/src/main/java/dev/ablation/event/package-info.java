/**
 * Events of a run, as plain values. An {@link dev.ablation.event.AblationListener} receives every
 * {@link dev.ablation.event.AblationEvent} in order; {@code dev.ablation.listener} has ready-made
 * ones.
 */
@NullMarked
package dev.ablation.event;

import org.jspecify.annotations.NullMarked;
