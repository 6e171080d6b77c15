package dev.ablation.fuzz;

import java.util.SplittableRandom;

/** Damages the content of a file, in a way that suits its format. */
@FunctionalInterface
public interface Mutator {
  /**
   * Damages a content.
   *
   * @param content not changed
   * @param random decides about the damage
   * @return another content
   */
  byte[] mutate(byte[] content, SplittableRandom random);
}
