/**
 * The run of a plan: its check, its estimate, its anchors and batches, training, evaluation. No
 * part of the interface for users, who find all of it behind {@code Ablation}; what is public here
 * is so only for that class, and may change at any time.
 */
@NullMarked
package dev.ablation.run;

import org.jspecify.annotations.NullMarked;
