package dev.ablation.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.common.hash.Hashing;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class ResamplingTest {

  /** What Pillow gives; {@code resize.py} beside the values made them. */
  @TestFactory
  Stream<DynamicTest> equalsPillow() throws IOException {
    return StreamSupport.stream(cases().spliterator(), false)
        .map(element -> {
          JsonObject expected = element.getAsJsonObject();
          JsonArray size = expected.getAsJsonArray("size");
          JsonArray to = expected.getAsJsonArray("to");
          int width = size.get(0).getAsInt();
          int height = size.get(1).getAsInt();
          int newWidth = to.get(0).getAsInt();
          int newHeight = to.get(1).getAsInt();
          Resampling filter = Resampling.valueOf(expected.get("filter").getAsString());
          return dynamicTest(
              "%s %s to %s".formatted(filter, size, to),
              () -> {
                BufferedImage image = image(width, height);
                BufferedImage resized = filter.resize(image, newWidth, newHeight);
                byte[] bytes = bytes(resized);
                JsonArray first = expected.getAsJsonArray("first");
                for (int i = 0; i < Math.min(first.size(), bytes.length); i++) {
                  assertThat(bytes[i] & 0xff).isEqualTo(first.get(i).getAsInt());
                }
                assertThat(Hashing.sha256().hashBytes(bytes).toString())
                    .isEqualTo(expected.get("sha256").getAsString());
                float[] blue = new float[width * height];
                for (int i = 0; i < blue.length; i++) {
                  blue[i] = image.getRGB(i % width, i / width) & 0xff;
                }
                float[] floats = filter.resize(blue, width, height, newWidth, newHeight);
                assertThat(floats).hasSize(newWidth * newHeight);
                JsonArray values = expected.getAsJsonArray("blue_float");
                for (int i = 0; i < values.size(); i++) {
                  assertThat(floats[i]).isCloseTo(values.get(i).getAsFloat(), offset(1e-3f));
                }
              });
        });
  }

  @Test
  void greyStaysAsBright() {
    BufferedImage grey = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
    grey.getRaster().setSample(0, 0, 0, 100);
    grey.getRaster().setSample(1, 0, 0, 100);
    assertThat(Resampling.BICUBIC.resize(grey, 5, 5).getRGB(2, 2)).isEqualTo(0xff646464);
  }

  @Test
  void refusesAnEmptyResult() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Resampling.BOX.resize(image(3, 3), 0, 5))
        .withMessage("width and height must be positive, were 0 x 5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Resampling.BOX.resize(new float[5], 2, 2, 1, 1))
        .withMessage("plane: expected 4 values, was 5");
  }

  static BufferedImage image(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int red = (x * 7 + y * 3) % 256;
        int green = (x * y) % 256;
        int blue = (x * x + 5 * y) % 256;
        image.setRGB(x, y, red << 16 | green << 8 | blue);
      }
    }
    return image;
  }

  private static byte[] bytes(BufferedImage image) {
    byte[] bytes = new byte[3 * image.getWidth() * image.getHeight()];
    for (int i = 0; i < bytes.length / 3; i++) {
      int pixel = image.getRGB(i % image.getWidth(), i / image.getWidth());
      bytes[3 * i] = (byte) (pixel >> 16);
      bytes[3 * i + 1] = (byte) (pixel >> 8);
      bytes[3 * i + 2] = (byte) pixel;
    }
    return bytes;
  }

  private static JsonArray cases() throws IOException {
    try (Reader reader =
        new InputStreamReader(
            Objects.requireNonNull(ResamplingTest.class.getResourceAsStream("/image/resize.json")),
            StandardCharsets.UTF_8)) {
      return JsonParser.parseReader(reader).getAsJsonArray();
    }
  }
}
