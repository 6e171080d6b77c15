/**
 * How fast and how small the library is. {@link dev.ablation.benchmarks.PeerComparison} measures it
 * against diffusers, the Python library that the paper's authors used, on the same weights; {@link
 * dev.ablation.benchmarks.MemoryFlatness} looks for leaks; the JMH benchmarks measure single parts.
 */
@NullMarked
package dev.ablation.benchmarks;

import org.jspecify.annotations.NullMarked;
