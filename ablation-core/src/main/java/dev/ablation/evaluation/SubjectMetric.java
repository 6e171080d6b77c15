package dev.ablation.evaluation;

import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ClipMmd;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.KernelInceptionDistance;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.TextImageEncoder;
import java.awt.image.BufferedImage;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Something that an evaluation measures of every subject, from the images before and after. They
 * come batch by batch and are not kept, so that their number is not bounded by memory.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="own-metric"}
 */
public interface SubjectMetric {

  /** {@return the name under which results have it, such as {@code "KID"}} */
  String name();

  /**
   * Tells whether a subject is measured.
   *
   * @param subject any
   * @return true unless an implementation says otherwise
   */
  default boolean measures(Subject subject) {
    return true;
  }

  /**
   * Finds what makes the metric impossible, before any image is drawn.
   *
   * @param subjects all that {@link #measures} said yes to
   * @return what is wrong, such as too few images; empty if it can be measured
   */
  default List<String> problems(List<Subject> subjects) {
    return List.of();
  }

  /**
   * Begins to measure a subject. Before an evaluation draws, it also begins one measurement that
   * gets a single made-up image and never ends, so that an extractor that cannot work is found at
   * once.
   *
   * @param subject whose images will come
   * @param anchor name of what is drawn in the place of the target
   * @param bootstrap how confidence intervals are computed
   * @return takes the images
   */
  Measurement begin(Subject subject, String anchor, Bootstrap bootstrap);

  /** A measurement in progress. */
  interface Measurement {

    /**
     * Takes images.
     *
     * @param batch the next ones of the subject, in order
     */
    void add(ImageBatch batch);

    /**
     * Ends the measurement.
     *
     * @return the value, after all images of the subject came
     */
    Comparison result();
  }

  /**
   * Restricts the metric to some subjects: {@code
   * SubjectMetric.fid(inception).onlyOf(Role.UNRELATED)}.
   *
   * @param first what is measured
   * @param others what is measured, too
   * @return the restricted metric
   */
  default SubjectMetric onlyOf(Role first, Role... others) {
    return new RestrictedMetric(this, EnumSet.of(first, others));
  }

  /**
   * CLIP score as the paper computes it; of unrelated prompts the mean score of each image with its
   * own prompt.
   *
   * @param encoder such as CLIP ViT-B/32
   * @return the metric
   */
  static SubjectMetric clipScore(TextImageEncoder encoder) {
    return new ClipMetrics.Score(encoder);
  }

  /**
   * CLIP accuracy as the paper computes it: the share of images that go better with the subject's
   * name than with the anchor's. Not measured of unrelated prompts.
   *
   * @param encoder such as CLIP ViT-B/32
   * @return the metric
   */
  static SubjectMetric clipAccuracy(TextImageEncoder encoder) {
    return new ClipMetrics.Accuracy(encoder);
  }

  /**
   * Zero-shot accuracy over a list of labels: the share of images whose best label is their
   * subject. Measured of the subjects whose name is a label.
   *
   * @param encoder such as CLIP ViT-B/32
   * @param labels names of concepts, at least two, in any case of letters
   * @return the metric
   */
  static SubjectMetric zeroShotAccuracy(TextImageEncoder encoder, List<String> labels) {
    return new ClipMetrics.ZeroShot(encoder, labels);
  }

  /**
   * KID of the ablated model's images from the base model's, with 100 subsets of 1,000.
   *
   * @param extractor such as Inception, or the CLIP image tower
   * @return the metric
   */
  static SubjectMetric kid(FeatureExtractor extractor) {
    return kid(extractor, KernelInceptionDistance.defaults());
  }

  /**
   * KID of the ablated model's images from the base model's.
   *
   * @param extractor such as Inception, or the CLIP image tower
   * @param distance subsets and seed
   * @return the metric
   */
  static SubjectMetric kid(FeatureExtractor extractor, KernelInceptionDistance distance) {
    return new DistanceMetrics.Kid(extractor, distance);
  }

  /**
   * FID of the ablated model's images from the base model's. Refused below 2,048 images of a
   * subject.
   *
   * @param extractor such as Inception
   * @return the metric
   */
  static SubjectMetric fid(FeatureExtractor extractor) {
    return new DistanceMetrics.Fid(extractor);
  }

  /**
   * CMMD of the ablated model's images from the base model's, with the published kernel.
   *
   * @param extractor a CLIP image tower
   * @return the metric
   */
  static SubjectMetric cmmd(FeatureExtractor extractor) {
    return cmmd(extractor, ClipMmd.defaults());
  }

  /**
   * CMMD of the ablated model's images from the base model's.
   *
   * @param extractor a CLIP image tower
   * @param distance width of the kernel and scale
   * @return the metric
   */
  static SubjectMetric cmmd(FeatureExtractor extractor, ClipMmd distance) {
    return new DistanceMetrics.Cmmd(extractor, distance);
  }

  /**
   * The mean distance of two images of one prompt and seed; LPIPS if the extractor is LPIPS', see
   * {@link dev.ablation.metric.PerceptualDistance}.
   *
   * @param extractor of the features
   * @return the metric
   */
  static SubjectMetric perceptualDistance(FeatureExtractor extractor) {
    return new DistanceMetrics.Perceptual(extractor);
  }

  /**
   * The share of images that show something.
   *
   * @param metric the name in results, such as {@code "target drawn"}
   * @param detector tells which images show it
   * @return the metric, of every subject
   */
  static SubjectMetric share(String metric, ConceptDetector detector) {
    return new DetectedShare(metric, detector);
  }

  /**
   * The share of images that show the subject itself: each subject has its own detector.
   *
   * {@snippet class="dev.ablation.EvaluationSnippets" region="share-of-subjects"}
   *
   * @param metric the name in results, such as {@code "drawn as named"}
   * @param detectors finds the detector of a subject; subjects without one are not measured
   * @return the metric
   */
  static SubjectMetric shareOfSubjects(
      String metric, Function<Subject, Optional<ConceptDetector>> detectors) {
    return new ShownSubject(metric, detectors);
  }

  /**
   * How much the pixels change: the mean squared difference of the two images of a prompt and seed,
   * of pixels from 0 to 1. Needs no network; a first look at whether the target changes more than
   * its neighbours.
   *
   * @return the metric, of every subject
   */
  static SubjectMetric pixelChange() {
    return new PixelChange();
  }

  /**
   * Counts the images that show something, outside of an evaluation.
   *
   * @param metric the name in results
   * @param detector tells which images show it
   * @param features of the images, by the detector's extractor
   * @return the share, 0..1, with its confidence interval
   */
  static MetricResult shareOf(String metric, ConceptDetector detector, FeatureMatrix features) {
    double[] hits = DetectedShare.checked(detector, features);
    return DetectedShare.share(metric, detector, hits, Bootstrap.defaults());
  }

  /**
   * The memorisation percentage: how many of a hundred images are copies.
   *
   * @param detection tells copies
   * @param originals the memorised images, at least one
   * @return the metric
   */
  static SubjectMetric memorisation(CopyDetection detection, List<BufferedImage> originals) {
    return new CopyMetric(detection, originals);
  }
}
