/**
 * Metrics on generated images.
 *
 * <ul>
 *   <li>The paper's metrics: {@link dev.ablation.metric.ClipScore} (CLIP score and CLIP accuracy),
 *       {@link dev.ablation.metric.KernelInceptionDistance} between images before and after an
 *       ablation, and {@link dev.ablation.metric.CopyDetection} with the memorization percentage.
 *   <li>Other common metrics: {@link dev.ablation.metric.FrechetInceptionDistance}, {@link
 *       dev.ablation.metric.ClipMmd} and {@link dev.ablation.metric.PerceptualDistance}.
 *   <li>Values: each metric returns a {@link dev.ablation.metric.MetricResult}, which records how
 *       it was measured; a {@link dev.ablation.metric.Bootstrap} computes its {@link
 *       dev.ablation.metric.ConfidenceInterval}. Features are rows of a {@link
 *       dev.ablation.metric.FeatureMatrix}.
 *   <li>Extension points: a {@link dev.ablation.metric.FeatureExtractor} computes features of
 *       images, a {@link dev.ablation.metric.TextImageEncoder} such as CLIP of texts too, and an
 *       {@link dev.ablation.metric.ImageSource} supplies the images.
 * </ul>
 */
@NullMarked
package dev.ablation.metric;

import org.jspecify.annotations.NullMarked;
