/** Tests of rebuilding the data set's images, on emoji sets of a few made-up icons. */
@NullMarked
package dev.ablation.emoji.dataset.rebuild;

import org.jspecify.annotations.NullMarked;
