package dev.ablation.sample;

import ai.djl.ndarray.NDArray;

/**
 * The part of images that is not drawn anew. After each step it takes the place of what was drawn
 * there, noised as the next step expects it.
 *
 * @param clean latents of the images, (B, C, H, W)
 * @param noise the initial noise of the latents, of the same shape
 * @param mask 1 where the images are drawn anew, else 0, (B, 1, H, W)
 */
record KeptPart(NDArray clean, NDArray noise, NDArray mask) {

  /** The latents after a step, with this part of the images; belongs to the drawn ones' manager. */
  NDArray restored(SamplerRun run, int index, NDArray drawn) {
    boolean last = index == run.steps() - 1;
    try (NDArray image = last ? clean.duplicate() : run.addNoise(clean, index + 1, noise);
        NDArray rest = mask.neg().addi(1);
        NDArray kept = image.mul(rest);
        NDArray made = drawn.mul(mask)) {
      NDArray restored = made.add(kept);
      restored.attach(drawn.getManager());
      return restored;
    }
  }
}
