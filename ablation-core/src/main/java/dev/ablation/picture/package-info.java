/**
 * Pictures before they reach a network: {@link dev.ablation.picture.PictureFile} reads them from
 * files.
 */
@NullMarked
package dev.ablation.picture;

import org.jspecify.annotations.NullMarked;
