package dev.ablation.internal;

import dev.ablation.internal.JsonFormatException.Kind;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads strict JSON (RFC 8259): no byte order mark, no comments, no trailing commas, no lone
 * surrogates, no duplicate keys, no more than {@value #MAX_DEPTH} levels. Lenient parsers read such
 * text in different ways, so a file could mean one thing to the tool that checked it and another to
 * this library.
 *
 * <p>Values are pulled: {@link #object} and {@link #array} call back, and the callback must consume
 * exactly one value. {@link #parse} builds a tree instead.
 */
public final class StrictJson {

  /** The deepest nesting that is read. */
  public static final int MAX_DEPTH = 127;

  /** The kinds of JSON values. */
  public enum Type {
    /** {@code {...}}. */
    OBJECT,
    /** {@code [...]}. */
    ARRAY,
    /** {@code "..."}. */
    STRING,
    /** A number of any form. */
    NUMBER,
    /** {@code true} or {@code false}. */
    BOOLEAN,
    /** {@code null}. */
    NULL
  }

  /** Consumes the value of one field of an object. */
  @FunctionalInterface
  public interface FieldReader {
    /**
     * Consumes the value.
     *
     * @param key the field's name, unescaped
     * @throws IOException if the value is not acceptable
     */
    void read(String key) throws IOException;
  }

  /** Consumes one element of an array. */
  @FunctionalInterface
  public interface ElementReader {
    /**
     * Consumes the element.
     *
     * @param index its position, from 0
     * @throws IOException if the value is not acceptable
     */
    void read(int index) throws IOException;
  }

  /**
   * A number of a parsed tree, as written in the text.
   *
   * @param literal the text of the number
   */
  public record JsonNumber(String literal) {
    private static final int MAX_LITERAL = 1000;
    private static final int MAX_EXPONENT = 400;

    /** {@return whether the number is written without fraction and exponent} */
    public boolean isInteger() {
      return literal.chars().allMatch(c -> c == '-' || (c >= '0' && c <= '9'));
    }

    /**
     * {@return the exact value}
     *
     * @throws NumberFormatException if it has more digits or a larger exponent than any number of
     *     64 bits, with which arithmetic would take minutes
     */
    public BigDecimal exact() {
      if (literal.length() > MAX_LITERAL) {
        throw new NumberFormatException(
            "a number must have at most %d characters".formatted(MAX_LITERAL));
      }
      BigDecimal exact = new BigDecimal(literal);
      if (exact.signum() != 0
          && Math.abs((long) exact.precision() - exact.scale()) > MAX_EXPONENT) {
        throw new NumberFormatException("a number must fit into 64 bits, was " + literal);
      }
      return exact;
    }

    @Override
    public String toString() {
      return literal;
    }
  }

  private final String text;
  private final boolean infinities;
  private final boolean comments;
  private int position;
  private int depth;

  /**
   * Creates a reader at the beginning of {@code text}.
   *
   * @param text the JSON text
   */
  public StrictJson(String text) {
    this(text, false, false);
  }

  private StrictJson(String text, boolean infinities, boolean comments) {
    this.text = text;
    this.infinities = infinities;
    this.comments = comments;
  }

  /**
   * Reads a whole text as one value.
   *
   * @param text the JSON text
   * @return a {@code Map<String, Object>} in the order of the text, {@code List<Object>}, {@code
   *     String}, {@link JsonNumber}, {@code Boolean} or {@code null}; collections are unmodifiable
   * @throws JsonFormatException if the text is not strict JSON
   */
  public static @Nullable Object parse(String text) throws IOException {
    return new StrictJson(text, false, false).whole();
  }

  /**
   * Reads a whole text as one value; {@code // ...} to the end of a line and {@code /* ... *}{@code
   * /} are white space.
   *
   * @param text the JSON text
   * @return as {@link #parse}
   * @throws JsonFormatException if the text is not strict JSON but for the comments
   */
  public static @Nullable Object parseWithComments(String text) throws IOException {
    return new StrictJson(text, false, true).whole();
  }

  /**
   * Reads a whole text as one value, as Python's {@code json} writes it: {@code Infinity} and
   * {@code -Infinity} are numbers.
   *
   * @param text the JSON text
   * @return as {@link #parse}
   * @throws JsonFormatException if the text is not strict JSON but for these numbers
   */
  public static @Nullable Object parsePython(String text) throws IOException {
    return new StrictJson(text, true, false).whole();
  }

  private @Nullable Object whole() throws IOException {
    Object value = value();
    end();
    return value;
  }

  /**
   * Returns the type of the next value without consuming it.
   *
   * @return the type
   * @throws JsonFormatException if no value starts here
   */
  public Type peek() throws JsonFormatException {
    skipWhitespace();
    if (position >= text.length()) {
      throw syntax("a value was expected, but the text ends");
    }
    char c = text.charAt(position);
    return switch (c) {
      case '{' -> Type.OBJECT;
      case '[' -> Type.ARRAY;
      case '"' -> Type.STRING;
      case 't', 'f' -> Type.BOOLEAN;
      case 'n' -> Type.NULL;
      default -> {
        if (c == '-' || isDigit(c) || !notFinite().isEmpty()) {
          yield Type.NUMBER;
        }
        throw syntax("a value was expected, but found " + describe(c));
      }
    };
  }

  /**
   * Consumes an object.
   *
   * @param reader called for each field, in order
   * @throws JsonFormatException if there is no object here, or a key is duplicated
   * @throws IOException what the reader throws
   */
  public void object(FieldReader reader) throws IOException {
    expect(Type.OBJECT);
    Set<String> seen = new HashSet<>();
    fields(key -> {
      if (!seen.add(key)) {
        throw new JsonFormatException(
            Kind.DUPLICATE_KEY, "the key \"" + key + "\" comes twice" + where());
      }
      reader.read(key);
    });
  }

  /**
   * Consumes an array.
   *
   * @param reader called for each element, in order
   * @throws JsonFormatException if there is no array here
   * @throws IOException what the reader throws
   */
  public void array(ElementReader reader) throws IOException {
    expect(Type.ARRAY);
    enter();
    skipWhitespace();
    if (!take(']')) {
      int index = 0;
      do {
        reader.read(index++);
        skipWhitespace();
      } while (take(','));
      require(']', "a comma or ] was expected after an element");
    }
    depth--;
  }

  /**
   * Consumes a string.
   *
   * @return the string, unescaped
   * @throws JsonFormatException if there is no string here
   */
  public String string() throws JsonFormatException {
    expect(Type.STRING);
    position++;
    int start = position;
    StringBuilder unescaped = null;
    while (true) {
      char c = next("the text ends inside a string");
      if (c == '"') {
        break;
      }
      if (c < 0x20) {
        throw syntax("a control character inside a string");
      }
      if (c == '\\') {
        if (unescaped == null) {
          unescaped = new StringBuilder(text.substring(start, position - 1));
        }
        escape(unescaped);
      } else if (unescaped != null) {
        unescaped.append(c);
      }
    }
    return unescaped == null ? text.substring(start, position - 1) : unescaped.toString();
  }

  /**
   * Consumes a number.
   *
   * @return its text
   * @throws JsonFormatException if there is no number here
   */
  public String number() throws JsonFormatException {
    expect(Type.NUMBER);
    int start = position;
    String notFinite = notFinite();
    if (!notFinite.isEmpty()) {
      position += notFinite.length();
      return notFinite;
    }
    take('-');
    if (!take('0')) {
      digits();
    }
    if (take('.')) {
      digits();
    }
    if (take('e') || take('E')) {
      if (!take('+')) {
        take('-');
      }
      digits();
    }
    if (position < text.length() && isDigit(text.charAt(position))) {
      throw syntax("a number has a leading zero");
    }
    return text.substring(start, position);
  }

  /** Python's {@code Infinity} or {@code -Infinity} at this position; empty if there is none. */
  private String notFinite() {
    if (infinities) {
      for (String number : List.of("Infinity", "-Infinity")) {
        if (text.startsWith(number, position)) {
          return number;
        }
      }
    }
    return "";
  }

  /**
   * Consumes {@code true} or {@code false}.
   *
   * @return the value
   * @throws JsonFormatException if neither is here
   */
  public boolean bool() throws JsonFormatException {
    expect(Type.BOOLEAN);
    boolean value = text.charAt(position) == 't';
    literal(value ? "true" : "false");
    return value;
  }

  /**
   * Consumes {@code null}.
   *
   * @throws JsonFormatException if it is not here
   */
  public void nul() throws JsonFormatException {
    expect(Type.NULL);
    literal("null");
  }

  /**
   * Consumes any value and discards it. Duplicate keys inside it are not detected.
   *
   * @throws IOException if no JSON value is here
   */
  public void skip() throws IOException {
    switch (peek()) {
      case OBJECT -> fields(key -> skip());
      case ARRAY -> array(index -> skip());
      case STRING -> string();
      case NUMBER -> number();
      case BOOLEAN -> bool();
      case NULL -> nul();
    }
  }

  /**
   * Checks that nothing but white space follows.
   *
   * @throws JsonFormatException if something does
   */
  public void end() throws JsonFormatException {
    skipWhitespace();
    if (position < text.length()) {
      throw syntax(
          "nothing was expected after the value, but found " + describe(text.charAt(position)));
    }
  }

  private @Nullable Object value() throws IOException {
    return switch (peek()) {
      case OBJECT -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        object(key -> map.put(key, value()));
        yield Collections.unmodifiableMap(map);
      }
      case ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        array(index -> list.add(value()));
        yield Collections.unmodifiableList(list);
      }
      case STRING -> string();
      case NUMBER -> new JsonNumber(number());
      case BOOLEAN -> bool();
      case NULL -> {
        nul();
        yield null;
      }
    };
  }

  private void fields(FieldReader reader) throws IOException {
    enter();
    skipWhitespace();
    if (!take('}')) {
      do {
        skipWhitespace();
        if (position >= text.length() || text.charAt(position) != '"') {
          throw syntax("a key in quotes was expected");
        }
        String key = string();
        skipWhitespace();
        require(':', "a colon was expected after a key");
        reader.read(key);
        skipWhitespace();
      } while (take(','));
      require('}', "a comma or } was expected after a field");
    }
    depth--;
  }

  private void enter() throws JsonFormatException {
    position++;
    depth++;
    if (depth > MAX_DEPTH) {
      throw syntax("nested deeper than " + MAX_DEPTH + " levels");
    }
  }

  private void escape(StringBuilder out) throws JsonFormatException {
    char c = next("the text ends inside an escape");
    switch (c) {
      case '"', '\\', '/' -> out.append(c);
      case 'b' -> out.append('\b');
      case 'f' -> out.append('\f');
      case 'n' -> out.append('\n');
      case 'r' -> out.append('\r');
      case 't' -> out.append('\t');
      case 'u' -> {
        char high = hex();
        if (!Character.isSurrogate(high)) {
          out.append(high);
        } else {
          boolean pair = Character.isHighSurrogate(high) && take('\\') && take('u');
          char low = pair ? hex() : '\0';
          if (!Character.isLowSurrogate(low)) {
            throw syntax("half a surrogate pair is escaped");
          }
          out.append(high).append(low);
        }
      }
      default -> throw syntax("an unknown escape");
    }
  }

  private char hex() throws JsonFormatException {
    int value = 0;
    for (int i = 0; i < 4; i++) {
      char c = next("the text ends inside an escape");
      int digit = c < 128 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw syntax("four hexadecimal digits were expected in an escape");
      }
      value = (value << 4) | digit;
    }
    return (char) value;
  }

  private void digits() throws JsonFormatException {
    int start = position;
    while (position < text.length() && isDigit(text.charAt(position))) {
      position++;
    }
    if (position == start) {
      throw syntax("a digit was expected");
    }
  }

  private void literal(String literal) throws JsonFormatException {
    if (!text.startsWith(literal, position)) {
      throw syntax("a value was expected, but found " + describe(text.charAt(position)));
    }
    position += literal.length();
  }

  private void expect(Type type) throws JsonFormatException {
    Type actual = peek();
    if (actual != type) {
      throw new JsonFormatException(
          Kind.TYPE, type + " was expected, but found " + actual + where());
    }
  }

  private void require(char c, String message) throws JsonFormatException {
    if (!take(c)) {
      throw syntax(message);
    }
  }

  private boolean take(char c) {
    if (position < text.length() && text.charAt(position) == c) {
      position++;
      return true;
    }
    return false;
  }

  private char next(String message) throws JsonFormatException {
    if (position >= text.length()) {
      throw syntax(message);
    }
    return text.charAt(position++);
  }

  private void skipWhitespace() throws JsonFormatException {
    while (position < text.length()) {
      char c = text.charAt(position);
      if (c == '/' && comments) {
        skipComment();
      } else if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
        return;
      } else {
        position++;
      }
    }
  }

  private void skipComment() throws JsonFormatException {
    if (text.startsWith("//", position)) {
      int end = text.indexOf('\n', position);
      position = end < 0 ? text.length() : end;
    } else if (text.startsWith("/*", position)) {
      int end = text.indexOf("*/", position + 2);
      if (end < 0) {
        throw syntax("the text ends inside a comment");
      }
      position = end + 2;
    } else {
      throw syntax("a comment begins with // or /*");
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static String describe(char c) {
    return c > 0x20 && c < 0x7f ? "'" + c + "'" : String.format("U+%04X", (int) c);
  }

  private JsonFormatException syntax(String message) {
    return new JsonFormatException(Kind.SYNTAX, message + where());
  }

  private String where() {
    int line = 1;
    int column = 1;
    for (int i = 0; i < Math.min(position, text.length()); i++) {
      if (text.charAt(i) == '\n') {
        line++;
        column = 1;
      } else {
        column++;
      }
    }
    return " (line " + line + ", column " + column + ")";
  }
}
