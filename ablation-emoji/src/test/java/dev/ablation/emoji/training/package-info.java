/** Tests of the embedded model's training, with tiny networks and few steps. */
@NullMarked
package dev.ablation.emoji.training;

import org.jspecify.annotations.NullMarked;
