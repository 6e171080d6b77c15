package dev.ablation.internal;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The known name that an unknown one was probably meant to be. */
public final class Suggestion {
  private Suggestion() {}

  /**
   * Finds the known name that is most like another one: first by a word that both contain, then by
   * the number of letters to change (Damerau and Levenshtein).
   *
   * @param unknown the name that is not known
   * @param known the names that are
   * @return the nearest of them; empty if none is alike
   */
  public static Optional<String> of(String unknown, Collection<String> known) {
    String wanted = plain(unknown);
    if (known.stream().noneMatch(name -> plain(name).equals(wanted)) && !wanted.isEmpty()) {
      Optional<String> withWord =
          known.stream().filter(name -> words(name).contains(wanted)).findFirst();
      if (withWord.isPresent()) {
        return withWord;
      }
    }
    String nearest = null;
    // A third of the letters may be wrong: more of them make another word.
    int least = Math.max(1, wanted.length() / 3) + 1;
    for (String name : known) {
      String other = plain(name);
      if (Math.abs(other.length() - wanted.length()) >= least) {
        continue; // the distance is no less, and would take long for a long text
      }
      int distance = distance(wanted, other);
      if (distance < least) {
        nearest = name;
        least = distance;
      }
    }
    return Optional.ofNullable(nearest);
  }

  /**
   * Words the suggestion as the end of a message.
   *
   * @param unknown the name that is not known
   * @param known the names that are
   * @return such as {@code "; did you mean 'anchor'?"}; empty if none is alike
   */
  public static String asQuestion(String unknown, Collection<String> known) {
    return of(unknown, known).map("; did you mean '%s'?"::formatted).orElse("");
  }

  private static String plain(String name) {
    return name.strip().toLowerCase(Locale.ROOT);
  }

  private static List<String> words(String name) {
    return List.of(plain(name).split("[^\\p{L}\\p{N}]+"));
  }

  private static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    Arrays.setAll(cost[0], j -> j);
    for (int i = 1; i <= a.length(); i++) {
      cost[i][0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        cost[i][j] =
            Math.min(Math.min(cost[i - 1][j], cost[i][j - 1]) + 1, cost[i - 1][j - 1] + change);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
      }
    }
    return cost[a.length()][b.length()];
  }
}
