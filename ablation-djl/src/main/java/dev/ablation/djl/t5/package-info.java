/**
 * T5 (Raffel et al. 2020, arXiv 1910.10683; the form of version 1.1): the {@linkplain
 * dev.ablation.djl.t5.T5Tokenizer tokenizer} that turns a prompt into ids, and the {@linkplain
 * dev.ablation.djl.t5.T5EncoderModel encoder} that turns the ids into text embeddings.
 */
@NullMarked
package dev.ablation.djl.t5;

import org.jspecify.annotations.NullMarked;
