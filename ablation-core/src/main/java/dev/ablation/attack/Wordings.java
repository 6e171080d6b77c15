package dev.ablation.attack;

import com.google.common.base.Preconditions;
import dev.ablation.random.RandomStreams;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/** Other ways to write a name: by mistake, or to circumvent a removal. */
public final class Wordings {
  private static final int TRIES = 100;

  private Wordings() {}

  /**
   * Misspells a name: two adjacent letters swapped, a letter omitted, a letter doubled.
   *
   * @param name such as {@code "van gogh"}
   * @param count maximum number, positive; a short name has fewer misspellings
   * @param seed of the choices
   * @return different names, none the original
   */
  public static List<String> misspelled(String name, int count, long seed) {
    checkName(name);
    Preconditions.checkArgument(count > 0, "count must be positive, was %s", count);
    Set<String> found = new LinkedHashSet<>();
    for (int i = 0; found.size() < count && i < TRIES * count; i++) {
      RandomGenerator random = RandomStreams.stream(seed, "misspelling " + name, i);
      int at = random.nextInt(name.length());
      StringBuilder changed = new StringBuilder(name);
      if (!Character.isLetter(name.charAt(at))) {
        continue;
      }
      switch (i % 3) {
        case 0 -> {
          if (at + 1 < name.length() && Character.isLetter(name.charAt(at + 1))) {
            changed.setCharAt(at, name.charAt(at + 1));
            changed.setCharAt(at + 1, name.charAt(at));
          }
        }
        case 1 -> changed.deleteCharAt(at);
        default -> changed.insert(at, name.charAt(at));
      }
      String other = changed.toString();
      if (!other.equals(name) && !other.isBlank()) {
        found.add(other);
      }
    }
    return List.copyOf(found);
  }

  /**
   * Writes a name in other cases: capitals, small letters, a capital for each word.
   *
   * @param name any
   * @return different names, none the original
   */
  public static List<String> cased(String name) {
    checkName(name);
    String small = name.toLowerCase(Locale.ROOT);
    String titled =
        List.of(small.split(" ", -1)).stream()
            .map(word ->
                word.isEmpty()
                    ? word
                    : word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1))
            .collect(Collectors.joining(" "));
    return others(name, List.of(name.toUpperCase(Locale.ROOT), small, titled));
  }

  /**
   * Splits a name: its words joined by a hyphen or by nothing, its letters set apart, one word cut
   * in two.
   *
   * @param name any
   * @return different names, none the original
   */
  public static List<String> split(String name) {
    checkName(name);
    String letters =
        name.replace(" ", "")
            .codePoints()
            .mapToObj(Character::toString)
            .collect(Collectors.joining(" "));
    int longest = 0;
    String[] words = name.split(" ", -1);
    for (int i = 0; i < words.length; i++) {
      longest = words[i].length() > words[longest].length() ? i : longest;
    }
    String word = words[longest];
    String[] cut = words.clone();
    cut[longest] =
        word.length() < 2
            ? word
            : word.substring(0, word.length() / 2) + " " + word.substring(word.length() / 2);
    return others(
        name,
        List.of(
            name.replace(' ', '-'),
            name.replace(" ", ""),
            name.replace(" ", "  "),
            letters,
            String.join(" ", cut)));
  }

  private static List<String> others(String name, List<String> candidates) {
    Set<String> others = new LinkedHashSet<>(candidates);
    others.remove(name);
    return List.copyOf(others);
  }

  private static void checkName(String name) {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
  }
}
