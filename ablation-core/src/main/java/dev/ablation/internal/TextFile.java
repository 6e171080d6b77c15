package dev.ablation.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads the text files that users give: prompts, captions, metadata, prompt pairs, JSON. All of
 * them follow one rule: UTF-8, with or without a byte order mark, with line ends of any system. The
 * byte order mark (U+FEFF) at the beginning of the file or of a line is never content: editors
 * write it, and joined files have it in the middle.
 */
public final class TextFile {
  private static final char BYTE_ORDER_MARK = '\ufeff';

  private TextFile() {}

  /**
   * Reads a whole file.
   *
   * @param file UTF-8 text
   * @return the text, with {@code \n} as the only line end and without a byte order mark
   * @throws TextFormatException if it is not UTF-8 or has a NUL character; the message names the
   *     file, the line and the byte
   * @throws IOException if it cannot be read
   */
  public static String read(Path file) throws IOException {
    return decode(Files.readAllBytes(file), file);
  }

  /**
   * Reads the lines of a file.
   *
   * @param file UTF-8 text
   * @return the lines without line ends; a line end at the end of the file begins no further line
   * @throws TextFormatException as {@link #read}
   * @throws IOException if it cannot be read
   */
  public static List<String> lines(Path file) throws IOException {
    return read(file).lines().toList();
  }

  private static String decode(byte[] bytes, Path file) throws TextFormatException {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    if (result.isError()) {
      throw malformed(file, bytes, in.position(), hex(bytes[in.position()]) + " is not");
    }
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        throw malformed(file, bytes, i, "is NUL");
      }
    }
    return normalized(out.flip());
  }

  private static String normalized(CharBuffer text) {
    StringBuilder normalized = new StringBuilder(text.length());
    boolean lineStart = true;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == BYTE_ORDER_MARK && lineStart) {
        continue;
      }
      if (c == '\r') {
        c = '\n';
        i += i + 1 < text.length() && text.charAt(i + 1) == '\n' ? 1 : 0;
      }
      normalized.append(c);
      lineStart = c == '\n';
    }
    return normalized.toString();
  }

  private static TextFormatException malformed(Path file, byte[] bytes, int at, String found) {
    int line = 1;
    for (int i = 0; i < at; i++) {
      boolean pair = bytes[i] == '\r' && i + 1 < bytes.length && bytes[i + 1] == '\n';
      line += bytes[i] == '\n' || (bytes[i] == '\r' && !pair) ? 1 : 0;
    }
    return new TextFormatException(
        "%s: line %d: must be UTF-8 text, but byte %d %s%s"
            .formatted(file, line, at, found, isUtf16(bytes) ? "; the file is UTF-16" : ""));
  }

  private static String hex(byte value) {
    return "(0x%02x)".formatted(value & 0xff);
  }

  private static boolean isUtf16(byte[] bytes) {
    if (bytes.length < 2) {
      return false;
    }
    int mark = ((bytes[0] & 0xff) << 8) | (bytes[1] & 0xff);
    return mark == 0xfeff || mark == 0xfffe || (bytes[0] == 0) != (bytes[1] == 0);
  }
}
