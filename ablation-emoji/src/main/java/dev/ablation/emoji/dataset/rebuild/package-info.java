/**
 * Rebuilds the images of the data set from the emoji sets that their authors published: a {@link
 * dev.ablation.emoji.dataset.rebuild.SourceManifest} says which sets, an {@link
 * dev.ablation.emoji.dataset.rebuild.IconSet} is one of them, {@link
 * dev.ablation.emoji.dataset.rebuild.DataSetBuilder} rasterises what the data set's index lists.
 * {@link dev.ablation.emoji.dataset.rebuild.RebuildDataSet} is the command.
 */
@NullMarked
package dev.ablation.emoji.dataset.rebuild;

import org.jspecify.annotations.NullMarked;
