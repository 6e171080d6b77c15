package dev.ablation.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextFileTest {
  @TempDir Path folder;

  private Path file(String text, Charset charset) throws IOException {
    return Files.write(folder.resolve("prompts.txt"), text.getBytes(charset));
  }

  @Test
  void readsWhatAnEditorOfWindowsWrites() throws IOException, URISyntaxException {
    Path file =
        Path.of(TextFileTest.class.getResource("/text/byte-order-mark-and-crlf.txt").toURI());
    assertThat(PromptFile.read(file)).containsExactly("a photo of a cat", "a cat on a sofa");
    assertThat(TextFile.read(file)).isEqualTo("a photo of a cat\na cat on a sofa\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "\r\n", "\r"})
  void takesLineEndsOfAnySystem(String end) throws IOException {
    Path file = file("\ufeffone" + end + end + "\ufefftwo \ufeff " + end, StandardCharsets.UTF_8);
    assertThat(TextFile.lines(file)).containsExactly("one", "", "two \ufeff ");
  }

  @Test
  void namesTheByteThatIsNotUtf8() throws IOException {
    Path file = file("a cat\r\nun café", StandardCharsets.ISO_8859_1);
    assertThatExceptionOfType(TextFormatException.class)
        .isThrownBy(() -> TextFile.read(file))
        .withMessage(file + ": line 2: must be UTF-8 text, but byte 13 (0xe9) is not");
    Files.write(file, new byte[] {'a', '\n', (byte) 0xe2, (byte) 0x82});
    assertThatExceptionOfType(TextFormatException.class)
        .isThrownBy(() -> TextFile.read(file))
        .withMessage(file + ": line 2: must be UTF-8 text, but byte 2 (0xe2) is not");
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTF-16", "UTF-16LE", "UTF-16BE"})
  void refusesOtherEncodingsByName(String charset) throws IOException {
    Path file = file("a cat", Charset.forName(charset));
    assertThatExceptionOfType(TextFormatException.class)
        .isThrownBy(() -> TextFile.read(file))
        .withMessageStartingWith(file + ": line 1: must be UTF-8 text, but byte ")
        .withMessageEndingWith("; the file is UTF-16");
  }

  @Test
  void anEmptyFileIsEmpty() throws IOException {
    assertThat(TextFile.lines(file("", StandardCharsets.UTF_8))).isEmpty();
    assertThat(TextFile.read(file("\ufeff", StandardCharsets.UTF_8))).isEmpty();
  }
}
