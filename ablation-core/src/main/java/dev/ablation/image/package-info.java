/**
 * Images before they reach a network: {@link dev.ablation.image.ImageFile} reads them from files,
 * {@link dev.ablation.image.Resampling} resizes them as Pillow does, so that published scores can
 * be compared, and a {@link dev.ablation.image.ImageTransform} is the whole way from an image to
 * the normalised input of a feature extractor such as CLIP.
 */
@NullMarked
package dev.ablation.image;

import org.jspecify.annotations.NullMarked;
