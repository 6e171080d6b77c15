package dev.ablation.closedform;

/**
 * An edit that has no factor common to all weights: what multiplies a weight depends on the weight
 * itself. Has to be stored weight by weight.
 */
public sealed interface PerMatrixEdit extends WeightEdit permits TensorEdit, OrthogonalEdit {}
