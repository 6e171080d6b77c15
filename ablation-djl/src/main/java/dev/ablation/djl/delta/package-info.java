/**
 * Files in which the paper's published code keeps an ablated model: {@link
 * dev.ablation.djl.delta.ConceptAblationFile} reads them as a {@link
 * dev.ablation.delta.WeightDelta}.
 */
@NullMarked
package dev.ablation.djl.delta;

import org.jspecify.annotations.NullMarked;
