package dev.ablation.djl.load;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.StrictJson.JsonNumber;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A JSON file that configures something, such as a {@code config.json}: what a part of a published
 * model looks like. Old files are short, so most keys may be absent and take the default of the
 * Python class; {@code null} counts as absent, as it does there. Unused keys are ignored.
 *
 * <p>Values are taken for what they are, never converted: {@code 8.0} and {@code "8"} are no
 * integers. Invalid values are reported by an {@link InvalidCheckpointException} that names the
 * file, the key, the rule and the value.
 */
@CheckReturnValue
public final class JsonConfig {

  /** More than any size, number of timesteps or vocabulary of a published model. */
  private static final int MOST = 1 << 20;

  /** More layers than any published network has: each is built before weights are looked at. */
  private static final int MOST_LAYERS = 1000;

  private static final Set<String> LAYERS =
      Set.of(
          "num_hidden_layers",
          "num_layers",
          "num_single_layers",
          "layers_per_block",
          "transformer_layers_per_block");

  /** Longer than any list, of which {@code trained_betas} has an element for each timestep. */
  private static final int MOST_ELEMENTS = 100_000;

  private final Path path;
  private final Map<String, @Nullable Object> values;

  private JsonConfig(Path path, Map<String, @Nullable Object> values) {
    this.path = path;
    this.values = values;
  }

  /**
   * Reads a file.
   *
   * @param path a JSON file that holds one object
   * @return the configuration
   * @throws InvalidCheckpointException if it holds something else, or a key twice
   * @throws NoSuchFileException if it does not exist
   * @throws IOException if it cannot be read
   */
  public static JsonConfig read(Path path) throws IOException {
    String text;
    try {
      text = TextFile.read(path);
    } catch (TextFormatException e) {
      throw new InvalidCheckpointException(path, "is not JSON: " + e.getMessage());
    } catch (NoSuchFileException e) {
      throw new NoSuchFileException(path.toString(), null, "a checkpoint must have this file");
    }
    return parse(path, text);
  }

  /**
   * {@return a configuration without values, in which every key has its default} See {@link #with}.
   */
  public static JsonConfig empty() {
    return new JsonConfig(Path.of("config.json"), Map.of());
  }

  /**
   * Reads a text.
   *
   * @param path what it is, for messages
   * @param text one JSON object
   * @return the configuration
   * @throws InvalidCheckpointException if it is something else, or has a key twice
   */
  public static JsonConfig parse(Path path, String text) throws InvalidCheckpointException {
    try {
      return of(path, StrictJson.parsePython(text), "the content");
    } catch (InvalidCheckpointException e) {
      throw e;
    } catch (IOException e) {
      throw new InvalidCheckpointException(path, "is not JSON: " + e.getMessage());
    }
  }

  /**
   * Takes a value of a configuration for one of its own, such as an element of a list.
   *
   * @param path its location, for messages
   * @param value of {@link #value}, or part of it
   * @param what it is, for the message
   * @return the configuration
   * @throws InvalidCheckpointException if it is no object
   */
  public static JsonConfig of(Path path, @Nullable Object value, String what)
      throws InvalidCheckpointException {
    if (!(value instanceof Map<?, ?>)) {
      throw new InvalidCheckpointException(
          path, what + " must be a JSON object, was " + (value == null ? "absent" : value));
    }
    @SuppressWarnings("unchecked") // StrictJson makes no other maps
    Map<String, @Nullable Object> values = (Map<String, @Nullable Object>) value;
    return new JsonConfig(path, values);
  }

  /** {@return the file} */
  public Path path() {
    return path;
  }

  /** {@return the keys, in the order of the file; unmodifiable} */
  public Set<String> keys() {
    return Collections.unmodifiableSet(values.keySet());
  }

  /**
   * Tells whether a key has a value.
   *
   * @param key the key
   * @return false if it is absent or {@code null}
   */
  public boolean has(String key) {
    return values.get(key) != null;
  }

