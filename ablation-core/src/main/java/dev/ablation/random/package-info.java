/**
 * Randomness that depends on names, not on the order of calls: {@link
 * dev.ablation.random.RandomStreams} derives a generator of its own from (seed, purpose, index), so
 * that resuming, evaluating or changing the batch size never changes what another part draws.
 */
@NullMarked
package dev.ablation.random;

import org.jspecify.annotations.NullMarked;
