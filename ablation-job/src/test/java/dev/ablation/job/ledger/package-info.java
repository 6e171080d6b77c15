@NullMarked
package dev.ablation.job.ledger;

import org.jspecify.annotations.NullMarked;
