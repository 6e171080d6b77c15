package dev.ablation.internal;

import java.util.regex.Pattern;

/** Finds words in prompts. */
public final class Words {
  private Words() {}

  /**
   * Returns a pattern that finds a word, or a group of words, in a text: in any case, as a whole
   * word; group 1 is the {@code "s"} of a plain plural, or empty. Letters and digits of any script
   * border a word.
   *
   * @param word not blank; white space around it is ignored
   * @return the pattern, for {@link java.util.regex.Matcher#find()}
   */
  public static Pattern ownWord(String word) {
    return Pattern.compile(
        "(?<![\\p{L}\\p{N}])" + Pattern.quote(word.strip()) + "(s?)(?![\\p{L}\\p{N}])",
        Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
  }
}