  /**
   * Returns a value as it was parsed.
   *
   * @param key the key
   * @return a map, a list, a string, a {@link JsonNumber} or a boolean; {@code null} if it is
   *     absent
   */
  public @Nullable Object value(String key) {
    return values.get(key);
  }

  /**
   * Returns an integer.
   *
   * @param key the key
   * @return its value
   * @throws InvalidCheckpointException if it is absent or no integer
   */
  public int requireInt(String key) throws InvalidCheckpointException {
    return integer(key, require(key, "an integer"));
  }

  /**
   * Returns an integer that may be absent.
   *
   * @param key the key
   * @param otherwise the value if it is absent
   * @return its value
   * @throws InvalidCheckpointException if it is no integer
   */
  public int intOr(String key, int otherwise) throws InvalidCheckpointException {
    Object value = values.get(key);
    return value == null ? otherwise : integer(key, value);
  }

  /**
   * Returns a positive integer that may be absent.
   *
   * @param key the key
   * @param otherwise the value if it is absent
   * @return its value
   * @throws InvalidCheckpointException if it is no integer, or not positive
   */
  public int positiveIntOr(String key, int otherwise) throws InvalidCheckpointException {
    int value = intOr(key, otherwise);
    if (value < 1) {
      throw invalid(key, "positive");
    }
    return value;
  }

  /**
   * Returns a number.
   *
   * @param key the key
   * @return its value
   * @throws InvalidCheckpointException if it is absent or no finite number
   */
  public double requireDouble(String key) throws InvalidCheckpointException {
    return number(key, require(key, "a number"));
  }

  /**
   * Returns a number that may be absent.
   *
   * @param key the key
   * @param otherwise the value if it is absent
   * @return its value
   * @throws InvalidCheckpointException if it is no finite number
   */
  public double doubleOr(String key, double otherwise) throws InvalidCheckpointException {
    Object value = values.get(key);
    return value == null ? otherwise : number(key, value);
  }

  /**
   * Returns a number that may be absent, and infinite: Python writes {@code -Infinity}, some files
   * have it as a text, {@code "-inf"} or {@code "-Infinity"}.
   *
   * @param key the key
   * @param otherwise the value if it is absent
   * @return its value
   * @throws InvalidCheckpointException if it is no number
   */
  public double extendedDoubleOr(String key, double otherwise) throws InvalidCheckpointException {
    Object value = values.get(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof JsonNumber number) {
      return Double.parseDouble(number.literal());
    }
    if (value.equals("-inf") || value.equals("-Infinity")) {
      return Double.NEGATIVE_INFINITY;
    }
    if (value.equals("inf") || value.equals("Infinity")) {
      return Double.POSITIVE_INFINITY;
    }
    throw invalid(key, "a number");
  }

  /**
   * Returns the meaning of a text, from a known set.
   *
   * @param key the key
   * @param otherwise the text if it is absent
   * @param choices text to its meaning
   * @param <T> the meaning
   * @return the choice
   * @throws InvalidCheckpointException if it is no string, or none of the texts
   */
  public <T> T choiceOr(String key, String otherwise, Map<String, T> choices)
      throws InvalidCheckpointException {
    T choice = choices.get(stringOr(key, otherwise));
    if (choice == null) {
      throw invalid(key, "one of " + new TreeSet<>(choices.keySet()));
    }
    return choice;
  }

  /**
   * Returns a string.
   *
   * @param key the key
   * @return its value
   * @throws InvalidCheckpointException if it is absent or no string
   */
  public String requireString(String key) throws InvalidCheckpointException {
    return string(key, require(key, "a string"));
  }

  /**
   * Returns a string that may be absent.
   *
   * @param key the key
   * @param otherwise the value if it is absent
   * @return its value
   * @throws InvalidCheckpointException if it is no string
   */
  public String stringOr(String key, String otherwise) throws InvalidCheckpointException {
    Object value = values.get(key);
    return value == null ? otherwise : string(key, value);
  }

