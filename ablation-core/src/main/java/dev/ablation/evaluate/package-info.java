/**
 * Measuring what an ablation did. A {@link dev.ablation.evaluate.FeatureExtractor} turns pictures
 * into a {@link dev.ablation.evaluate.FeatureMatrix}, batch by batch; {@link
 * dev.ablation.evaluate.CopyDetection} compares pictures with a memorised one (the paper's
 * memorisation percentage). Every metric says with its value which extractor gave the features.
 */
@NullMarked
package dev.ablation.evaluate;

import org.jspecify.annotations.NullMarked;
