/**
 * The complete treatment of memorized images (Kumari et al. 2023, section 4).
 *
 * <ul>
 *   <li>Start here: a {@link dev.ablation.memorized.MemorizationSurvey} requests paraphrases of an
 *       image's caption, generates images for each and measures its {@link
 *       dev.ablation.memorized.CopyRate}, the share of copies.
 *   <li>Results: a {@link dev.ablation.memorized.SurveyResult} has the plan of an ablation. Its
 *       target consists of the captions and the paraphrases that often reproduce the image; its
 *       anchor, {@link dev.ablation.memorized.CopyFreeAnchors}, of those that seldom do.
 *   <li>Measurement: {@link dev.ablation.memorized.MemorizationPercentage} before and after the
 *       ablation.
 *   <li>Settings: {@link dev.ablation.memorized.SurveyRules}.
 * </ul>
 */
@NullMarked
package dev.ablation.memorized;

import org.jspecify.annotations.NullMarked;
