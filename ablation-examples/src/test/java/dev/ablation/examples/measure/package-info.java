/** Tests of the measurement of the embedded model. */
@NullMarked
package dev.ablation.examples.measure;

import org.jspecify.annotations.NullMarked;
