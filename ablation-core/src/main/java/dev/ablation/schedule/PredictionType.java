package dev.ablation.schedule;

/**
 * What a denoising network predicts from a noised sample {@code x = alpha x0 + sigma noise}. Each
 * type is a linear function of clean sample and noise, so that
 *
 * <pre>{@code
 * target = targetSampleWeight(alpha, sigma) x0 + targetNoiseWeight(alpha, sigma) noise
 * x0     = sampleWeight(alpha, sigma) x + predictionWeight(alpha, sigma) prediction
 * }</pre>
 */
public enum PredictionType {
  /**
   * The noise that was added (Ho et al. 2020, arXiv 2006.11239): {@code x0 = (x - sigma prediction)
   * / alpha}.
   */
  EPSILON {
    @Override
    public double targetSampleWeight(double alpha, double sigma) {
      return 0;
    }

    @Override
    public double targetNoiseWeight(double alpha, double sigma) {
      return 1;
    }

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
   * = alpha x - sigma prediction} where {@code alpha^2 + sigma^2 = 1}.
   */
  V_PREDICTION {
    @Override
    public double targetSampleWeight(double alpha, double sigma) {
      return -sigma;
    }

    @Override
    public double targetNoiseWeight(double alpha, double sigma) {
      return alpha;
    }

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
    public double targetSampleWeight(double alpha, double sigma) {
      return 1;
    }

    @Override
    public double targetNoiseWeight(double alpha, double sigma) {
      return 0;
    }

    @Override
    public double sampleWeight(double alpha, double sigma) {
      return 0;
    }

    @Override
    public double predictionWeight(double alpha, double sigma) {
      return 1;
    }
  },
  /**
   * The velocity {@code noise - x0} of a {@linkplain RectifiedFlow rectified flow} (Liu et al.
   * 2022, arXiv 2209.03003): {@code x0 = x - sigma prediction} where {@code alpha = 1 - sigma}.
   */
  FLOW {
    @Override
    public double targetSampleWeight(double alpha, double sigma) {
      return -1;
    }

    @Override
    public double targetNoiseWeight(double alpha, double sigma) {
      return 1;
    }

    @Override
    public double sampleWeight(double alpha, double sigma) {
      return 1;
    }

    @Override
    public double predictionWeight(double alpha, double sigma) {
      return -sigma;
    }
  };

  /**
   * Returns the weight of the clean sample in what the network should predict.
   *
   * @param alpha the clean sample's factor
   * @param sigma the noise's factor
   * @return the weight
   */
  public abstract double targetSampleWeight(double alpha, double sigma);

  /**
   * Returns the weight of the noise in what the network should predict.
   *
   * @param alpha the clean sample's factor
   * @param sigma the noise's factor
   * @return the weight
   */
  public abstract double targetNoiseWeight(double alpha, double sigma);

  /**
   * Returns the weight of the noised sample in the predicted clean sample.
   *
   * @param alpha the clean sample's factor
   * @param sigma the noise's factor
   * @return the weight; infinite for {@link #EPSILON} where alpha is 0
   */
  public abstract double sampleWeight(double alpha, double sigma);

  /**
   * Returns the weight of the network's prediction in the predicted clean sample.
   *
   * @param alpha the clean sample's factor
   * @param sigma the noise's factor
   * @return the weight; infinite for {@link #EPSILON} where alpha is 0
   */
  public abstract double predictionWeight(double alpha, double sigma);
}
