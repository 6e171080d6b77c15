/**
 * What happens during a run, as plain values: an {@link dev.ablation.event.AblationListener} hears
 * every {@link dev.ablation.event.AblationEvent} in order.
 */
@NullMarked
package dev.ablation.event;

import org.jspecify.annotations.NullMarked;
