/**
 * Pictures before they reach a network: {@link dev.ablation.picture.PictureFile} reads them from
 * files, {@link dev.ablation.picture.Resampling} resizes them as Pillow does, so that published
 * scores can be compared, and a {@link dev.ablation.picture.PictureTransform} is the whole way from
 * a picture to the normalised input of a feature extractor such as CLIP.
 */
@NullMarked
package dev.ablation.picture;

import org.jspecify.annotations.NullMarked;
