/**
 * Checkpoints of training. {@link dev.ablation.checkpoint.Checkpoints} sets where and how often a
 * run saves its state; started again, the same plan continues from there and gives the same bytes
 * as without the interruption. {@link dev.ablation.checkpoint.RunFolder} is the folder on disk.
 */
@NullMarked
package dev.ablation.checkpoint;

import org.jspecify.annotations.NullMarked;
