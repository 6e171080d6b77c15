package dev.ablation.testing;

import dev.ablation.model.PromptTokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Words without regard to case; everything else separates them. Token 0 begins a prompt, token 1
 * ends and pads it, a word's token follows from its letters.
 *
 * @param context T, start and end included
 * @param vocabulary number of tokens
 */
record TinyTokenizer(int context, int vocabulary) implements PromptTokenizer {
  private static final int START = 0;
  private static final int END = 1;

  /** What it can list of the words that it knows, which are all. */
  private static final List<String> KNOWN =
      List.of(
          "a",
          "the",
          "cat",
          "dog",
          "grumpy",
          "happy",
          "asleep",
          "house",
          "tree",
          "art",
          "style",
          "painting",
          "object",
          "picture",
          "red",
          "blue",
          "photo",
          "of",
          "on",
          "in",
          "mat",
          "sun");

  private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+");

  @Override
  public Tokens tokens(String prompt) {
    List<MatchResult> words = WORD.matcher(prompt).results().toList();
    int seen = Math.min(words.size(), context - 2);
    List<Integer> ids = words.stream().limit(seen).map(word -> id(word.group())).toList();
    return new Tokens(ids, seen == words.size() ? "" : prompt.substring(words.get(seen).start()));
  }

  @Override
  public List<String> words() {
    Map<Integer, String> byToken = new TreeMap<>();
    KNOWN.forEach(word -> byToken.putIfAbsent(id(word), word));
    return List.copyOf(byToken.values());
  }

  private int id(String word) {
    return 2 + Math.floorMod(word.toLowerCase(Locale.ROOT).hashCode(), vocabulary - 2);
  }

  /** Returns the token of each position of each prompt. */
  long[] rows(List<String> prompts) {
    List<Integer> rows = new ArrayList<>();
    for (String prompt : prompts) {
      int end = rows.size() + context;
      rows.add(START);
      rows.addAll(tokens(prompt).ids());
      while (rows.size() < end) {
        rows.add(END);
      }
    }
    return rows.stream().mapToLong(Integer::longValue).toArray();
  }
}
