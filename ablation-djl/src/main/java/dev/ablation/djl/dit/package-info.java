/**
 * What the diffusion transformers share (Peebles and Xie 2023, arXiv 2212.09748; Esser et al. 2024,
 * arXiv 2403.03206): normalisations that a condition scales and shifts, attention over text and
 * image together, the embedding of the condition. Every class is a module of the published module
 * trees, with its names.
 */
@NullMarked
package dev.ablation.djl.dit;

import org.jspecify.annotations.NullMarked;
