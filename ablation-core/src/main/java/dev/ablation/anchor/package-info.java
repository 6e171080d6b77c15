/**
 * What a model shall draw instead of the target. An {@link dev.ablation.anchor.AnchorStrategy}
 * yields anchor prompts and the images that they draw, kept as latents in an {@link
 * dev.ablation.anchor.AnchorSet} (Kumari et al. 2023, section 3.1: "the anchor distribution"). The
 * prompts come from a {@link dev.ablation.anchor.PromptSource}: a list, a file, the sets that come
 * with this library, or a chat model. The images are drawn by the model or are the user's own
 * ({@link dev.ablation.anchor.ImageAnchors}); training may see them changed each time ({@link
 * dev.ablation.augment.Augmentation}), and an {@link dev.ablation.anchor.AnchorJudge} tells how
 * often they show the target, the ceiling of what can be erased.
 */
@NullMarked
package dev.ablation.anchor;

import org.jspecify.annotations.NullMarked;
