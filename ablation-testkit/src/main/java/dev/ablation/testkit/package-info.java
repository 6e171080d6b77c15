/**
 * What an adapter of a model keeps to, as JUnit tests. {@link
 * dev.ablation.testkit.DiffusionModelContract} has all of it; each capability has a contract of its
 * own, such as {@link dev.ablation.testkit.LatentCodecContract}.
 */
@NullMarked
package dev.ablation.testkit;

import org.jspecify.annotations.NullMarked;
