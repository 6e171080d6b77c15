package dev.ablation.schedule;

/**
 * What a denoising network predicts from a noised sample {@code x = alpha x0 + sigma noise}, where
 * {@code alpha = sqrt(a)} and {@code sigma = sqrt(1 - a)}. Each of the three is a linear function
 * of the others, so that the clean sample is always
 *
 * <pre>{@code x0 = sampleWeight(alpha, sigma) x + predictionWeight(alpha, sigma) prediction}</pre>
 */
public enum PredictionType {
  /**
   * The noise that was added (Ho et al. 2020, arXiv 2006.11239): {@code x0 = (x - sigma prediction)
   * / alpha}.
   */
  EPSILON {
    @Override
    public double sampleWeight(double alpha, double sigma) {
      return 1 / alpha;
    }

    @Override
    public double predictionWeight(double alpha, double sigma) {
      return -sigma / alpha;
    }
  },
  /**
   * The velocity {@code alpha noise - sigma x0} (Salimans and Ho 2022, arXiv 2202.00512): {@code x0
   * = alpha x - sigma prediction}.
   */
  V_PREDICTION {
    @Override
    public double sampleWeight(double alpha, double sigma) {
      return alpha;
    }

    @Override
    public double predictionWeight(double alpha, double sigma) {
      return -sigma;
    }
  },
  /** The clean sample itself: {@code x0 = prediction}. */
  SAMPLE {
    @Override
    public double sampleWeight(double alpha, double sigma) {
      return 0;
    }

    @Override
    public double predictionWeight(double alpha, double sigma) {
      return 1;
    }
  };

  /**
   * Returns the weight of the noised sample in the predicted clean sample.
   *
   * @param alpha the clean sample's factor, {@code sqrt(a)}
   * @param sigma the noise's factor, {@code sqrt(1 - a)}
   * @return the weight; infinite for {@link #EPSILON} where alpha is 0
   */
  public abstract double sampleWeight(double alpha, double sigma);

  /**
   * Returns the weight of the network's prediction in the predicted clean sample.
   *
   * @param alpha the clean sample's factor, {@code sqrt(a)}
   * @param sigma the noise's factor, {@code sqrt(1 - a)}
   * @return the weight; infinite for {@link #EPSILON} where alpha is 0
   */
  public abstract double predictionWeight(double alpha, double sigma);
}
