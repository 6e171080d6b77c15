package dev.ablation.evaluation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ClipMmd;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.KernelInceptionDistance;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.MetricStatistics;
import dev.ablation.metric.TextImageEncoder;
import java.awt.image.BufferedImage;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A metric that an evaluation computes for every subject, from its images before and after the
 * ablation. The images arrive batch by batch and are not kept, so memory does not limit their
 * number.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="own-metric"}
 */
@CheckReturnValue
public interface SubjectMetric {

  /** {@return the metric's name in results, such as {@code "KID"}} */
  String name();

  /**
   * Returns whether the metric applies to a subject.
   *
   * @param subject any subject
   * @return true by default
   */
  default boolean measures(Subject subject) {
    return true;
  }

  /**
   * Checks before any image is generated whether the metric can be computed.
   *
   * @param subjects all subjects to which {@link #measures} applies
   * @return the problems, such as too few images; empty if there are none
   */
  default List<String> problems(List<Subject> subjects) {
    return List.of();
  }

  /**
   * Starts to measure a subject. Before an evaluation generates images, it also starts one
   * measurement that receives a single test image and is never completed, to detect an extractor
   * that does not work.
   *
   * @param subject the subject whose images will follow
   * @param anchor name of the target's anchor
   * @param bootstrap settings of the confidence intervals
   * @return the measurement, which receives the images
   */
  Measurement begin(Subject subject, String anchor, Bootstrap bootstrap);

  /** A measurement in progress. */
  interface Measurement {

    /**
     * Adds images.
     *
     * @param batch the next images of the subject, in order
     */
    void add(ImageBatch batch);

    /**
     * Completes the measurement after all images of the subject.
     *
     * @return the value
     */
    Comparison result();
  }

  /**
   * A measurement whose images may be measured in parts, by several processes: each gives the
   * statistics of its images, and one measurement that adds all of them in order has the same
   * result as one that receives all images. All metrics of the library are measured by such ones.
   */
  interface Additive extends Measurement {

    /** {@return statistics of the images so far} */
    MetricStatistics statistics();

    /**
     * Adds images that another process measured.
     *
     * @param next statistics of the next images of the subject, in order
     */
    void add(MetricStatistics next);
  }

  /**
   * Restricts the metric to subjects of some roles: {@code
   * SubjectMetric.fid(inception).onlyOf(Role.UNRELATED)}.
   *
   * @param first the first role
   * @param others further roles
   * @return the restricted metric
   */
  default SubjectMetric onlyOf(Role first, Role... others) {
    return new RestrictedMetric(this, EnumSet.of(first, others));
  }

  /**
   * Creates a metric: the CLIP score as the paper computes it. For unrelated prompts it is the mean
   * score of each image with its own prompt.
   *
   * @param encoder the encoder, such as CLIP ViT-B/32
   * @return the metric
   */
  static SubjectMetric clipScore(TextImageEncoder encoder) {
    return new ClipMetrics.Score(encoder);
  }

  /**
   * Creates a metric: the CLIP accuracy as the paper computes it, the share of images that match
   * the subject's name better than the anchor's. It does not apply to unrelated prompts.
   *
   * @param encoder the encoder, such as CLIP ViT-B/32
   * @return the metric
   */
  static SubjectMetric clipAccuracy(TextImageEncoder encoder) {
    return new ClipMetrics.Accuracy(encoder);
  }

  /**
   * Creates a metric: the zero-shot accuracy over a list of labels, the share of images whose best
   * matching label is their subject. It applies to subjects whose name is a label.
   *
   * @param encoder the encoder, such as CLIP ViT-B/32
   * @param labels names of concepts, at least two; case is ignored
   * @return the metric
   */
  static SubjectMetric zeroShotAccuracy(TextImageEncoder encoder, List<String> labels) {
    return new ClipMetrics.ZeroShot(encoder, labels);
  }

  /**
   * Creates a metric: the KID between the ablated and the base model's images, with 100 subsets of
   * 1,000.
   *
   * @param extractor the extractor, such as Inception or the CLIP image tower
   * @return the metric
   */
  static SubjectMetric kid(FeatureExtractor extractor) {
    return kid(extractor, KernelInceptionDistance.defaults());
  }

  /**
   * Creates a metric: the KID between the ablated and the base model's images.
   *
   * @param extractor the extractor, such as Inception or the CLIP image tower
   * @param distance subsets and seed
   * @return the metric
   */
  static SubjectMetric kid(FeatureExtractor extractor, KernelInceptionDistance distance) {
    return new DistanceMetrics.Kid(extractor, distance);
  }

  /**
   * Creates a metric: the FID between the ablated and the base model's images. It requires at least
   * 2,048 images of a subject.
   *
   * @param extractor the extractor, such as Inception
   * @return the metric
   */
  static SubjectMetric fid(FeatureExtractor extractor) {
    return new DistanceMetrics.Fid(extractor);
  }

