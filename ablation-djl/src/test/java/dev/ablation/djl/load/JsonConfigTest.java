package dev.ablation.djl.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonConfigTest {

  private interface Reading {
    Object of(JsonConfig config) throws IOException;
  }

  @TempDir private Path folder;
  private Path file;
  private JsonConfig config;

  @BeforeEach
  void write() throws IOException {
    file = folder.resolve("config.json");
    Files.writeString(
        file,
        """
        {"int": 8, "negative": -1, "null": null, "float": 1e-05, "whole": 8.0, "text": "silu",
         "yes": true, "ints": [5, 10, 20], "bools": [true, false], "texts": ["a", "b"],
         "mixed": [1, "a"], "large": 3000000000, "huge": 1e999, "empty": [],
         "part": {"int": 3}}
        """);
    config = JsonConfig.read(file);
  }

  static Stream<Arguments> values() {
    return Stream.of(
        value("8", c -> c.requireInt("int")),
        value("-1", c -> c.intOr("negative", 4)),
        value("4", c -> c.intOr("absent", 4)),
        value("4", c -> c.intOr("null", 4)),
        value("1.0E-5", c -> c.requireDouble("float")),
        value("8.0", c -> c.doubleOr("int", 1)),
        value("0.5", c -> c.doubleOr("null", 0.5)),
        value("silu", c -> c.requireString("text")),
        value("gelu", c -> c.stringOr("absent", "gelu")),
        value("true", c -> c.boolOr("yes", false)),
        value("true", c -> c.boolOr("null", true)),
        value("[5, 10, 20]", c -> c.requireInts("ints")),
        value("[]", c -> c.requireInts("empty")),
        value("[5.0, 10.0, 20.0]", c -> c.requireDoubles("ints")),
        value("[a, b]", c -> c.requireStrings("texts")),
        value("[5, 10, 20]", c -> c.requireInts("ints", 3)),
        value("[8, 8]", c -> c.requireInts("int", 2)),
        value("[5, 10, 20]", c -> c.intsOr("ints", 3, 1)),
        value("[1, 1]", c -> c.intsOr("null", 2, 1)),
        value("[true, false]", c -> c.boolsOr("bools", 2, true)),
        value("[true, true, true]", c -> c.boolsOr("yes", 3, false)),
        value("[false, false]", c -> c.boolsOr("absent", 2, false)),
        value("3", c -> c.section("part").requireInt("int")),
        value("[]", c -> c.section("absent").keys()),
        value("true", c -> c.has("int")),
        value("false", c -> c.has("null")),
        value("false", c -> c.has("absent")));
  }

  private static Arguments value(String expected, Reading reading) {
    return Arguments.of(expected, reading);
  }

  @ParameterizedTest
  @MethodSource("values")
  void valuesAreRead(String expected, Reading reading) throws IOException {
    assertThat(reading.of(config)).hasToString(expected);
  }

  static Stream<Arguments> errors() {
    return Stream.of(
        error("absent must be an integer, was absent", c -> c.requireInt("absent")),
        error("null must be an integer, was absent", c -> c.requireInt("null")),
        error("whole must be an integer, was 8.0", c -> c.requireInt("whole")),
        error("text must be an integer, was \"silu\"", c -> c.intOr("text", 1)),
        error("large must be an integer of 32 bits, was 3000000000", c -> c.intOr("large", 1)),
        error("yes must be a finite number, was true", c -> c.requireDouble("yes")),
        error("huge must be a finite number, was 1e999", c -> c.doubleOr("huge", 1)),
        error("int must be a string, was 8", c -> c.stringOr("int", "x")),
        error("text must be true or false, was \"silu\"", c -> c.boolOr("text", true)),
        error("int must be a list of integers, was 8", c -> c.requireInts("int")),
        error("mixed must be an integer, was [1, a]", c -> c.requireInts("mixed")),
        error("mixed must be a string, was [1, a]", c -> c.requireStrings("mixed")),
        error(
            "ints must be an integer or a list of 2 integers, was [5, 10, 20]",
            c -> c.requireInts("ints", 2)),
        error(
            "absent must be an integer or a list of 2 integers, was absent",
            c -> c.requireInts("absent", 2)),
        error(
            "bools must be true, false or a list of 3 of them, was [true, false]",
            c -> c.boolsOr("bools", 3, true)),
        error("text must be an object, was \"silu\"", c -> c.section("text")),
        error(
            "negative must be positive, was -1",
            c -> {
              throw c.invalid("negative", "positive");
            }));
  }

  private static Arguments error(String message, Reading reading) {
    return Arguments.of(message, reading);
  }

  @ParameterizedTest
  @MethodSource("errors")
  void errorsNameFileKeyRuleAndValue(String message, Reading reading) {
    assertThatThrownBy(() -> reading.of(config))
        .isInstanceOfSatisfying(
            InvalidCheckpointException.class,
            e -> {
              assertThat(e.path()).isEqualTo(file);
              assertThat(e.problems()).containsExactly(message);
            })
        .hasMessage(file + ": " + message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "8", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{\"a\":NaN}", "{} {}"})
  void otherFilesAreRefused(String text) throws IOException {
    Files.writeString(file, text);
    assertThatThrownBy(() -> JsonConfig.read(file))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining(file.toString());
  }

  @Test
  void filesThatAreMissingOrNoTextAreTold() throws IOException {
    Files.write(file, new byte[] {'{', (byte) 0xff, '}'});
    assertThatThrownBy(() -> JsonConfig.read(file))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining(file.toString());
    assertThatThrownBy(() -> JsonConfig.read(folder.resolve("none.json")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("none.json");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-Infinity", "\"-Infinity\"", "\"-inf\""})
  void infinityMayBeThereWhereItIsAskedFor(String text) throws IOException {
    JsonConfig infinite = JsonConfig.parse(file, "{\"a\": " + text + "}");
    assertThat(infinite.extendedDoubleOr("a", 1)).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(infinite.extendedDoubleOr("b", 1)).isEqualTo(1);
    assertThatThrownBy(() -> infinite.doubleOr("a", 1)).hasMessageContaining("a finite number");
  }

  @Test
  void keysComeInTheOrderOfTheFile() {
    assertThat(config.keys()).startsWith("int", "negative", "null").endsWith("empty", "part");
    assertThat(config.path()).isEqualTo(file);
  }
}
