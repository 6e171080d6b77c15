/**
 * Checkpoints in one file. {@link dev.ablation.djl.internal.singlefile.FileContent} finds out from
 * names and shapes what is in it, {@link dev.ablation.djl.internal.singlefile.DerivedConfigs} what
 * the networks look like, {@link dev.ablation.djl.internal.singlefile.Tokenizers} has the
 * vocabularies that such files leave out, and {@link
 * dev.ablation.djl.internal.singlefile.FileLayout} is what is written.
 *
 * <p>Internal: users call {@code load} of a model's class.
 */
@NullMarked
package dev.ablation.djl.internal.singlefile;

import org.jspecify.annotations.NullMarked;
