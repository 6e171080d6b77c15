/**
 * Random numbers that depend on names instead of the order of calls. {@link
 * dev.ablation.random.RandomStreams} derives an independent generator from a seed, a purpose and an
 * index, so that resuming, evaluating or changing the batch size never changes what another part
 * draws.
 */
@NullMarked
package dev.ablation.random;

import org.jspecify.annotations.NullMarked;
