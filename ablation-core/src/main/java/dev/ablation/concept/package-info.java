/**
 * What an ablation removes. A {@link dev.ablation.concept.Concept} is the paper's target concept:
 * it turns an anchor prompt into a target prompt and knows the prompts by which it is looked for
 * afterwards.
 */
@NullMarked
package dev.ablation.concept;

import org.jspecify.annotations.NullMarked;
