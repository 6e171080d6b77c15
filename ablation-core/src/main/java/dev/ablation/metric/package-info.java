/**
 * Measuring what an ablation did. A {@link dev.ablation.metric.FeatureExtractor} turns images into
 * a {@link dev.ablation.metric.FeatureMatrix}, batch by batch; a {@link
 * dev.ablation.metric.TextImageEncoder} such as CLIP puts texts beside them. The paper's metrics
 * are {@link dev.ablation.metric.ClipScore} (CLIP score and CLIP accuracy), {@link
 * dev.ablation.metric.KernelInceptionDistance} between images before and after, and {@link
 * dev.ablation.metric.CopyDetection} with the memorisation percentage; others in the field are
 * {@link dev.ablation.metric.FrechetInceptionDistance}, {@link dev.ablation.metric.ClipMmd} and
 * {@link dev.ablation.metric.PerceptualDistance}. Each gives a {@link
 * dev.ablation.metric.MetricResult}, which says how it was measured.
 */
@NullMarked
package dev.ablation.metric;

import org.jspecify.annotations.NullMarked;
