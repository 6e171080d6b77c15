/**
 * Rebuilds the images of the data set from the emoji sets that their authors published: a {@link
 * dev.ablation.examples.dataset.rebuild.SourceManifest} says which sets, an {@link
 * dev.ablation.examples.dataset.rebuild.IconSet} is one of them, {@link
 * dev.ablation.examples.dataset.rebuild.DataSetBuilder} rasterises what the data set's index lists.
 * {@link dev.ablation.examples.dataset.rebuild.RebuildDataSet} is the command.
 */
@NullMarked
package dev.ablation.examples.dataset.rebuild;

import org.jspecify.annotations.NullMarked;
