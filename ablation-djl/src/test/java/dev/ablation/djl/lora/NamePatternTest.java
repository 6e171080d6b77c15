package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NamePatternTest {
  private static final String NAME = "down_blocks.0.attentions.1.attn2.to_k";

  /** The values of Python's re.match("(.*\\.)?(" + pattern + ")$", name). */
  @ParameterizedTest
  @CsvSource({
    "to_k, true",
    "attn2.to_k, true",
    "ttn2.to_k, false",
    "down_blocks.0.attentions.1.attn2.to_k, true",
    "^down_blocks.0.attentions.1.attn2.to_k, true",
    "^attn2.to_k, false",
    "attn2\\.to_k$, true",
    "down_blocks.\\d.*attn2.to_k, true",
    "up_blocks.*to_k, false",
    "\\d+\\.attn2.*, true",
    "to_q|to_k, true",
    "to_q|to_v, false",
    ".*, true"
  })
  void matchesLikeTheExpression(String pattern, boolean expected) {
    assertThat(NamePattern.parse(pattern).orElseThrow().matches(NAME)).isEqualTo(expected);
    assertThat(NAME.matches("(.*\\.)?(" + pattern + ")")).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"(.*)*!", "[a-z]+", "a{3}", "a?", "(?=a)", "", "\\w", "a**"})
  void knowsNoOtherForm(String pattern) {
    assertThat(NamePattern.parse(pattern)).isEmpty();
  }

  @Test
  void takesLittleTimeForAnyPattern() {
    NamePattern pattern = NamePattern.parse("a*".repeat(490) + "b").orElseThrow();
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(5), () -> assertThat(pattern.matches("a".repeat(10_000))).isFalse());
  }
}
