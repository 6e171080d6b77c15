/**
 * Models of the Hugging Face Hub: {@link dev.ablation.djl.hub.Hub} fetches the files that a
 * pipeline needs into the cache that Python's huggingface_hub uses too.
 */
@NullMarked
package dev.ablation.djl.hub;

import org.jspecify.annotations.NullMarked;
