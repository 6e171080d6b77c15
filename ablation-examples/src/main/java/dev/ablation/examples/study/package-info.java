/**
 * How ways to ablate compare on the embedded model: {@link dev.ablation.examples.study.MethodStudy}
 * removes the same concepts by each {@link dev.ablation.examples.study.Method} and counts, as
 * UnlearnCanvas does (Zhang et al. 2024, arXiv 2402.11846), what is gone and what is kept.
 */
@NullMarked
package dev.ablation.examples.study;

import org.jspecify.annotations.NullMarked;
