package dev.ablation.emoji.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;

class RgbImageTest {
  private static final int VALUES = 3 * 64 * 64;

  private static RgbImage image() {
    byte[] rgb = new byte[VALUES];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) (i * 7 + i / 64);
    }
    return RgbImage.of(rgb);
  }

  @Test
  void comesBackFromAnImage() {
    assertThat(RgbImage.of(image().toImage())).isEqualTo(image()).hasSameHashCodeAs(image());
  }

  @Test
  void comesBackFromPlanes() {
    float[] planes = new float[3 * VALUES];
    image().copyToPlanes(planes, VALUES);
    assertThat(RgbImage.fromPlanes(planes, VALUES)).isEqualTo(image());
    assertThat(planes[0]).isZero();
    assertThat(planes[2 * VALUES]).isZero();
  }

  @Test
  void writesChannelByChannelFromMinusOneToOne() {
    byte[] rgb = new byte[VALUES];
    rgb[3 * (64 * 2 + 5) + 1] = (byte) 255;
    float[] planes = new float[VALUES];
    RgbImage.of(rgb).copyToPlanes(planes, 0);
    assertThat(planes[64 * 64 + 64 * 2 + 5]).isEqualTo(1);
    planes[64 * 64 + 64 * 2 + 5] = -1;
    assertThat(planes).containsOnly(-1);
    assertThat(RgbImage.of(rgb).value(5, 2, 1)).isEqualTo(255);
    assertThat(RgbImage.of(rgb).value(2, 5, 1)).isZero();
  }

  @Test
  void clampsAndRoundsWhatAModelDrew() {
    float[] planes = new float[VALUES];
    planes[0] = 3;
    planes[1] = -3;
    planes[2] = 0.5f;
    RgbImage image = RgbImage.fromPlanes(planes, 0);
    assertThat(image.value(0, 0, 0)).isEqualTo(255);
    assertThat(image.value(1, 0, 0)).isZero();
    assertThat(image.value(2, 0, 0)).isEqualTo(191);
    assertThat(image.value(3, 0, 0)).isCloseTo(127, within(1));
  }

  @Test
  void sharesNoArrays() {
    byte[] rgb = image().toBytes();
    RgbImage copy = RgbImage.of(rgb);
    rgb[0]++;
    copy.toBytes()[1]++;
    assertThat(copy).isEqualTo(image());
  }

  @Test
  void refusesOtherSizes() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> RgbImage.of(new byte[3]))
        .withMessage("rgb must have 12288 bytes, has 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> RgbImage.of(new BufferedImage(64, 32, BufferedImage.TYPE_INT_RGB)))
        .withMessage("image must be 64 x 64, was 64 x 32");
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> image().copyToPlanes(new float[VALUES], 1));
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> image().value(0, 64, 0));
  }
}
