package dev.ablation.anchor;

import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Yields the anchor pictures that training begins from, each with the prompt that it shows.
 *
 * {@snippet class="dev.ablation.Snippets" region="anchor"}
 *
 * <p>Implementations are immutable and deterministic for a seed. One whose pictures are files:
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

  /** {@return how many pictures {@link #prepare} makes} */
  int images();

  /**
   * Draws or reads the pictures.
   *
   * @param model draws and encodes them
   * @param target what is removed
   * @param context seed, progress and cancellation
   * @return {@link #images()} pictures, closed by the caller
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
  default AnchorWork work(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return AnchorWork.none();
  }

  /**
   * Returns everything that shapes the pictures, for provenance and caches.
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
   * Leaves anchor prompts out of which the target makes nothing, if no picture of them need be made
   * at all.
   *
   * @param target what is removed
   * @param prompts some of {@link #prompts}, but not all
   * @return a changed copy; this if their pictures are made anyway, since a run does not use them
   */
  default AnchorStrategy without(Concept target, Set<String> prompts) {
    return this;
  }

  /**
   * An anchor drawn by the model itself from built-in prompts about it: the paper's way. How many
   * pictures and how they are drawn follows from the plan's preset; without one it is {@link
   * AnchorDefaults#diffusers()}.
   *
   * @param name of the anchor, such as {@code "painting"} for styles or {@code "cat"}
   * @return the strategy
   */
  static GeneratedAnchors generated(String name) {
    return GeneratedAnchors.of(name);
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
}
