package dev.ablation.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.internal.JsonFormatException.Kind;
import dev.ablation.internal.StrictJson.JsonNumber;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StrictJsonTest {

  @Test
  void everyKindOfValueIsRead() throws IOException {
    Object value =
        StrictJson.parse(
            " {\"a\" : [ 1, -0.5e+3, true, false, null, {} , [ ] ],\n"
                + "\t\"b\\n"
                + "\\u00e9\\ud83d\\ude00\\/\": \"\"}\r\n");
    assertThat(value)
        .isEqualTo(
            Map.of(
                "a",
                Arrays.asList(
                    new JsonNumber("1"),
                    new JsonNumber("-0.5e+3"),
                    true,
                    false,
                    null,
                    Map.of(),
                    List.of()),
                "b\n\u00e9\ud83d\ude00/",
                ""));
    assertThat(new JsonNumber("-12").isInteger()).isTrue();
    assertThat(new JsonNumber("12.0").isInteger()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "[1 2]",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "True",
        "nul",
        "nullx",
        "1 2",
        "//c\n1",
        "/*c*/1",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\t\"",
        "\"\n\"",
        "\ufeff{}",
        "\u00a01",
        "1\0",
        "]",
        "}",
        "[}"
      })
  void otherTextIsRefused(String text) {
    assertThatThrownBy(() -> StrictJson.parse(text))
        .isInstanceOfSatisfying(
            JsonFormatException.class, e -> assertThat(e.kind()).isEqualTo(Kind.SYNTAX))
        .hasMessageContainingAll("line", "column");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "[{\"\":1,\"\":2}]"})
  void keysThatComeTwiceAreRefused(String text) {
    assertThatThrownBy(() -> StrictJson.parse(text))
        .isInstanceOfSatisfying(
            JsonFormatException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DUPLICATE_KEY));
  }

  @Test
  void nestingIsLimited() throws IOException {
    int limit = StrictJson.MAX_DEPTH;
    StrictJson.parse("[".repeat(limit) + "]".repeat(limit));
    new StrictJson("[".repeat(limit) + "]".repeat(limit)).skip();
    String deeper = "[".repeat(limit + 1) + "]".repeat(limit + 1);
    assertThatThrownBy(() -> StrictJson.parse(deeper)).hasMessageContaining("nested");
    assertThatThrownBy(() -> new StrictJson("[".repeat(1_000_000)).skip())
        .hasMessageContaining("nested");
  }

  @Test
  void placesAreTold() {
    assertThatThrownBy(() -> StrictJson.parse("{\n  \"a\": ?}"))
        .hasMessageContainingAll("'?'", "line 2, column 8");
  }
}
