package dev.ablation.anchor;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.internal.PromptFile;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Supplies the anchor images that training uses, each with its prompt.
 *
 * {@snippet class="dev.ablation.Snippets" region="anchor"}
 *
 * <p>Implementations are immutable, and deterministic for a given seed. An example that reads
 * files:
 *
 * {@snippet class="dev.ablation.Snippets" region="own-anchor"}
 */
@CheckReturnValue
public interface AnchorStrategy {

  /**
   * {@return the anchor's name, such as {@code "painting"}; an instance replaces it in the anchor
   * prompts}
   */
  String name();

  /**
   * Returns the anchor prompts. A run checks them before it generates any image.
   *
   * @param target the target
   * @return at least one prompt
   */
  List<String> prompts(Concept target);

  /**
   * Derives the target prompt for an anchor prompt. Override it if the concept's own rule does not
   * fit this strategy's prompts.
   *
   * @param target the target
   * @param anchorPrompt one of {@link #prompts}
   * @param random chooses among several forms; the only source of randomness
   * @return the target prompt, which differs from the anchor prompt
   * @throws IllegalArgumentException if no target prompt can be derived
   */
  default String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    return target.targetPrompt(anchorPrompt, name(), random);
  }

  /**
   * Returns every target prompt that {@link #targetPrompt} can derive, without duplicates. A run
   * checks them all before it begins.
   *
   * @param target the target
   * @param anchorPrompt one of {@link #prompts}
   * @return at least one prompt
   * @throws IllegalArgumentException as {@link #targetPrompt}
   */
  default List<String> targetPrompts(Concept target, String anchorPrompt) {
    return target.targetPrompts(anchorPrompt, name());
  }

  /**
   * Returns this strategy with prompts that fit a model: leaves out prompts that the user did not
   * specify, such as built-in ones, if the model's text encoder would truncate them. A plan calls
   * this when the anchor is set.
   *
   * @param model the model that will generate the images
   * @param target the target; its prompts have to fit, too
   * @return a strategy with the same name
   */
  default AnchorStrategy compatibleWith(DiffusionModel model, Concept target) {
    return this;
  }

  /**
   * {@return the number of images that {@link #prepare} returns; an upper limit if some may be
   * dropped}
   */
  int images();

  /**
   * Generates or reads the images.
   *
   * @param model generates and encodes them
   * @param target the target
   * @param context seed, progress and cancellation
   * @return {@link #images()} images; the caller closes them
   * @throws IOException if a file cannot be read or written
   * @throws java.util.concurrent.CancellationException if the run was cancelled
   */
  AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context) throws IOException;

  /**
   * Returns how many forward passes {@link #prepare} needs, for a plan's estimate.
   *
   * @param model generates and encodes the images
   * @param target the target
   * @param context the run's seed and folder
   * @return the cost; none by default
   * @throws IOException if a cache cannot be read
   */
  default AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return AnchorCost.none();
  }

  /**
   * Generates or reads the images for a set that augments them each time training uses them.
   *
   * @param model generates and encodes them
   * @param target the target
   * @param context seed, progress and cancellation
   * @param augmentation the augmentation
   * @return {@link #images()} images; the caller closes them
   * @throws IOException if a file cannot be read or written
   * @throws IllegalArgumentException if the model's latents are too small for the augmentation
   * @throws java.util.concurrent.CancellationException if the run was cancelled
   */
  default AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation augmentation)
      throws IOException {
    LatentCodec codec = AugmentedSource.codec(model);
    augmentation.checkCanvas(AugmentedSource.canvas(model, codec));
    return AugmentedSource.augmented(prepare(model, target, context), augmentation, model);
  }

  /**
   * Returns a strategy for a small sample of the images, used to judge the anchor.
   *
   * @param target the target
   * @param images maximum number of images, positive
   * @return a strategy with fewer images, spread evenly over the prompts, if this one supports it;
   *     else this one
   */
  default AnchorStrategy sample(Concept target, int images) {
    return this;
  }

  /**
   * Generates a sample of the images and judges how often they show the target, if the strategy has
   * a judge.
   *
   * @param model generates the images
   * @param target the target
   * @param context seed, progress and cancellation
   * @return the judgement; empty without a judge
   * @throws IOException if a file cannot be read or written
   * @see #judgedBy
   */
  default Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    return Optional.empty();
  }

  /**
   * Augments images each time training uses them. Latents are decoded once; then each use augments
   * and encodes the image again, which costs one encoding for each pair of a training step.
   *
   * {@snippet class="dev.ablation.Snippets" region="augmented-anchor"}
   *
   * @param augmentation the augmentation; replaces an earlier one
   * @return a strategy with the given augmentation
   */
  default AnchorStrategy augmented(Augmentation augmentation) {
    return new AugmentedAnchors(this, augmentation, false);
  }

  /** {@return the augmentation set by {@link #augmented}; empty to use the preset's} */
  default Optional<Augmentation> augmentation() {
    return Optional.empty();
  }

  /**
   * Lets a judge count how often the anchor's own images show the target. Training cannot bring the
   * target below that share, because target prompts learn to behave like anchor prompts.
   *
   * {@snippet class="dev.ablation.Snippets" region="judged-anchor"}
   *
   * @param judge judges the images
   * @return a strategy that warns; it can also drop or replace prompts
   */
  default JudgedAnchors judgedBy(AnchorJudge judge) {
    return JudgedAnchors.of(this, judge);
  }

  /**
   * Returns everything that determines the images, for provenance and cache keys.
   *
   * @param target the target
   * @return from name to value; names begin with {@code "anchor."}
   */
  Map<String, String> settings(Concept target);

  /**
   * Fills unset settings with the defaults of a plan's preset.
   *
   * @param target the target
   * @param defaults the preset's defaults
   * @return a copy with the defaults, or this strategy if nothing is unset
   */
  default AnchorStrategy withDefaults(Concept target, AnchorDefaults defaults) {
    return this;
  }

  /**
   * Excludes anchor prompts for which the target has no target prompt, so that their images need
   * not be generated.
   *
   * @param target the target
   * @param prompts some of {@link #prompts}, but not all
   * @return a copy without these prompts; this strategy if it cannot skip their images, which the
   *     run then leaves unused
   */
  default AnchorStrategy excludingPrompts(Concept target, Set<String> prompts) {
    return this;
  }

  /**
   * Creates an anchor whose images the model generates from built-in prompts, as in the paper. The
   * plan's preset sets the number of images and how they are generated; without a preset this is
   * {@link AnchorDefaults#diffusers()}.
   *
   * <p>There are at least 200 prompts, each of a different scene, for: animal, building, cat, dog,
   * emoji, fish, food, landscape, object, painting, person, robot, vehicle. Capital letters, a
   * plural and an article are accepted; the strategy's name is then the plain word ("Cats" becomes
   * "cat", "people" becomes "person"). Any other name is put into 30 general sentences; your own
   * prompts or a {@link PromptSource} give more variety.
   *
   * @param name the anchor's name, such as {@code "painting"} for styles or {@code "cat"}
   * @return the strategy
   * @throws IllegalArgumentException if the name is blank
   */
  static GeneratedAnchors generated(String name) {
    return GeneratedAnchors.of(BuiltInPrompts.nameOfSet(name));
  }

  /**
   * Creates an anchor whose images the model generates from given prompts.
   *
   * @param name the anchor's name
   * @param prompts the prompts, at least one, used in turn
   * @return the strategy
   */
  static GeneratedAnchors generated(String name, List<String> prompts) {
    return GeneratedAnchors.of(name).prompts(prompts);
  }

  /**
   * Creates an anchor whose images the model generates from the prompts in a file.
   *
   * @param name the anchor's name
   * @param file UTF-8 text, one prompt a line; blank lines are skipped
   * @return the strategy
   * @throws IOException if the file cannot be read or contains no prompt
   */
  static GeneratedAnchors generated(String name, Path file) throws IOException {
    return GeneratedAnchors.of(name).prompts(PromptFile.read(file));
  }

  /**
   * Creates an anchor whose images the model generates from a published prompt list. The paper's
   * lists were written by a chat model, and some of their prompts lack the anchor's name, so that
   * an instance has no word to replace. Such prompts are skipped, with a warning in the log that
   * counts them; {@link #generated(String, Path)} keeps all.
   *
   * @param name the anchor's name
   * @param file UTF-8 text, one prompt a line; blank lines are skipped
   * @return the strategy
   * @throws IOException if the file cannot be read or no prompt contains the name as a word of its
   *     own
   */
  static GeneratedAnchors publishedList(String name, Path file) throws IOException {
    return GeneratedAnchors.of(name).prompts(PublishedPrompts.containing(name, file));
  }

  /**
   * Creates an anchor whose images the model generates from 200 prompts of a source, each of which
   * contains the anchor's name. This is the paper's method for instances, with a chat model as the
   * source. The call queries the source at once, so that the prompts are known before any image is
   * generated. To reuse the answers in later runs, see {@link PromptSource#keptIn}.
   *
   * @param name the anchor's name
   * @param source the source; its answers are checked as by {@link PromptSource#checked()}
   * @return the strategy
   * @throws IOException if the prompts cannot be read or fetched
   * @throws TooFewPromptsException if there are fewer than 200 usable ones
   */
  static GeneratedAnchors generated(String name, PromptSource source) throws IOException {
    return generated(name, source, GeneratedAnchors.PUBLISHED_PROMPTS);
  }

  /**
   * Creates an anchor whose images the model generates from prompts of a source, each of which
   * contains the anchor's name.
   *
   * @param name the anchor's name
   * @param source the source; its answers are checked as by {@link PromptSource#checked()}
   * @param count number of prompts, positive
   * @return the strategy
   * @throws IOException if the prompts cannot be read or fetched
   * @throws TooFewPromptsException if there are fewer usable ones
   */
  static GeneratedAnchors generated(String name, PromptSource source, int count)
      throws IOException {
    return generated(name, source.checked().prompts(PromptRequest.captions(name, count)));
  }

  /**
   * Creates an anchor from the user's own captioned images instead of generated ones. The folder
   * lists them in one of three ways, with paths relative to the folder:
   *
   * <ul>
   *   <li>{@code images.txt} and {@code caption.txt}, one entry a line, as the published code
   *       writes them
   *   <li>{@code metadata.jsonl}, with an object with {@code file_name} and {@code text} in each
   *       line
   *   <li>{@code metadata.csv}, with the columns {@code file_name} and {@code text}
   * </ul>
   *
   * {@snippet class="dev.ablation.Snippets" region="image-anchor"}
   *
   * @param name the anchor's name
   * @param folder a folder with images in PNG, JPEG or WebP
   * @return the strategy
   * @throws IOException if the folder has errors; the message lists all of them
   * @see dev.ablation.image.ImageFile how a file becomes an image
   */
  static ImageAnchors images(String name, Path folder) throws IOException {
    return images(name, CaptionedFolder.read(folder));
  }

  /**
   * Creates an anchor from the user's own images.
   *
   * @param name the anchor's name
   * @param images the images, at least one, in PNG, JPEG or WebP
   * @return the strategy
   * @throws IOException if an image cannot be read; the message lists all such images
   */
  static ImageAnchors images(String name, List<CaptionedImage> images) throws IOException {
    return ImageAnchors.of(name, images);
  }

  /**
   * Creates an anchor that consists of the empty prompt: the target is removed without a
   * replacement, and its prompts generate what the model generates without a prompt.
   *
   * {@snippet class="dev.ablation.Snippets" region="unconditional-anchor"}
   *
   * @return the strategy, with 1,000 images from 25 steps of DPM-Solver++
   */
  static UnconditionalAnchors unconditional() {
    return UnconditionalAnchors.defaults();
  }

  /**
   * Creates an anchor for a style: the same subjects in other styles, chosen at random. Use it if
   * prompts that name no style often give the target's style, which happens with common styles. The
   * target prompt is the anchor prompt with the other style's name replaced by the target's.
   *
   * {@snippet class="dev.ablation.Snippets" region="other-styles"}
   *
   * @param styles names of the other styles, at least one
   * @param subjects prompts that name no style, and the settings for generating images
   * @return the strategy
   */
  static OtherStyleAnchors otherStyles(List<String> styles, GeneratedAnchors subjects) {
    return new OtherStyleAnchors(styles, subjects);
  }
}
