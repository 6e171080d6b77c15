/**
 * A Spring Boot starter: {@code ablation.model} names a checkpoint, {@code ablation.variants} the
 * deltas of each variant, and the application gets a {@link dev.ablation.serve.ModelPool} with
 * health and metrics.
 */
@NullMarked
package dev.ablation.spring;

import org.jspecify.annotations.NullMarked;
