/** What was removed from a model, in which order: {@link dev.ablation.job.ledger.Ledger}. */
@NullMarked
package dev.ablation.job.ledger;

import org.jspecify.annotations.NullMarked;
