/**
 * How ways to ablate compare on the embedded model: {@link dev.ablation.emoji.study.MethodStudy}
 * removes the same concepts by each {@link dev.ablation.emoji.study.Method} and counts, as
 * UnlearnCanvas does (Zhang et al. 2024, arXiv 2402.11846), what is gone and what is kept.
 */
@NullMarked
package dev.ablation.emoji.study;

import org.jspecify.annotations.NullMarked;
