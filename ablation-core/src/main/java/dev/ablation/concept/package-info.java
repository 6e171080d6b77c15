/**
 * What an ablation removes. A {@link dev.ablation.concept.Concept} is the paper's target concept:
 * it turns an anchor prompt into a target prompt. Its {@link dev.ablation.concept.ConceptKind} is
 * one of the paper's: a style, an instance, a memorized image, and some more.
 */
@NullMarked
package dev.ablation.concept;

import org.jspecify.annotations.NullMarked;
