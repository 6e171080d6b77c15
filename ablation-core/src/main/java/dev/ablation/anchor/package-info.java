/**
 * Anchors: what a model should generate instead of the target (Kumari et al. 2023, section 3.1,
 * "the anchor distribution").
 *
 * <ul>
 *   <li>Start here: the factories of {@link dev.ablation.anchor.AnchorStrategy}, such as {@link
 *       dev.ablation.anchor.AnchorStrategy#generated(String)} for images that the model generates
 *       and {@link dev.ablation.anchor.AnchorStrategy#images(String, java.nio.file.Path)} for your
 *       own.
 *   <li>Prompts: a {@link dev.ablation.anchor.PromptSource} is a list, a file, the built-in
 *       captions or a chat model; it answers a {@link dev.ablation.anchor.PromptRequest}.
 *   <li>Judges: an {@link dev.ablation.anchor.AnchorJudge} counts how often anchor images show the
 *       target, which limits what training can erase; see {@link
 *       dev.ablation.anchor.JudgedAnchors}.
 *   <li>Values: {@link dev.ablation.anchor.AnchorSet} holds the images, {@link
 *       dev.ablation.anchor.AnchorBatch} those of one training step, {@link
 *       dev.ablation.anchor.AnchorJudgement} a judge's counts, {@link
 *       dev.ablation.anchor.AnchorDefaults} a preset's part for anchors. Images may be changed at
 *       each use by an {@link dev.ablation.augment.Augmentation}.
 *   <li>Extension points: {@link dev.ablation.anchor.AnchorStrategy}, {@link
 *       dev.ablation.anchor.AnchorSource}, {@link dev.ablation.anchor.AnchorJudge} and {@link
 *       dev.ablation.anchor.PromptSource}; {@link dev.ablation.anchor.ForwardingAnchorContext} and
 *       {@link dev.ablation.anchor.PromptCollector} help to implement them.
 * </ul>
 */
@NullMarked
package dev.ablation.anchor;

import org.jspecify.annotations.NullMarked;
