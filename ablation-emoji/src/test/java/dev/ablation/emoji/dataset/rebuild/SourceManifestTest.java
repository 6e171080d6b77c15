package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.rebuild.SourceManifest.Source;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SourceManifestTest {
  static List<Source> sources() throws IOException {
    return SourceManifest.load().sources();
  }

  @Test
  void hasASetForEachStyleAndForThePlantedImage() throws IOException {
    List<String> expected = new ArrayList<>(DataSetIndex.load().styles());
    expected.add(SourceManifest.PLANTED);
    assertThat(sources().stream().map(Source::style)).isEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("sources")
  void pinsEverySet(Source source) {
    assertThat(source.setSha256()).matches("[0-9a-f]{64}");
    assertThat(source.npmSha256()).matches("[0-9a-f]{64}");
    assertThat(source.npmVersion()).matches("\\d+\\.\\d+\\.\\d+");
    assertThat(source.treatment()).isNotNull();
  }

  @ParameterizedTest
  @MethodSource("sources")
  void takesNoShareAlikeSet(Source source) {
    assertThat(source.licence()).isIn("Apache-2.0", "CC-BY-4.0", "MIT");
  }

  @ParameterizedTest
  @MethodSource("sources")
  void isAttributedBesideTheImages(Source source) throws IOException {
    try (InputStream notice = DataSetIndex.class.getResourceAsStream("NOTICE.md")) {
      String text = new String(notice.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(text.lines().filter(line -> line.startsWith("| `" + source.style() + "`")))
          .singleElement()
          .asString()
          .contains(
              source.title(),
              source.author(),
              source.link(),
              "`@iconify-json/" + source.npmPackage() + "` " + source.npmVersion(),
              source.licence(),
              source.change());
    }
  }

  @ParameterizedTest
  @MethodSource("sources")
  void isAttributedInTheProductsNotice(Source source) throws IOException {
    String notice =
        Files.readString(Path.of(System.getProperty("ablation.root"), "NOTICE"))
            .replaceAll("\\s+", " ");
    assertThat(notice).contains(source.title(), source.author(), source.licence());
  }
}
