package dev.ablation.sample;

/**
 * The progress of sampling after a step.
 *
 * @param step steps made for this batch, from 1
 * @param steps steps of each batch: calls of the network
 * @param firstImage index of the batch's first image, from 0
 * @param batchImages images in the batch
 * @param totalImages images in all batches
 */
public record SamplingProgress(
    int step, int steps, int firstImage, int batchImages, int totalImages) {

  /** {@return the share of all work that is done, above 0 and at most 1} */
  public double fraction() {
    return (firstImage + batchImages * (step / (double) steps)) / totalImages;
  }
}
