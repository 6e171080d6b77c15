package dev.ablation.concept;

import java.util.List;
import java.util.random.RandomGenerator;

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
   * A style, with the two forms of the reference implementation for diffusers: {@code "{prompt}, in
   * the style of {name}"} in one third of the cases and {@code "in {name}'s style, {prompt}"} in
   * two.
   *
   * @param name of the style, such as an artist's
   * @return the concept
   * @throws IllegalArgumentException if the name is blank
   */
  static Concept style(String name) {
    return new Style(name, StyleTemplates.diffusers());
  }

  /**
   * A style with forms of its own.
   *
   * @param name of the style
   * @param templates each with the placeholders {@code {prompt}} and {@code {name}}; one that
   *     stands twice is drawn twice as often
   * @return the concept
   * @throws IllegalArgumentException if the name is blank, there is no template, or one lacks a
   *     placeholder
   */
  static Concept style(String name, List<String> templates) {
    return new Style(name, templates);
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
}
