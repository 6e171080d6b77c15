/** The native tokenizer library, which the text encoders' tokenizers share. */
@NullMarked
package dev.ablation.djl.internal.tokenizer;

import org.jspecify.annotations.NullMarked;
