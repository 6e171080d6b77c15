/**
 * Memorised images, the whole way (Kumari et al. 2023, section 4). A {@link
 * dev.ablation.memorized.MemorizationSurvey} asks for other wordings of an image's caption, draws
 * some images for each and finds its {@link dev.ablation.memorized.CopyRate}: how many of them are
 * copies of the image. The {@link dev.ablation.memorized.SurveyResult} makes the target of the
 * captions and the wordings that copy often, and the anchor, {@link
 * dev.ablation.memorized.CopyFreeAnchors}, of those that seldom do. {@link
 * dev.ablation.memorized.MemorizationPercentage} is measured before and after.
 */
@NullMarked
package dev.ablation.memorized;

import org.jspecify.annotations.NullMarked;