  /**
   * Returns a boolean that may be absent.
   *
   * @param key the key
   * @param otherwise the value if it is absent
   * @return its value
   * @throws InvalidCheckpointException if it is no boolean
   */
  public boolean boolOr(String key, boolean otherwise) throws InvalidCheckpointException {
    Object value = values.get(key);
    if (value == null || value instanceof Boolean) {
      return value == null ? otherwise : (Boolean) value;
    }
    throw invalid(key, "true or false", value);
  }

  /**
   * Returns a list of integers.
   *
   * @param key the key
   * @return its values; unmodifiable
   * @throws InvalidCheckpointException if it is absent or no list of integers
   */
  public List<Integer> requireInts(String key) throws InvalidCheckpointException {
    List<Integer> ints = new ArrayList<>();
    for (Object element : list(key, "a list of integers", MOST_LAYERS)) {
      ints.add(integer(key, element));
    }
    return List.copyOf(ints);
  }

  /**
   * Returns a list of numbers.
   *
   * @param key the key
   * @return its values; unmodifiable
   * @throws InvalidCheckpointException if it is absent or no list of numbers
   */
  public List<Double> requireDoubles(String key) throws InvalidCheckpointException {
    List<Double> doubles = new ArrayList<>();
    for (Object element : list(key, "a list of numbers", MOST_ELEMENTS)) {
      doubles.add(number(key, element));
    }
    return List.copyOf(doubles);
  }

  /**
   * Returns a list of strings.
   *
   * @param key the key
   * @return its values; unmodifiable
   * @throws InvalidCheckpointException if it is absent or no list of strings
   */
  public List<String> requireStrings(String key) throws InvalidCheckpointException {
    List<String> strings = new ArrayList<>();
    for (Object element : list(key, "a list of strings", MOST_LAYERS)) {
      strings.add(string(key, element));
    }
    return List.copyOf(strings);
  }

  /**
   * Returns one integer for each of several blocks, from a list or from one integer for all, as
   * {@code attention_head_dim} is written.
   *
   * @param key the key
   * @param count the number of blocks
   * @return {@code count} values; unmodifiable
   * @throws InvalidCheckpointException if it is absent, neither an integer nor a list of integers,
   *     or a list of another length
   */
  public List<Integer> requireInts(String key, int count) throws InvalidCheckpointException {
    return spread(key, count, require(key, "an integer or a list of " + count + " integers"));
  }

  /**
   * Returns one integer for each of several blocks, from a list, from one integer for all, or from
   * the default.
   *
   * @param key the key
   * @param count the number of blocks
   * @param otherwise the value of every block if the key is absent
   * @return {@code count} values; unmodifiable
   * @throws InvalidCheckpointException if it is neither an integer nor a list of integers, or a
   *     list of another length
   */
  public List<Integer> intsOr(String key, int count, int otherwise)
      throws InvalidCheckpointException {
    Object value = values.get(key);
    return value == null ? Collections.nCopies(count, otherwise) : spread(key, count, value);
  }

  private List<Integer> spread(String key, int count, Object value)
      throws InvalidCheckpointException {
    if (!(value instanceof List<?>)) {
      return Collections.nCopies(count, integer(key, value));
    }
    List<Integer> ints = requireInts(key);
    if (ints.size() != count) {
      throw invalid(key, "an integer or a list of " + count + " integers", value);
    }
    return ints;
  }

  /**
   * Returns one boolean for each of several blocks, from a list, from one boolean for all, or from
   * the default, as {@code only_cross_attention} is written.
   *
   * @param key the key
   * @param count the number of blocks
   * @param otherwise the value of every block if the key is absent
   * @return {@code count} values; unmodifiable
   * @throws InvalidCheckpointException if it is neither a boolean nor a list of booleans, or a list
   *     of another length
   */
  public List<Boolean> boolsOr(String key, int count, boolean otherwise)
      throws InvalidCheckpointException {
    Object value = values.get(key);
    if (value == null || value instanceof Boolean) {
      return Collections.nCopies(count, value == null ? otherwise : (Boolean) value);
    }
    List<Boolean> bools = new ArrayList<>();
    if (value instanceof List<?> list) {
      for (Object element : list) {
        if (element instanceof Boolean bool) {
          bools.add(bool);
        }
      }
      if (list.size() == count && bools.size() == count) {
        return List.copyOf(bools);
      }
    }
    throw invalid(key, "true, false or a list of " + count + " of them", value);
  }

