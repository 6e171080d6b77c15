package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.nn.NamedWeights;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Map;

/**
 * What is trained in a stage and on what. All random numbers of a step follow from the number of
 * the step, so that a resumed stage draws the same as an uninterrupted one.
 *
 * @param <N> the networks of the stage
 */
interface Stage<N> {
  /** The stage's name, which its files have. */
  String name();

  /** Makes the networks of one worker; those of the first one with random weights. */
  N networks(NDManager manager, boolean weights);

  /** The weights that are trained. */
  NamedWeights trained(N networks);

  /**
   * The loss of one worker's share of a step's batch.
   *
   * @param step 1 for the first
   * @param from index in the batch of the share's first row
   * @param count rows of the share
   */
  NDArray loss(N networks, int step, int from, int count, NDManager scope);

  /** What is measured from time to time, by name; called with averaged weights. */
  Map<String, Double> measure(N networks, NDManager scope);

  /** What takes long to measure, by name; called with averaged weights. */
  default Map<String, Double> judge(N networks, NDManager scope) {
    return Map.of();
  }

  /** Images that show how far the training is; called with averaged weights; perhaps none. */
  List<BufferedImage> sheet(N networks, NDManager scope);
}
