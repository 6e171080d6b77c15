/** The Stable Diffusion family as models of this library, computed by DJL's PyTorch engine. */
@NullMarked
package dev.ablation.djl;

import org.jspecify.annotations.NullMarked;
