/**
 * Reading and preparing images.
 *
 * <ul>
 *   <li>{@link dev.ablation.image.ImageFile} reads image files and writes PNG files.
 *   <li>{@link dev.ablation.image.Resampling} resizes images exactly as Pillow does, so that scores
 *       can be compared with published ones.
 *   <li>{@link dev.ablation.image.ImageTransform} converts images to the normalized input of a
 *       feature extractor such as CLIP.
 * </ul>
 */
@NullMarked
package dev.ablation.image;

import org.jspecify.annotations.NullMarked;
