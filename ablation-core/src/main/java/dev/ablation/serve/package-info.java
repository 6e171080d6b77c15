/**
 * Serving: one open model that many threads draw from, each request under its own deltas.
 *
 * <p>Start at {@link dev.ablation.serve.ModelPool}.
 */
@NullMarked
package dev.ablation.serve;

import org.jspecify.annotations.NullMarked;
