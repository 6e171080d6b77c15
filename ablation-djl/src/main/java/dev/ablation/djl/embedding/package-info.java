/**
 * Textual inversion (Gal et al. 2022): concepts as vectors of new tokens. {@link
 * dev.ablation.djl.embedding.TextualInversion} reads and writes the files that people exchange; a
 * model is {@linkplain dev.ablation.djl.load.LoadOptions#textualInversion opened} with them.
 */
@NullMarked
package dev.ablation.djl.embedding;

import org.jspecify.annotations.NullMarked;
