package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IconSetTest {
  @Test
  void wrapsABody() throws IOException {
    assertThat(MadeUpSets.read("shapes").svg("disc", "#000000"))
        .isEqualTo(
            "<svg xmlns=\"http://www.w3.org/2000/svg\""
                + " xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"0 0 32 32\""
                + " width=\"32\" height=\"32\">"
                + "<circle cx=\"16\" cy=\"16\" r=\"12\" fill=\"#c02020\"/></svg>");
  }

  @ParameterizedTest
  @CsvSource({
    "shapes, wide, 0 0 32 16",
    "shapes, shifted, 8 8 16 16",
    // The format's own default.
    "lines, disc, 0 0 16 16"
  })
  void takesTheSizeOfTheIconOrElseOfTheSet(String set, String icon, String viewBox)
      throws IOException {
    assertThat(MadeUpSets.read(set).svg(icon, "#000000")).contains("viewBox=\"" + viewBox + "\"");
  }

  @Test
  void putsTheColourIn() throws IOException {
    assertThat(MadeUpSets.read("lines").svg("disc", "#123456"))
        .contains("fill=\"#123456\"")
        .doesNotContain("currentColor");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ball", "orb"})
  void followsAliases(String alias) throws IOException {
    IconSet set = MadeUpSets.read("shapes");
    assertThat(set.svg(alias, "#000000")).isEqualTo(set.svg("disc", "#000000"));
  }

  @Test
  void writesDigitsThatSvgKnows() throws IOException {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertThat(MadeUpSets.read("shapes").svg("disc", "#000000")).contains("0 0 32 32");
    } finally {
      Locale.setDefault(before);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "shapes, square, icon 'square' is missing: shapes.json",
    "shapes, orphan, icon 'orphan' is missing: shapes.json",
    "shapes, turned, alias 'turned' changes its icon: shapes.json",
    "shapes, egg, aliases of icon 'egg' go in circles: shapes.json",
    "lines, empty, icon 'empty' has no body: lines.json"
  })
  void namesTheIconThatItLacks(String set, String icon, String message) throws IOException {
    IconSet icons = MadeUpSets.read(set);
    assertThatIOException().isThrownBy(() -> icons.svg(icon, "#000000")).withMessage(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "[]", "{", "{\"icons\": 3}", "{\"icons\": {\"a\": 3}}", "{\"width\": []}"})
  void namesTheFileThatIsNoIconSet(String json) {
    assertThatIOException()
        .isThrownBy(() -> IconSet.parse(json.getBytes(StandardCharsets.UTF_8), "some.json"))
        .withMessageContaining("some.json");
  }

  @Test
  void namesTheSizeThatIsNone() throws IOException {
    IconSet set =
        IconSet.parse(
            "{\"icons\": {\"a\": {\"body\": \"\"}}, \"width\": 1.5}"
                .getBytes(StandardCharsets.UTF_8),
            "some.json");
    assertThatIOException()
        .isThrownBy(() -> set.svg("a", "#000000"))
        .withMessage("width of an icon must be a whole number, was 1.5: some.json");
  }
}
