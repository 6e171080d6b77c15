/** Tests of the measurement of the embedded model. */
@NullMarked
package dev.ablation.emoji.measure;

import org.jspecify.annotations.NullMarked;
