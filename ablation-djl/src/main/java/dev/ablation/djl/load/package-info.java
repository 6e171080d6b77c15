/** How models are opened: {@link dev.ablation.djl.load.LoadOptions}. */
@NullMarked
package dev.ablation.djl.load;

import org.jspecify.annotations.NullMarked;
