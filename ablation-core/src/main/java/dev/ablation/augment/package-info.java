/**
 * Random changes of anchor images each time training uses them (Kumari et al. 2023, appendix). An
 * {@link dev.ablation.augment.Augmentation} crops, flips and scales an image for a {@link
 * dev.ablation.augment.Canvas}; the {@link dev.ablation.augment.AugmentedImage} has the pixels, the
 * mask of the latent pixels that count, and words about the size for the target prompt.
 */
@NullMarked
package dev.ablation.augment;

import org.jspecify.annotations.NullMarked;
