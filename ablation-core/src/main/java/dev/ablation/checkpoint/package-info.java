/**
 * What lets a long run be interrupted. {@link dev.ablation.checkpoint.Checkpoints} says where and
 * how often a run keeps its state; started again, the same plan goes on from there, to the bytes
 * that it would have reached without the interruption. {@link dev.ablation.checkpoint.RunFolder} is
 * that place on disk.
 */
@NullMarked
package dev.ablation.checkpoint;

import org.jspecify.annotations.NullMarked;
