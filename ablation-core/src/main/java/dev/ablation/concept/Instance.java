package dev.ablation.concept;

import com.google.common.base.Preconditions;
import dev.ablation.internal.Words;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** An instance: the anchor's name is replaced by the instance's. */
record Instance(String name) implements Concept {
  Instance {
    Preconditions.checkArgument(!name.isBlank(), "name of an instance must not be blank");
    name = name.strip();
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.INSTANCE;
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    Preconditions.checkArgument(!anchor.isBlank(), "anchor must not be blank");
    Pattern word = Words.ownWord(anchor);
    StringBuilder target = new StringBuilder();
    int end = 0;
    for (MatchResult match : word.matcher(anchorPrompt).results().toList()) {
      target.append(anchorPrompt, end, match.start());
      target.append(inTheCaseOf(match.group())).append(match.group(1));
      end = match.end();
    }
    Preconditions.checkArgument(
        end > 0,
        "anchor '%s' must occur in every anchor prompt to be replaced by '%s', but not in '%s'",
        anchor,
        name,
        anchorPrompt);
    return target.append(anchorPrompt, end, anchorPrompt.length()).toString();
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return List.of(targetPrompt(anchorPrompt, anchor, NO_CHOICE));
  }

  /** The prompt of an instance has one form, so nothing is drawn. */
  private static final RandomGenerator NO_CHOICE =
      () -> {
        throw new IllegalStateException("an instance draws nothing");
      };

  private String inTheCaseOf(String found) {
    // A single capital letter is no capitalised word, and some scripts have no capital letters.
    boolean hasCapitals = !found.equals(found.toLowerCase(Locale.ROOT));
    if (hasCapitals && found.length() > 1 && found.equals(found.toUpperCase(Locale.ROOT))) {
      return name.toUpperCase(Locale.ROOT);
    }
    int first = found.codePointAt(0);
    if (Character.isUpperCase(first)) {
      int own = name.codePointAt(0);
      return new StringBuilder()
          .appendCodePoint(Character.toTitleCase(own))
          .append(name, Character.charCount(own), name.length())
          .toString();
    }
    return name;
  }

  @Override
  public String toString() {
    return "instance '" + name + "'";
  }
}
