package dev.ablation.concept;

import com.google.errorprone.annotations.CheckReturnValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * A target concept: something that a model can generate now and should not after the ablation.
 * Training pairs an anchor prompt ("painting of a boat") with a target prompt ("painting of a boat,
 * in the style of Van Gogh") that this concept derives from it (Kumari et al. 2023, section 3.1).
 *
 * {@snippet class="dev.ablation.Snippets" region="concept"}
 *
 * <p>Implementations are immutable and thread-safe. An example of a custom kind:
 *
 * {@snippet class="dev.ablation.Snippets" region="own-concept"}
 */
@CheckReturnValue
public interface Concept {

  /** {@return the name shown in logs, reports and provenance, such as {@code "Van Gogh"}} */
  String name();

  /** {@return the kind, which selects a run's default numbers} */
  ConceptKind kind();

  /**
   * Derives a target prompt from an anchor prompt.
   *
   * @param anchorPrompt a prompt that generates the anchor
   * @param anchor the anchor's name, such as {@code "cat"}; an instance replaces this word
   * @param random chooses among several forms; the only source of randomness
   * @return the target prompt, which differs from the anchor prompt
   * @throws IllegalArgumentException if no target prompt can be derived, for instance because the
   *     anchor prompt of an instance does not contain the anchor's name
   */
  String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random);

  /**
   * Returns every target prompt that {@link #targetPrompt} can derive from an anchor prompt,
   * without duplicates. A run checks them all before it begins.
   *
   * @param anchorPrompt a prompt that generates the anchor
   * @param anchor the anchor's name
   * @return at least one prompt
   * @throws IllegalArgumentException as {@link #targetPrompt}
   */
  List<String> targetPrompts(String anchorPrompt, String anchor);

  /**
   * Returns the concept's own anchor prompts, such as those of {@link PromptPairs}.
   *
   * @return prompts for an anchor that has none; empty if any prompts about the anchor will do
   */
  default List<String> anchorPrompts() {
    return List.of();
  }

  /**
   * Returns the words that denote the concept. Training of token embeddings changes the rows of
   * their tokens.
   *
   * @return at least one phrase; by default only the name
   */
  default List<String> phrases() {
    return List.of(name());
  }

  /**
   * Returns all other settings that determine the target prompts, for provenance.
   *
   * @return from name to value; names begin with {@code "target."}
   */
  default Map<String, String> settings() {
    return Map.of();
  }

  /**
   * Fills unset settings with the defaults of a plan's preset.
   *
   * @param templates templates for a style that has none of its own
   * @return a copy with the defaults, or this concept if nothing is unset
   */
  default Concept withDefaults(StyleTemplates templates) {
    return this;
  }

  /**
   * Returns another concept of the same kind with the same rule: for the style "Van Gogh", the
   * style "Monet" with the same templates. An evaluation uses this to create neighbours of a
   * target.
   *
   * @param other the other concept's name
   * @return the concept; empty if this kind of concept needs more than a name
   */
  default Optional<Concept> named(String other) {
    return Optional.empty();
  }

  /**
   * Returns further names of the concept, such as those of {@link #alsoNamed}. An evaluation counts
   * the target's images under each of them.
   *
   * @return the names; by default none
   */
  default List<String> aliases() {
    return List.of();
  }

  /**
   * Adds names under which the concept is known, such as other spellings and translations: {@code
   * Concept.style("Van Gogh").alsoNamed("Vincent van Gogh", "\u68b5\u9ad8")}. Each name, the first
   * included, is used by the same rule and as often in training; an evaluation asks for each by
   * itself.
   *
   * @param aliases at least one; a text encoder that does not know a language's words sees noise in
   *     them
   * @return a concept with the first name and the aliases
   * @throws IllegalArgumentException if there is none, one is blank or not new, or a name alone
   *     does not define a concept of this kind; captions and terms have their own parameters
   */
  default Concept alsoNamed(String... aliases) {
    return new AliasedConcept(this, List.of(aliases));
  }

  /**
   * Creates a style with the templates of the plan's preset. Without a plan or a preset these are
   * {@link StyleTemplates#diffusers()}: {@code "{prompt}, in the style of {name}"} in one third of
   * the cases and {@code "in {name}'s style, {prompt}"} in two thirds.
   *
   * @param name the style's name, such as an artist's
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept style(String name) {
    return new Style(name, null);
  }

  /**
   * Creates a style with given templates, which override those of the preset.
   *
   * @param name the style's name
   * @param templates published or custom ones
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept style(String name, StyleTemplates templates) {
    return new Style(name, Objects.requireNonNull(templates, "templates"));
  }

  /**
   * Creates an instance. Its target prompt is the anchor prompt with every whole-word occurrence of
   * the anchor's name replaced. Capital letters and a simple plural are kept ("Cats at play"
   * becomes "Grumpy cats at play").
   *
   * @param name the instance's name, such as {@code "grumpy cat"}
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept instance(String name) {
    return new Instance(name);
  }

  /**
   * Creates a composition of things that are harmless by themselves. It replaces the anchor's name
   * as an instance does, but puts a plural "s" where the anchor is in the phrase: with the anchor
   * {@code "kid"}, {@code "kid with guns"} turns "two kids" into "two kids with guns".
   *
   * @param phrase the phrase, such as {@code "kids with guns"} for the anchor {@code "kids"}
   * @return the concept
   * @throws IllegalArgumentException if the phrase is blank
   */
  static Concept composition(String phrase) {
    return new Composition(phrase);
  }

  /**
   * Creates a memorized image. Its caption is the target prompt of every anchor prompt. Add the
   * image itself with {@link MemorizedImage#image}.
   *
   * @param caption a caption that generates the image; also the concept's name
   * @param others further captions that generate it
   * @return the concept
   * @throws IllegalArgumentException if a caption is blank
   */
  static MemorizedImage memorized(String caption, String... others) {
    return new MemorizedImage(Stream.concat(Stream.of(caption), Stream.of(others)).toList(), null);
  }

  /**
   * Creates content that images of any subject may show, with the three templates of the reference
   * implementation: {@code "{term}, {prompt}"}, {@code "in {term} style, {prompt}"} and {@code
   * "{prompt}, {term}"}, all equally likely. Any anchor prompts work, so a general anchor such as
   * {@code "people"} is a good choice.
   *
   * @param term the content, such as {@code "nudity, nsfw"}
   * @param others further terms; each prompt pair uses one at random
   * @return the concept
   * @throws IllegalArgumentException if a term is blank
   */
  static Concept inappropriate(String term, String... others) {
    return new InappropriateContent(Stream.concat(Stream.of(term), Stream.of(others)).toList());
  }

  /**
   * Creates a concept from prompt pairs that follow no rule.
   *
   * @param name name for logs and provenance
   * @param pairs the pairs, at least one
   * @return the concept
   * @throws IllegalArgumentException if the name is blank or there is no pair
   */
  static PromptPairs pairs(String name, List<PromptPair> pairs) {
    return new PromptPairs(name, pairs);
  }

  /**
   * Creates a concept from a file of prompt pairs, see {@link PromptPairs#read}.
   *
   * @param name name for logs and provenance
   * @param file a file whose name ends with {@code .tsv} or {@code .jsonl}
   * @return the concept
   * @throws IOException if the file cannot be read or a line is malformed; the message names the
   *     file and the line
   */
  static PromptPairs pairs(String name, Path file) throws IOException {
    return PromptPairs.read(name, file);
  }
}
