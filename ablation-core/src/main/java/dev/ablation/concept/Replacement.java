package dev.ablation.concept;

import com.google.common.base.Preconditions;
import dev.ablation.internal.Words;
import java.util.Locale;
import java.util.regex.MatchResult;

/**
 * The replacement for an anchor's name in a prompt. It takes on the case of the word that it
 * replaces.
 *
 * @param head the words whose last takes a plural's ending
 * @param tail the words after them
 */
record Replacement(String head, String tail) {

  String of(String anchor, String prompt) {
    Preconditions.checkArgument(!anchor.isBlank(), "anchor must not be blank");
    StringBuilder target = new StringBuilder();
    int end = 0;
    for (MatchResult match : Words.ownWord(anchor).matcher(prompt).results().toList()) {
      target.append(prompt, end, match.start()).append(inTheCaseOf(match.group(), match.group(1)));
      end = match.end();
    }
    Preconditions.checkArgument(
        end > 0,
        "anchor '%s' must occur in every anchor prompt, so that '%s' can replace it, but '%s' does not contain it",
        anchor,
        head + tail,
        prompt);
    return target.append(prompt, end, prompt.length()).toString();
  }

  private String inTheCaseOf(String found, String foundPlural) {
    boolean isPlural = !foundPlural.isEmpty();
    String plural = isPlural ? Words.pluralEnding(head) : "";
    // A single capital letter is not a capitalized word, and some scripts have no capital letters.
    boolean hasCapitals = !found.equals(found.toLowerCase(Locale.ROOT));
    if (hasCapitals && found.length() > 1 && found.equals(found.toUpperCase(Locale.ROOT))) {
      return (head + plural + tail).toUpperCase(Locale.ROOT);
    }
    if (Character.isUpperCase(found.codePointAt(0))) {
      int own = head.codePointAt(0);
      return new StringBuilder()
          .appendCodePoint(Character.toTitleCase(own))
          .append(head, Character.charCount(own), head.length())
          .append(plural)
          .append(tail)
          .toString();
    }
    return head + plural + tail;
  }
}
