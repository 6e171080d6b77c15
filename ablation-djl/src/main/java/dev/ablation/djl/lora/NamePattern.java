package dev.ablation.djl.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A pattern of module names from a file's header: the part of regular expressions that adapters are
 * written with. It knows characters, {@code .} for any character, {@code \d} and {@code \.}, {@code
 * *} and {@code +} after one of these, alternatives without groups, and {@code ^} and {@code $} at
 * the ends. Matching takes time proportional to the lengths of pattern and name, unlike that of a
 * regular expression, which a file could choose so that it never ends.
 */
final class NamePattern {
  private static final int MAX_LENGTH = 1000;
  private static final String OPERATORS = "()[]{}?|^$*+\\";

  /** One position of an alternative. */
  private record Atom(char kind, char literal, boolean repeated) {
    boolean matches(char c) {
      return switch (kind) {
        case '.' -> true;
        case 'd' -> c >= '0' && c <= '9';
        default -> c == literal;
      };
    }
  }

  private record Alternative(List<Atom> atoms, boolean whole) {}

  private final List<Alternative> alternatives;

  private NamePattern(List<Alternative> alternatives) {
    this.alternatives = alternatives;
  }

  /** {@return the pattern; empty if it has another form} */
  static Optional<NamePattern> parse(String pattern) {
    if (pattern.isEmpty() || pattern.length() > MAX_LENGTH) {
      return Optional.empty();
    }
    List<Alternative> alternatives = new ArrayList<>();
    for (String each : pattern.split("\\|", -1)) {
      boolean whole = each.startsWith("^");
      int end = each.endsWith("$") ? each.length() - 1 : each.length();
      List<Atom> atoms = atoms(each, whole ? 1 : 0, end);
      if (atoms.isEmpty()) {
        return Optional.empty();
      }
      alternatives.add(new Alternative(atoms, whole));
    }
    return Optional.of(new NamePattern(alternatives));
  }

  /** Returns the atoms of an alternative; none if it has another form. */
  private static List<Atom> atoms(String text, int start, int end) {
    List<Atom> atoms = new ArrayList<>();
    for (int i = start; i < end; i++) {
      char c = text.charAt(i);
      Atom atom;
      if (c == '\\' && i + 1 < end) {
        i++;
        char escaped = text.charAt(i);
        if (escaped != 'd' && Character.isLetterOrDigit(escaped)) {
          return List.of();
        }
        atom = new Atom(escaped == 'd' ? 'd' : 'c', escaped, false);
      } else if (OPERATORS.indexOf(c) >= 0) {
        return List.of();
      } else {
        atom = new Atom(c == '.' ? '.' : 'c', c, false);
      }
      char next = i + 1 < end ? text.charAt(i + 1) : 0;
      if (next == '+') {
        atoms.add(atom);
      }
      if (next == '+' || next == '*') {
        atom = new Atom(atom.kind(), atom.literal(), true);
        i++;
      }
      atoms.add(atom);
    }
    return atoms;
  }

  /** Whether it matches the name, or what follows one of its dots unless it begins with ^. */
  boolean matches(String name) {
    for (Alternative alternative : alternatives) {
      if (matches(alternative, name)) {
        return true;
      }
    }
    return false;
  }

  /** Follows all positions of the pattern at once. */
  private static boolean matches(Alternative alternative, String name) {
    List<Atom> atoms = alternative.atoms();
    boolean[] at = new boolean[atoms.size() + 1];
    at[0] = true;
    skipRepeated(at, atoms);
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean[] next = new boolean[at.length];
      for (int k = 0; k < atoms.size(); k++) {
        if (at[k] && atoms.get(k).matches(c)) {
          next[atoms.get(k).repeated() ? k : k + 1] = true;
        }
      }
      next[0] |= !alternative.whole() && c == '.';
      skipRepeated(next, atoms);
      at = next;
    }
    return at[atoms.size()];
  }

  private static void skipRepeated(boolean[] at, List<Atom> atoms) {
    for (int k = 0; k < atoms.size(); k++) {
      at[k + 1] |= at[k] && atoms.get(k).repeated();
    }
  }
}
