/**
 * Measuring what an ablation did. A {@link dev.ablation.evaluate.FeatureExtractor} turns pictures
 * into a {@link dev.ablation.evaluate.FeatureMatrix}, batch by batch; a {@link
 * dev.ablation.evaluate.TextImageEncoder} such as CLIP puts texts beside them. The paper's metrics
 * are {@link dev.ablation.evaluate.ClipScore} (CLIP score and CLIP accuracy), {@link
 * dev.ablation.evaluate.KernelInceptionDistance} between pictures before and after, and {@link
 * dev.ablation.evaluate.CopyDetection} with the memorisation percentage; others in the field are
 * {@link dev.ablation.evaluate.FrechetInceptionDistance}, {@link dev.ablation.evaluate.ClipMmd} and
 * {@link dev.ablation.evaluate.PerceptualDistance}. Each gives a {@link
 * dev.ablation.evaluate.MetricResult}, which says how it was measured.
 */
@NullMarked
package dev.ablation.evaluate;

import org.jspecify.annotations.NullMarked;
