package dev.ablation.memory;

import com.google.common.base.Preconditions;
import java.util.Locale;

/**
 * The peak memory of a run, told before it.
 *
 * <p>On a CPU it is the resident memory of the process: the Java runtime and its heap, the engine,
 * the weights (as they are stored if they are mapped from a file, and then as far as they have been
 * read; otherwise as they were converted), float32 copies of the trained weights with gradients and
 * moments, and the arrays of the network's passes. On a GPU it is the memory of the device in use,
 * by any process, the engine's pool and library workspaces included.
 *
 * <p>Most of it is measured: an estimate encodes the prompts, passes a batch of anchors through the
 * network, decodes images for a judge or an augmentation, makes training steps and the delta.
 * Loading the model and an evaluation are not part of it.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * @param ofDevice whether it is that of a GPU, not of the process
 * @param atStart bytes in use before: the loaded model and everything else
 * @param measured bytes in use at the highest point of the measured work, those at the start
 *     included
 * @param computed bytes that only the whole run has: the latents of the anchor images that the
 *     measurement left out, and the copy of the best weights if the training has monitors
 */
public record PeakMemory(boolean ofDevice, long atStart, long measured, long computed) {

  /** Checks the ranges. */
  public PeakMemory {
    Preconditions.checkArgument(atStart >= 0, "atStart must not be negative, was %s", atStart);
    Preconditions.checkArgument(measured > 0, "measured must be positive, was %s", measured);
    Preconditions.checkArgument(computed >= 0, "computed must not be negative, was %s", computed);
  }

  /** {@return the peak of the run in bytes: measured and computed} */
  public long bytes() {
    return measured + computed;
  }

  /** {@return the bytes that the run adds to those at the start, at its peak} */
  public long increase() {
    return Math.max(0, bytes() - atStart);
  }

  /** {@return the peak, and how much of it is in use before, in megabytes} */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%,.1f MB at the peak of the %s, of which %,.1f MB are in use now",
        bytes() / 1e6,
        ofDevice ? "GPU" : "process",
        atStart / 1e6);
  }
}
