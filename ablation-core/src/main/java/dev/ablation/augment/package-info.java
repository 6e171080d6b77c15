/**
 * How anchor images are changed each time that training draws one (Kumari et al. 2023, appendix):
 * an {@link dev.ablation.augment.Augmentation} crops, flips and scales an image, says which latent
 * pixels of the result count and what the target prompt says about its size.
 */
@NullMarked
package dev.ablation.augment;

import org.jspecify.annotations.NullMarked;
