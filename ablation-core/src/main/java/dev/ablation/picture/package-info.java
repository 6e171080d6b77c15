/**
 * Preparing pictures for a network, pixel for pixel as the Python implementations do it, so that
 * published scores can be compared: {@link dev.ablation.picture.Resampling} resizes as Pillow does,
 * and a {@link dev.ablation.picture.PictureTransform} is the whole way from a picture to the
 * normalised input of a feature extractor such as CLIP.
 */
@NullMarked
package dev.ablation.picture;

import org.jspecify.annotations.NullMarked;
