/**
 * Networks for metrics. {@link dev.ablation.djl.metric.TorchScriptExtractor} turns any TorchScript
 * file, such as SSCD or Inception, into a feature extractor; {@link
 * dev.ablation.djl.metric.ClipGuide} guides sampling with a CLIP model.
 */
@NullMarked
package dev.ablation.djl.metric;

import org.jspecify.annotations.NullMarked;
