/**
 * What an adapter of a model keeps to, as JUnit tests: extend {@link
 * dev.ablation.testkit.DiffusionModelContract}.
 */
@NullMarked
package dev.ablation.testkit;

import org.jspecify.annotations.NullMarked;
