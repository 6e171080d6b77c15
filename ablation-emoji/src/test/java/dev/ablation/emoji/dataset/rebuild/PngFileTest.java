package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PngFileTest {
  @ParameterizedTest
  @CsvSource({"1, 1, 255", "7, 5, 255", "64, 3, 255", "50, 60, 3", "300, 40, 1"})
  void isReadByOthers(int width, int height, int largest) throws IOException {
    byte[] rgb = new byte[3 * width * height];
    Random random = new Random(width);
    for (int i = 0; i < rgb.length; i++) {
      // Noise, slopes and flat parts, so that every filter has its turn.
      rgb[i] =
          (byte)
              (i % 7 == 0
                  ? random.nextInt(largest + 1)
                  : i < rgb.length / 2 ? i / 3 % width : i / 3 / width);
    }
    BufferedImage image =
        ImageIO.read(new ByteArrayInputStream(PngFile.encode(rgb, width, height)));
    assertThat(image.getWidth()).isEqualTo(width);
    assertThat(image.getHeight()).isEqualTo(height);
    byte[] read = new byte[rgb.length];
    for (int i = 0; i < width * height; i++) {
      int color = image.getRGB(i % width, i / width);
      read[3 * i] = (byte) (color >> 16);
      read[3 * i + 1] = (byte) (color >> 8);
      read[3 * i + 2] = (byte) color;
    }
    assertThat(read).isEqualTo(rgb);
  }

  @Test
  void refusesAnotherSize() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PngFile.encode(new byte[5], 1, 2))
        .withMessage("rgb must have 6 bytes, has 5");
  }
}