  /**
   * Returns an object that may be absent, such as {@code text_config}.
   *
   * @param key the key
   * @return its fields; empty if it is absent
   * @throws InvalidCheckpointException if it is no object
   */
  public JsonConfig section(String key) throws InvalidCheckpointException {
    Object value = values.get(key);
    if (value != null && !(value instanceof Map<?, ?>)) {
      throw invalid(key, "an object");
    }
    return value == null ? new JsonConfig(path, Map.of()) : of(path, value, key);
  }

  /**
   * Lays another configuration over this one.
   *
   * @param other whose fields count where both have them
   * @return the fields of both, for messages as of this file
   */
  public JsonConfig overriddenBy(JsonConfig other) {
    Map<String, @Nullable Object> both = new LinkedHashMap<>(values);
    both.putAll(other.values);
    return new JsonConfig(path, both);
  }

  /**
   * Changes a value.
   *
   * @param key the key
   * @param value a boolean, a number, a text or a list of them
   * @return a copy with the given values
   */
  public JsonConfig with(String key, Object value) {
    Map<String, @Nullable Object> changed = new LinkedHashMap<>(values);
    changed.put(key, tree(value));
    return new JsonConfig(path, changed);
  }

  private static Object tree(Object value) {
    if (value instanceof List<?> list) {
      return list.stream().map(JsonConfig::tree).toList();
    }
    return value instanceof Number ? new JsonNumber(value.toString()) : value;
  }

  /**
   * Makes the error for a value that its reader cannot use, so that all such errors read alike.
   *
   * @param key the key
   * @param rule what the value must be, such as {@code "positive"}
   * @return the exception, to be thrown by the caller
   */
  public InvalidCheckpointException invalid(String key, String rule) {
    return invalid(key, rule, values.get(key));
  }

  private InvalidCheckpointException invalid(String key, String rule, @Nullable Object value) {
    Object shown = value instanceof String text ? "\"" + text + "\"" : value;
    return new InvalidCheckpointException(
        path, key + " must be " + rule + ", was " + (shown == null ? "absent" : shown));
  }

  private Object require(String key, String rule) throws InvalidCheckpointException {
    Object value = values.get(key);
    if (value == null) {
      throw invalid(key, rule, null);
    }
    return value;
  }

  private List<?> list(String key, String rule, int most) throws InvalidCheckpointException {
    Object value = require(key, rule);
    if (value instanceof List<?> list) {
      if (list.size() > most) {
        throw new InvalidCheckpointException(
            path,
            "%s must be a list of at most %d elements, has %d".formatted(key, most, list.size()));
      }
      return list;
    }
    throw invalid(key, rule, value);
  }

  private int integer(String key, @Nullable Object value) throws InvalidCheckpointException {
    if (value instanceof JsonNumber number && number.isInteger()) {
      int most = LAYERS.contains(key) ? MOST_LAYERS : MOST;
      try {
        int parsed = Integer.parseInt(number.literal());
        if (Math.abs((long) parsed) <= most) {
          return parsed;
        }
      } catch (NumberFormatException e) {
        throw invalid(key, "an integer of 32 bits", values.get(key));
      }
      throw invalid(key, "an integer of at most " + most, values.get(key));
    }
    throw invalid(key, "an integer", values.get(key));
  }

  private double number(String key, @Nullable Object value) throws InvalidCheckpointException {
    if (value instanceof JsonNumber number) {
      double parsed = Double.parseDouble(number.literal());
      if (Double.isFinite(parsed)) {
        return parsed;
      }
    }
    throw invalid(key, "a finite number", values.get(key));
  }

  private String string(String key, @Nullable Object value) throws InvalidCheckpointException {
    if (value instanceof String text) {
      return text;
    }
    throw invalid(key, "a string", values.get(key));
  }
}
