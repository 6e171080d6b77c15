package dev.ablation.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/** A command line of {@code --name value} pairs. */
final class Arguments {
  private final Map<String, String> values = new LinkedHashMap<>();

  Arguments(String... arguments) {
    if (arguments.length % 2 != 0) {
      throw new IllegalArgumentException("arguments must be pairs of --name value");
    }
    for (int i = 0; i < arguments.length; i += 2) {
      if (!arguments[i].startsWith("--")) {
        throw new IllegalArgumentException("expected --name, was " + arguments[i]);
      }
      values.put(arguments[i].substring(2), arguments[i + 1]);
    }
  }

  /** The same with a value for what is not given. */
  Arguments orElse(String name, String value) {
    Arguments more = new Arguments();
    more.values.putAll(values);
    more.values.putIfAbsent(name, value);
    return more;
  }

  /** The same with another value. */
  Arguments with(String name, String value) {
    Arguments changed = new Arguments();
    changed.values.putAll(values);
    changed.values.put(name, value);
    return changed;
  }

  String require(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("--" + name + " is missing");
    }
    return value;
  }

  String get(String name, String otherwise) {
    return values.getOrDefault(name, otherwise);
  }

  int get(String name, int otherwise) {
    return values.containsKey(name) ? Integer.parseInt(require(name)) : otherwise;
  }

  boolean has(String name) {
    return values.containsKey(name);
  }
}
