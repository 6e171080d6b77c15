/** Tests of the data set, its captions and the judge by the nearest image. */
@NullMarked
package dev.ablation.emoji.dataset;

import org.jspecify.annotations.NullMarked;
