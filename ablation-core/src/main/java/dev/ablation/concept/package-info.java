/**
 * Target concepts: what an ablation removes.
 *
 * <ul>
 *   <li>Start here: the factories of {@link dev.ablation.concept.Concept}, such as {@link
 *       dev.ablation.concept.Concept#style(String)}.
 *   <li>Values: {@link dev.ablation.concept.ConceptKind}, {@link
 *       dev.ablation.concept.StyleTemplates}, {@link dev.ablation.concept.MemorizedImage}, {@link
 *       dev.ablation.concept.PromptPairs} and {@link dev.ablation.concept.PromptPair}.
 *   <li>Extension point: implement {@link dev.ablation.concept.Concept} to derive target prompts
 *       from anchor prompts by a rule of your own.
 * </ul>
 */
@NullMarked
package dev.ablation.concept;

import org.jspecify.annotations.NullMarked;
