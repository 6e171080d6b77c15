package dev.ablation.internal;

import java.text.Normalizer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds words in prompts. */
public final class Words {
  private static final Pattern SIBILANT =
      Pattern.compile("(?:s|x|z|ch|sh)$", Pattern.CASE_INSENSITIVE);

  /** What may stand between the words of a group: "grumpy cat", "grumpy-cat". */
  private static final String GAP = "[\\s\\p{Z}\\p{Pd}]+";

  private static final Pattern GAPS = Pattern.compile(GAP, Pattern.UNICODE_CHARACTER_CLASS);
  private static final String APOSTROPHES = "['\u2019\u02bc]";

  private Words() {}

  /**
   * Returns a pattern that finds a word, or a group of words, in a text: in any case, as a whole
   * word, with white space or hyphens between the words of the group, with typewriter's or curly
   * apostrophes, and with accents composed or not. Group 1 is the {@code "s"} or {@code "es"} of a
   * plain plural, or empty. Letters, digits and accents of any script border a word.
   *
   * @param word not blank; white space around it is ignored
   * @return the pattern, for {@link java.util.regex.Matcher#find()}
   */
  public static Pattern ownWord(String word) {
    String stripped = word.strip();
    String forms =
        Stream.of(Normalizer.Form.NFC, Normalizer.Form.NFD)
            .map(form -> flexible(Normalizer.normalize(stripped, form)))
            .distinct()
            .collect(Collectors.joining("|"));
    return Pattern.compile(
        "(?<![\\p{L}\\p{N}\\p{M}])(?:"
            + forms
            + ")("
            + (isSibilant(stripped) ? "(?:e?s)?" : "s?")
            + ")(?![\\p{L}\\p{N}\\p{M}])",
        Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
  }

  private static String flexible(String word) {
    return Stream.of(GAPS.split(word, -1))
        .map(part ->
            Stream.of(part.split(APOSTROPHES, -1))
                .map(Pattern::quote)
                .collect(Collectors.joining(APOSTROPHES)))
        .collect(Collectors.joining(GAP));
  }

  /**
   * Returns the ending of a word's plain plural in English.
   *
   * @param word any word, or words whose last is meant
   * @return {@code "es"} after a sibilant, else {@code "s"}
   */
  public static String pluralEnding(String word) {
    return isSibilant(word) ? "es" : "s";
  }

  private static boolean isSibilant(String word) {
    return SIBILANT.matcher(word).find();
  }
}
