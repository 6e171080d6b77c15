/**
 * Networks that judge pictures. A {@link dev.ablation.djl.evaluate.TorchScriptExtractor} makes any
 * TorchScript file, such as SSCD or Inception, a feature extractor of the metrics.
 */
@NullMarked
package dev.ablation.djl.evaluate;

import org.jspecify.annotations.NullMarked;
