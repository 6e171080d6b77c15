package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.PromptSource;
import dev.ablation.concept.MemorizedImage;
import dev.ablation.image.ImageFile;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.PooledPixels;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds out which wordings of a memorised image's caption bring the image back and which do not,
 * the paper's way (Kumari et al. 2023, section 4.3). Each wording is drawn some times, and its copy
 * rate is the share of copies. Wordings with a low rate become anchor prompts, those with a high
 * one further target prompts. If there are few anchors, their own wordings are tried too.
 *
 * {@snippet class="dev.ablation.Snippets" region="memorization-survey"}
 *
 * <p>The captions are rated as well, which tells whether the model has memorised the image at all.
 * Rating a prompt from the same seed gives the same images, whatever else is rated. Every method
 * returns a changed copy.
 *
 * @param image the captions that draw it
 * @param originals the image itself, perhaps in several forms; at least one
 * @param paraphrases gives other wordings: a chat model, a file, a list; its answers are checked as
 *     {@link PromptSource#checked()} does
 * @param detection tells copies
 * @param rules what makes an anchor or a target, and the limits
 * @param sampling how images are drawn
 * @param seed that every image's noise comes from
 * @param folder that scores are kept in; {@code null} keeps none
 */
public record MemorizationSurvey(
    MemorizedImage image,
    List<BufferedImage> originals,
    PromptSource paraphrases,
    CopyDetection detection,
    SurveyRules rules,
    SamplingSettings sampling,
    long seed,
    @Nullable Path folder) {
  /**
   * The threshold for {@link PooledPixels}: far above what different images reach and far below
   * what copies do. Measured on the embedded emoji model, 64 x 64 pixels. Of its 1,626 other
   * training images the nearest to the memorised one has 0.29, one in a hundred more than 0.14,
   * half of them more than -0.15. Of the images that it draws in 8 or 25 steps, 36 for the caption
   * have 0.95 each; for four wordings, copies have at least 0.91, an image that is half a copy
   * 0.51, and all others at most 0.11, as do those for captions of other things.
   */
  public static final double PIXELS_THRESHOLD = 0.6;

  /** Checks that nothing is missing. */
  public MemorizationSurvey {
    Objects.requireNonNull(image, "image");
    originals = Originals.checked(originals);
    Objects.requireNonNull(paraphrases, "paraphrases");
    Objects.requireNonNull(detection, "detection");
    Objects.requireNonNull(rules, "rules");
    Objects.requireNonNull(sampling, "sampling");
  }

  /**
   * A survey with {@link SurveyRules#defaults()}, {@link SamplingSettings#defaults()} (DPM-Solver++
   * with 25 steps), seed 0 and copies told by {@link PooledPixels} with {@link #PIXELS_THRESHOLD}.
   * For photographs give a copy detector such as SSCD by {@link #detection(CopyDetection)}.
   *
   * @param image the captions, and the file of the image
   * @param paraphrases gives other wordings
   * @return the survey
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the image has no file
   */
  public static MemorizationSurvey of(MemorizedImage image, PromptSource paraphrases)
      throws IOException {
    Path file = image.image();
    Preconditions.checkArgument(
        file != null, "%s must have a file to tell copies by, but has none", image);
    return of(image, List.of(ImageFile.read(file)), paraphrases);
  }

  /**
   * A survey as {@link #of(MemorizedImage, PromptSource)} makes, of an image in memory.
   *
   * @param image the captions
   * @param originals the image itself, perhaps in several forms; at least one
   * @param paraphrases gives other wordings
   * @return the survey
   */
  public static MemorizationSurvey of(
      MemorizedImage image, List<BufferedImage> originals, PromptSource paraphrases) {
    return new MemorizationSurvey(
        image,
        originals,
        paraphrases,
        new CopyDetection(new PooledPixels(), PIXELS_THRESHOLD),
        SurveyRules.defaults(),
        SamplingSettings.defaults(),
        0,
        null);
  }

  /**
   * Changes how copies are told.
   *
   * @param detection such as SSCD with {@link CopyDetection#SSCD_THRESHOLD}
   * @return a changed copy
   */
  public MemorizationSurvey detection(CopyDetection detection) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Changes numbers and limits.
   *
   * @param rules what makes an anchor or a target, and when to stop
   * @return a changed copy
   */
  public MemorizationSurvey rules(SurveyRules rules) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Changes how images are drawn.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a changed copy
   */
  public MemorizationSurvey sampling(SamplingSettings sampling) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Changes the seed.
   *
   * @param seed any
   * @return a changed copy
   */
  public MemorizationSurvey seed(long seed) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Keeps the scores of each prompt as a file, so that an interrupted survey goes on where it
   * stopped. A file is found again only if everything that shaped its scores is the same, the
   * prompt among it: keep the answers of a chat model too, by {@link PromptSource#keptIn}.
   *
   * @param folder is created if it is missing; several surveys may share it
   * @return a changed copy
   */
  public MemorizationSurvey keptIn(Path folder) {
    Objects.requireNonNull(folder, "folder");
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Returns the measurement of the captions, to be made before and after.
   *
   * @param images how many are drawn, positive
   * @return the measurement, with this survey's originals, detection, sampling and seed
   */
  public MemorizationPercentage percentage(int images) {
    return new MemorizationPercentage(
        image.captions(), originals, detection, images, sampling, seed);
  }

  /**
   * Asks, draws and counts.
   *
   * @param model draws; it is not changed
   * @return what was found
   * @throws IOException if wordings cannot be fetched, or a file of scores cannot be read or
   *     written
   * @throws TooFewWordingsException if a limit is reached before there are enough anchor prompts
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if the thread was interrupted
   */
  public SurveyResult run(DiffusionModel model) throws IOException {
    return run(model, progress -> {}, () -> false);
  }

  /**
   * Asks, draws and counts.
   *
   * @param model draws; it is not changed
   * @param listener told after each prompt, on the calling thread; what it throws ends the survey
   * @param cancelled asked before each prompt and each step of the sampler; true ends the survey
   * @return what was found
   * @throws IOException if wordings cannot be fetched, or a file of scores cannot be read or
   *     written
   * @throws TooFewWordingsException if a limit is reached before there are enough anchor prompts
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if it was cancelled or the thread
   *     interrupted
   */
  public SurveyResult run(
      DiffusionModel model, Consumer<? super SurveyProgress> listener, BooleanSupplier cancelled)
      throws IOException {
    Objects.requireNonNull(listener, "listener");
    Objects.requireNonNull(cancelled, "cancelled");
    return new SurveyRun(this, model, listener, cancelled).result();
  }
}