  /**
   * Creates a metric: the CMMD between the ablated and the base model's images, with the published
   * kernel.
   *
   * @param extractor a CLIP image tower
   * @return the metric
   */
  static SubjectMetric cmmd(FeatureExtractor extractor) {
    return cmmd(extractor, ClipMmd.defaults());
  }

  /**
   * Creates a metric: the CMMD between the ablated and the base model's images.
   *
   * @param extractor a CLIP image tower
   * @param distance width of the kernel and scale
   * @return the metric
   */
  static SubjectMetric cmmd(FeatureExtractor extractor, ClipMmd distance) {
    return new DistanceMetrics.Cmmd(extractor, distance);
  }

  /**
   * Creates a metric: the mean distance between the two images of each prompt and seed; this is
   * LPIPS if the extractor returns LPIPS features, see {@link
   * dev.ablation.metric.PerceptualDistance}.
   *
   * @param extractor extractor of the features
   * @return the metric
   */
  static SubjectMetric perceptualDistance(FeatureExtractor extractor) {
    return new DistanceMetrics.Perceptual(extractor);
  }

  /**
   * Creates a metric: the share of images that show a concept.
   *
   * @param metric the metric's name in results, such as {@code "target drawn"}
   * @param detector decides which images show the concept
   * @return the metric, for every subject
   */
  static SubjectMetric share(String metric, ConceptDetector detector) {
    return new DetectedShare(metric, detector);
  }

  /**
   * The share of images that show their own subject, by one detector for each subject.
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
   * Retain accuracy (UnlearnCanvas: Zhang et al. 2024, arXiv 2402.11846, section 4): of the images
   * that show their subject before, the share that shows it after.
   *
   * @param detectors finds the detector of a subject; subjects without one are not measured
   * @return the metric, of neighbours and unrelated subjects; it has no base value
   */
  static SubjectMetric keptShare(Function<Subject, Optional<ConceptDetector>> detectors) {
    return new KeptShare(detectors);
  }

  /**
   * In-prompt retention by a detector: the share of images that show what their prompt names beside
   * the target.
   *
   * {@snippet class="dev.ablation.EvaluationSnippets" region="in-prompt"}
   *
   * @param detectors from what a prompt names, see {@link Subject#rests()}, to its detector;
   *     subjects that have a rest without one are not measured
   * @return the metric, of targets, aliases and prompts with something else
   */
  static SubjectMetric inPromptShare(Function<String, Optional<ConceptDetector>> detectors) {
    return new InPromptShare(detectors);
  }

  /**
   * In-prompt retention by CLIP: the mean CLIP score of each image with what its prompt names
   * beside the target (the in-prompt CLIP score of Six-CD: Ren et al. 2024, arXiv 2406.14855).
   *
   * @param encoder the encoder, such as CLIP ViT-B/32
   * @return the metric, of targets, aliases and prompts with something else
   */
  static SubjectMetric inPromptClipScore(TextImageEncoder encoder) {
    return new ClipMetrics.InPrompt(encoder);
  }

  /**
   * Precision (Kynk&auml;&auml;nniemi et al. 2019, arXiv 1904.06991, equation 1 and 2): the share
   * of the ablated model's images that lie within the manifold of the base model's, that is, no
   * farther from one of them than its third nearest neighbour. It falls with the quality of images
   * and does not mind that they differ.
   *
   * @param extractor the extractor, such as Inception or the CLIP image tower
   * @return the metric; it has no base value and requires at least 5 images of a subject
   */
  static SubjectMetric precision(FeatureExtractor extractor) {
    return new DistanceMetrics.Precision(extractor);
  }

  /**
   * How much the pixels change: the mean squared difference of the two images of a prompt and seed,
   * of pixels from 0 to 1. A cheap first check that the target changes more than its neighbours; it
   * needs no neural network.
   *
   * @return the metric, of every subject
   */
  static SubjectMetric pixelChange() {
    return new PixelChange();
  }

  /**
   * Computes the share of images that show a concept, outside of an evaluation.
   *
   * @param metric the metric's name in results
   * @param detector decides which images show the concept
   * @param features features of the images, from the detector's extractor
   * @return the share, 0..1, with its confidence interval
   */
  static MetricResult shareOf(String metric, ConceptDetector detector, FeatureMatrix features) {
    double[] hits = DetectedShare.checked(detector, features);
    return DetectedShare.share(metric, detector, hits, Bootstrap.defaults());
  }

  /**
   * Creates a metric: the memorization percentage, that is, the percentage of images that are
   * copies.
   *
   * @param detection extractor and threshold
   * @param originals the memorized images, at least one
   * @return the metric
   */
  static SubjectMetric memorisation(CopyDetection detection, List<BufferedImage> originals) {
    return new CopyMetric(detection, originals);
  }
}
