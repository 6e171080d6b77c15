package dev.ablation.concept;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * A target concept: something that a model can draw and shall no longer. Training pairs an anchor
 * prompt ("painting of a boat") with a target prompt ("painting of a boat, in the style of Van
 * Gogh") that this concept makes from it (Kumari et al. 2023, section 3.1).
 *
 * {@snippet class="dev.ablation.Snippets" region="concept"}
 *
 * <p>Implementations are immutable and thread-safe. A kind of your own:
 *
 * {@snippet class="dev.ablation.Snippets" region="own-concept"}
 */
public interface Concept {

  /** {@return the name shown in logs, reports and provenance, such as {@code "Van Gogh"}} */
  String name();

  /** {@return the kind, which decides the numbers that a run takes without settings} */
  ConceptKind kind();

  /**
   * Makes a target prompt from an anchor prompt.
   *
   * @param anchorPrompt a prompt that draws the anchor
   * @param anchor the anchor's name, such as {@code "cat"}, which an instance looks for
   * @param random chooses among several forms; the only source of randomness
   * @return the target prompt, different from the anchor prompt
   * @throws IllegalArgumentException if no target prompt can be made, such as when an instance's
   *     anchor does not occur in the prompt
   */
  String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random);

  /**
   * Returns every target prompt that {@link #targetPrompt} can make from an anchor prompt, without
   * repetitions. A run checks them all before it begins.
   *
   * @param anchorPrompt a prompt that draws the anchor
   * @param anchor the anchor's name
   * @return at least one prompt
   * @throws IllegalArgumentException as {@link #targetPrompt}
   */
  List<String> targetPrompts(String anchorPrompt, String anchor);

  /**
   * Returns anchor prompts that the concept brings along, such as those of {@link PromptPairs}.
   *
   * @return prompts for an anchor that was given none; empty if any prompts about the anchor do
   */
  default List<String> anchorPrompts() {
    return List.of();
  }

  /**
   * Returns the words that stand for the concept: where token embeddings are trained, the rows of
   * their tokens.
   *
   * @return at least one phrase; the name alone unless an implementation says otherwise
   */
  default List<String> phrases() {
    return List.of(name());
  }

  /**
   * Returns everything else that shapes the target prompts, for provenance.
   *
   * @return name to value; names begin with {@code "target."}
   */
  default Map<String, String> settings() {
    return Map.of();
  }

  /**
   * Fills in what was left open by what a plan's preset says.
   *
   * @param templates of a style for which none were chosen
   * @return a changed copy, or this
   */
  default Concept withDefaults(StyleTemplates templates) {
    return this;
  }

  /**
   * Returns another concept of the same kind and rule: of the style "Van Gogh" the style "Monet",
   * with the same forms. An evaluation makes neighbours of a target this way.
   *
   * @param other name of the other concept
   * @return the concept; empty if a name alone makes no concept of this kind
   */
  default Optional<Concept> named(String other) {
    return Optional.empty();
  }

  /**
   * A style with the forms of the plan's preset. Outside of a plan, and in one without a preset of
   * its own, they are {@link StyleTemplates#diffusers()}: {@code "{prompt}, in the style of
   * {name}"} in one third of the cases and {@code "in {name}'s style, {prompt}"} in two.
   *
   * @param name of the style, such as an artist's
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept style(String name) {
    return new Style(name, null);
  }

  /**
   * A style with chosen forms, which no preset changes.
   *
   * @param name of the style
   * @param templates published ones or one's own
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept style(String name, StyleTemplates templates) {
    return new Style(name, Objects.requireNonNull(templates, "templates"));
  }

  /**
   * An instance: the anchor's name is replaced in the anchor prompt, wherever it stands as a word
   * of its own; capital letters and a simple plural are kept ("Cats at play" becomes "Grumpy cats
   * at play").
   *
   * @param name of the instance, such as {@code "grumpy cat"}
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept instance(String name) {
    return new Instance(name);
  }

  /**
   * A composition of things that are harmless by themselves. Replaces the anchor's name as an
   * instance does, but keeps a plural where the anchor stands in the phrase: with the anchor {@code
   * "kid"}, {@code "kid with guns"} makes "two kids with guns" of "two kids".
   *
   * @param phrase such as {@code "kids with guns"}, for the anchor {@code "kids"}
   * @return the concept
   * @throws IllegalArgumentException if the phrase is blank
   */
  static Concept composition(String phrase) {
    return new Composition(phrase);
  }

  /**
   * A memorized image: its caption is the target prompt, whatever the anchor prompt. Add the image
   * itself by {@link MemorizedImage#image}.
   *
   * @param caption that draws the image; also the concept's name
   * @param others further captions that draw it
   * @return the concept
   * @throws IllegalArgumentException if a caption is blank
   */
  static MemorizedImage memorized(String caption, String... others) {
    return new MemorizedImage(Stream.concat(Stream.of(caption), Stream.of(others)).toList(), null);
  }

  /**
   * Content that images of any subject may show, with the three forms of the reference
   * implementation: {@code "{term}, {prompt}"}, {@code "in {term} style, {prompt}"} and {@code
   * "{prompt}, {term}"}, each as often as the others. Which anchor prompt it is makes no
   * difference, so an anchor such as {@code "people"} is a good one.
   *
   * @param term such as {@code "nudity, nsfw"}
   * @param others further terms; one is drawn for each pair
   * @return the concept
   * @throws IllegalArgumentException if a term is blank
   */
  static Concept inappropriate(String term, String... others) {
    return new InappropriateContent(Stream.concat(Stream.of(term), Stream.of(others)).toList());
  }

  /**
   * Pairs of prompts that follow no rule.
   *
   * @param name for logs and provenance
   * @param pairs at least one
   * @return the concept
   * @throws IllegalArgumentException if the name is blank or there is no pair
   */
  static PromptPairs pairs(String name, List<PromptPair> pairs) {
    return new PromptPairs(name, pairs);
  }

  /**
   * Pairs of prompts from a file, see {@link PromptPairs#read}.
   *
   * @param name for logs and provenance
   * @param file ends with {@code .tsv} or {@code .jsonl}
   * @return the concept
   * @throws IOException if the file cannot be read or a line has another form; the message names
   *     file and line
   */
  static PromptPairs pairs(String name, Path file) throws IOException {
    return PromptPairs.read(name, file);
  }
}
