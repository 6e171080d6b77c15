package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
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
 * Finds out which paraphrases of a memorized image's caption reproduce the image and which do not,
 * by the paper's method (Kumari et al. 2023, section 4.3). Several images are generated for each
 * paraphrase; its copy rate is the share of copies among them. Paraphrases with a low rate become
 * anchor prompts, those with a high rate become additional target prompts. If there are too few
 * anchor prompts, paraphrases of these are tried, too.
 *
 * {@snippet class="dev.ablation.Snippets" region="memorization-survey"}
 *
 * <p>The captions are rated as well, which shows whether the model has memorized the image at all.
 * A prompt's images depend only on the prompt and the seed, not on the other prompts.
 *
 * @param image captions that reproduce the image
 * @param originals the image itself, possibly in several variants; at least one
 * @param paraphrases source of paraphrases: a chat model, a file or a list; its answers are checked
 *     as by {@link PromptSource#checked()}
 * @param detection detects copies
 * @param rules criteria for anchor and target prompts, and limits
 * @param sampling settings for generating images
 * @param seed seed from which all noise is derived
 * @param folder folder in which scores are cached; {@code null} for no cache
 */
@CheckReturnValue
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
   * The threshold for {@link PooledPixels}: far above the scores of different images and far below
   * those of copies. Measured with the embedded emoji model, 64 x 64 pixels. Among its 1,626 other
   * training images, the most similar to the memorized one scores 0.29; one percent score above
   * 0.14 and half score above -0.15. Of the images that the model generates in 8 or 25 steps, 36
   * for the caption score 0.95 each. For four paraphrases, copies score at least 0.91, an image
   * that is half a copy 0.51 and all others at most 0.11, as do those for captions of other things.
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
   * Creates a survey with {@link SurveyRules#defaults()}, {@link SamplingSettings#defaults()}
   * (DPM-Solver++ with 25 steps), seed 0 and detection of copies by {@link PooledPixels} with
   * {@link #PIXELS_THRESHOLD}. For photographs set a copy detector such as SSCD with {@link
   * #detection(CopyDetection)}.
   *
   * @param image the captions and the image file
   * @param paraphrases source of paraphrases
   * @return the survey
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the image has no file
   */
  public static MemorizationSurvey of(MemorizedImage image, PromptSource paraphrases)
      throws IOException {
    Path file = image.image();
    Preconditions.checkArgument(
        file != null, "%s must have an image file to compare copies with, but has none", image);
    return of(image, List.of(ImageFile.read(file)), paraphrases);
  }

  /**
   * Creates a survey like {@link #of(MemorizedImage, PromptSource)}, for an image in memory.
   *
   * @param image the captions
   * @param originals the image itself, possibly in several variants; at least one
   * @param paraphrases source of paraphrases
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
   * Changes how copies are detected.
   *
   * @param detection the detection, such as SSCD with {@link CopyDetection#SSCD_THRESHOLD}
   * @return a copy with the given detection
   */
  public MemorizationSurvey detection(CopyDetection detection) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Changes the criteria and limits.
   *
   * @param rules criteria for anchor and target prompts, and limits
   * @return a copy with the given rules
   */
  public MemorizationSurvey rules(SurveyRules rules) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Changes how images are generated.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a copy with the given sampling settings
   */
  public MemorizationSurvey sampling(SamplingSettings sampling) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Changes the seed.
   *
   * @param seed any seed
   * @return a copy with the given seed
   */
  public MemorizationSurvey seed(long seed) {
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Caches the scores of each prompt in a file, so that an interrupted survey continues where it
   * stopped. A file is reused only if everything that determines its scores is the same, including
   * the prompt: cache the answers of a chat model too, with {@link PromptSource#keptIn}.
   *
   * @param folder the folder; created if it does not exist; several surveys may share it
   * @return a copy with the given cache folder
   */
  public MemorizationSurvey keptIn(Path folder) {
    Objects.requireNonNull(folder, "folder");
    return new MemorizationSurvey(
        image, originals, paraphrases, detection, rules, sampling, seed, folder);
  }

  /**
   * Returns a measurement of the captions, to run before and after an ablation.
   *
   * @param images number of images, positive
   * @return the measurement, with this survey's originals, detection, sampling settings and seed
   */
  public MemorizationPercentage percentage(int images) {
    return new MemorizationPercentage(
        image.captions(), originals, detection, images, sampling, seed);
  }

  /**
   * Runs the survey: requests paraphrases, generates images and counts copies.
   *
   * @param model the model that generates the images; not changed
   * @return the result
   * @throws IOException if paraphrases cannot be fetched, or a file of scores cannot be read or
   *     written
   * @throws TooFewParaphrasesException if a limit is reached before there are enough anchor prompts
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if the thread was interrupted
   */
  public SurveyResult run(DiffusionModel model) throws IOException {
    return run(model, progress -> {}, () -> false);
  }

  /**
   * Runs the survey: requests paraphrases, generates images and counts copies.
   *
   * @param model the model that generates the images; not changed
   * @param listener called after each prompt, on the calling thread; an exception from it ends the
   *     survey
   * @param cancelled returns whether to cancel the survey; called before each prompt and each
   *     sampling step
   * @return the result
   * @throws IOException if paraphrases cannot be fetched, or a file of scores cannot be read or
   *     written
   * @throws TooFewParaphrasesException if a limit is reached before there are enough anchor prompts
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model cannot decode images
   * @throws java.util.concurrent.CancellationException if it was cancelled or the thread was
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
