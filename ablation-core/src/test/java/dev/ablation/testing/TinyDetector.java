package dev.ablation.testing;

import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.metric.FeatureMatrix;

/** Decides image by image, by the features of a {@link TinyEncoder}. */
public final class TinyDetector implements ConceptDetector {
  private final String name;
  private final Rule rule;
  private final TinyEncoder encoder = new TinyEncoder();

  /** When an image shows the concept. */
  @FunctionalInterface
  public interface Rule {
    /**
     * Decides.
     *
     * @param features of all images
     * @param row of the image
     * @return whether it shows the concept
     */
    boolean shows(FeatureMatrix features, int row);
  }

  /**
   * Creates it.
   *
   * @param name of the detector
   * @param rule when an image shows the concept
   */
  public TinyDetector(String name, Rule rule) {
    this.name = name;
    this.rule = rule;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public TinyEncoder extractor() {
    return encoder;
  }

  @Override
  public double[] shows(FeatureMatrix features) {
    double[] shown = new double[features.rows()];
    for (int row = 0; row < shown.length; row++) {
      shown[row] = rule.shows(features, row) ? 1 : 0;
    }
    return shown;
  }
}
