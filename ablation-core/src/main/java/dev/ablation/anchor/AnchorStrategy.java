package dev.ablation.anchor;

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
 * Yields the anchor images that training begins from, each with the prompt that it shows.
 *
 * {@snippet class="dev.ablation.Snippets" region="anchor"}
 *
 * <p>Implementations are immutable and deterministic for a seed. One whose images are files:
 *
 * {@snippet class="dev.ablation.Snippets" region="own-anchor"}
 */
public interface AnchorStrategy {

  /**
   * {@return what the anchor is called, such as {@code "painting"}; an instance is replaced there}
   */
  String name();

  /**
   * Returns the anchor prompts, known before anything is drawn so that a run can check them.
   *
   * @param target what is removed
   * @return at least one prompt
   */
  List<String> prompts(Concept target);

  /**
   * Makes the target prompt that is paired with an anchor prompt. A strategy whose prompts a
   * concept's rule does not fit says here what to say instead.
   *
   * @param target what is removed
   * @param anchorPrompt one of {@link #prompts}
   * @param random chooses among several forms; the only source of randomness
   * @return the target prompt, different from the anchor prompt
   * @throws IllegalArgumentException if no target prompt can be made
   */
  default String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    return target.targetPrompt(anchorPrompt, name(), random);
  }

  /**
   * Returns every target prompt that {@link #targetPrompt} can make, without repetitions. A run
   * checks them all before it begins.
   *
   * @param target what is removed
   * @param anchorPrompt one of {@link #prompts}
   * @return at least one prompt
   * @throws IllegalArgumentException as {@link #targetPrompt}
   */
  default List<String> targetPrompts(Concept target, String anchorPrompt) {
    return target.targetPrompts(anchorPrompt, name());
  }

  /**
   * Returns this strategy as it suits a model: prompts that nobody asked for by name, such as
   * built-in ones, are left out if the model's text encoder would not read them to the end. A plan
   * calls this when the anchor is chosen.
   *
   * @param model that is going to draw
   * @param target what is removed; its prompts have to fit, too
   * @return a strategy of the same name
   */
  default AnchorStrategy compatibleWith(DiffusionModel model, Concept target) {
    return this;
  }

  /** {@return how many images {@link #prepare} makes, or at most, if some are dropped} */
  int images();

  /**
   * Draws or reads the images.
   *
   * @param model draws and encodes them
   * @param target what is removed
   * @param context seed, progress and cancellation
   * @return {@link #images()} images, closed by the caller
   * @throws IOException if a file cannot be read or written
   * @throws java.util.concurrent.CancellationException if the run was cancelled
   */
  AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context) throws IOException;

  /**
   * Returns how much of the denoising network {@link #prepare} takes, for the estimate of a plan.
   *
   * @param model draws and encodes them
   * @param target what is removed
   * @param context the run's seed and folder
   * @return no work unless an implementation says otherwise
   * @throws IOException if a cache cannot be read
   */
  default AnchorCost work(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return AnchorCost.none();
  }

  /**
   * Draws or reads the images to be changed anew each time that training draws one.
   *
   * @param model draws and encodes them
   * @param target what is removed
   * @param context seed, progress and cancellation
   * @param augmentation how they are changed
   * @return {@link #images()} images, closed by the caller
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
   * Returns a strategy for a few of the images, to judge the anchor by.
   *
   * @param target what is removed
   * @param images at most how many, positive
   * @return a strategy that makes fewer images where this one can do so, spread over its prompts;
   *     else this one
   */
  default AnchorStrategy sample(Concept target, int images) {
    return this;
  }

  /**
   * Draws a sample of the images and judges how often they show the target, if the strategy has a
   * judge.
   *
   * @param model draws the images
   * @param target what is removed
   * @param context seed, progress and cancellation
   * @return what the judge says; empty without a judge
   * @throws IOException if a file cannot be read or written
   * @see #judgedBy
   */
  default Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    return Optional.empty();
  }

  /**
   * Changes images each time that training draws one. Latents are decoded once, then images are
   * changed and encoded again, which costs an encoding for each pair of a step.
   *
   * {@snippet class="dev.ablation.Snippets" region="augmented-anchor"}
   *
   * @param augmentation how they are changed; takes the place of an earlier one
   * @return the strategy
   */
  default AnchorStrategy augmented(Augmentation augmentation) {
    return new AugmentedAnchors(this, augmentation, false);
  }

  /** {@return how images are changed, if {@link #augmented} said so; else the preset does} */
  default Optional<Augmentation> augmentation() {
    return Optional.empty();
  }

  /**
   * Asks a judge how often the anchor's own images show the target. That share bounds what can be
   * erased: the target's prompts learn to draw what the anchor's prompts draw.
   *
   * {@snippet class="dev.ablation.Snippets" region="judged-anchor"}
   *
   * @param judge looks at images
   * @return a strategy that warns; it can drop or replace prompts too
   */
  default JudgedAnchors judgedBy(AnchorJudge judge) {
    return JudgedAnchors.of(this, judge);
  }

  /**
   * Returns everything that shapes the images, for provenance and caches.
   *
   * @param target what is removed
   * @return name to value; names begin with {@code "anchor."}
   */
  Map<String, String> settings(Concept target);

  /**
   * Fills in what was left open by what a plan's preset says.
   *
   * @param target what is removed
   * @param defaults of the preset
   * @return a changed copy, or this
   */
  default AnchorStrategy withDefaults(Concept target, AnchorDefaults defaults) {
    return this;
  }

  /**
   * Leaves anchor prompts out of which the target makes nothing, if no image of them need be made
   * at all.
   *
   * @param target what is removed
   * @param prompts some of {@link #prompts}, but not all
   * @return a changed copy; this if their images are made anyway, since a run does not use them
   */
  default AnchorStrategy without(Concept target, Set<String> prompts) {
    return this;
  }

  /**
   * An anchor drawn by the model itself from built-in prompts about it: the paper's way. How many
   * images and how they are drawn follows from the plan's preset; without one it is {@link
   * AnchorDefaults#diffusers()}.
   *
   * <p>There are at least 200 prompts, each a scene of its own, for: animal, building, cat, dog,
   * emoji, fish, food, landscape, object, painting, person, robot, vehicle. Capital letters, a
   * plural and an article are understood, and the strategy is then named by the plain word ("Cats"
   * becomes "cat", "people" becomes "person"). Any other name is put into 30 general sentences;
   * prompts of one's own or from a {@link PromptSource} show more.
   *
   * @param name of the anchor, such as {@code "painting"} for styles or {@code "cat"}
   * @return the strategy
   * @throws IllegalArgumentException if the name is blank
   */
  static GeneratedAnchors generated(String name) {
    return GeneratedAnchors.of(BuiltInPrompts.nameOfSet(name));
  }

  /**
   * An anchor drawn by the model itself from given prompts.
   *
   * @param name of the anchor
   * @param prompts at least one, used in turn
   * @return the strategy
   */
  static GeneratedAnchors generated(String name, List<String> prompts) {
    return GeneratedAnchors.of(name).prompts(prompts);
  }

  /**
   * An anchor drawn by the model itself from prompts in a file.
   *
   * @param name of the anchor
   * @param file UTF-8 text, one prompt a line; blank lines are skipped
   * @return the strategy
   * @throws IOException if the file cannot be read or holds no prompt
   */
  static GeneratedAnchors generated(String name, Path file) throws IOException {
    return GeneratedAnchors.of(name).prompts(PromptFile.read(file));
  }

  /**
   * An anchor drawn by the model itself from 200 prompts of a source, each with the anchor's name
   * in it: the paper's way for instances, with a chat model as the source. The source is asked now,
   * so that the prompts are known before anything is drawn; see {@link PromptSource#keptIn} for
   * having the same ones in a later run.
   *
   * @param name of the anchor
   * @param source of prompts, whose answers are checked as {@link PromptSource#checked()} does
   * @return the strategy
   * @throws IOException if the prompts cannot be read or fetched
   * @throws TooFewPromptsException if there are fewer than 200 usable ones
   */
  static GeneratedAnchors generated(String name, PromptSource source) throws IOException {
    return generated(name, source, GeneratedAnchors.PUBLISHED_PROMPTS);
  }

  /**
   * An anchor drawn by the model itself from prompts of a source, each with the anchor's name in
   * it.
   *
   * @param name of the anchor
   * @param source of prompts, whose answers are checked as {@link PromptSource#checked()} does
   * @param count how many prompts, positive
   * @return the strategy
   * @throws IOException if the prompts cannot be read or fetched
   * @throws TooFewPromptsException if there are fewer usable ones
   */
  static GeneratedAnchors generated(String name, PromptSource source, int count)
      throws IOException {
    return generated(name, source.checked().prompts(PromptRequest.captions(name, count)));
  }

  /**
   * An anchor of the user's own captioned images, instead of ones that the model draws. A folder
   * names them in one of three ways, with paths relative to the folder:
   *
   * <ul>
   *   <li>{@code images.txt} and {@code caption.txt}, one a line, as the published code writes them
   *   <li>{@code metadata.jsonl}, an object with {@code file_name} and {@code text} in each line
   *   <li>{@code metadata.csv}, with the columns {@code file_name} and {@code text}
   * </ul>
   *
   * {@snippet class="dev.ablation.Snippets" region="image-anchor"}
   *
   * @param name of the anchor
   * @param folder with images in PNG, JPEG or WebP
   * @return the strategy
   * @throws IOException if anything is wrong with the folder; the message lists all of it
   * @see dev.ablation.image.ImageFile how a file becomes an image
   */
  static ImageAnchors images(String name, Path folder) throws IOException {
    return images(name, CaptionedFolder.read(folder));
  }

  /**
   * An anchor of the user's own images.
   *
   * @param name of the anchor
   * @param images at least one, in PNG, JPEG or WebP
   * @return the strategy
   * @throws IOException if an image cannot be read; the message lists all of them
   */
  static ImageAnchors images(String name, List<CaptionedImage> images) throws IOException {
    return ImageAnchors.of(name, images);
  }

  /**
   * No anchor but the empty prompt: the target is forgotten without a replacement, and its prompts
   * draw what the model draws when nothing is asked for.
   *
   * {@snippet class="dev.ablation.Snippets" region="unconditional-anchor"}
   *
   * @return the strategy, with 1,000 images by 25 steps of DPM-Solver++
   */
  static UnconditionalAnchors unconditional() {
    return UnconditionalAnchors.defaults();
  }

  /**
   * An anchor for a style: the same subjects in other styles, drawn at random. Where prompts that
   * name no style often come out in the target's, as those of a common style do, such an anchor
   * does not lead back to it. The target prompt is the anchor prompt with the target's name in
   * place of the other style's.
   *
   * {@snippet class="dev.ablation.Snippets" region="other-styles"}
   *
   * @param styles names of the other styles, at least one
   * @param subjects prompts that name no style, and how images are drawn
   * @return the strategy
   */
  static OtherStyleAnchors otherStyles(List<String> styles, GeneratedAnchors subjects) {
    return new OtherStyleAnchors(styles, subjects);
  }
}
