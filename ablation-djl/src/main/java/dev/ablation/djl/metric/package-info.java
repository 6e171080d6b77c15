/**
 * Networks that judge images. A {@link dev.ablation.djl.metric.TorchScriptExtractor} makes any
 * TorchScript file, such as SSCD or Inception, a feature extractor of the metrics.
 */
@NullMarked
package dev.ablation.djl.metric;

import org.jspecify.annotations.NullMarked;
