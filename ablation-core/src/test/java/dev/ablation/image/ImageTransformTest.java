package dev.ablation.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.image.ImageTransform.Fit;
import dev.ablation.image.ImageTransform.Size;
import java.awt.image.BufferedImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class ImageTransformTest {

  @Test
  void theShorterSideIsResizedAndTheCentreCutOut() {
    ImageTransform whole = ImageTransform.imageNet(20);
    assertThat(whole.sizeOf(ResamplingTest.image(61, 37))).isEqualTo(new Size(32, 20));
    assertThat(whole.sizeOf(ResamplingTest.image(37, 61))).isEqualTo(new Size(20, 32));
    ImageTransform clip = ImageTransform.clip(20);
    BufferedImage image = ResamplingTest.image(61, 37);
    assertThat(clip.sizeOf(image)).isEqualTo(new Size(20, 20));
    float[] values = clip.values(image);
    BufferedImage resized = Resampling.BICUBIC.resize(image, 32, 20);
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 20; x++) {
          int level = (resized.getRGB(x + 6, y) >> (16 - 8 * c)) & 0xff;
          double expected = (level / 255.0 - clip.mean().get(c)) / clip.std().get(c);
          assertThat(values[(c * 20 + y) * 20 + x]).isCloseTo((float) expected, offset(1e-6f));
        }
      }
    }
  }

  /** torchvision takes {@code int(round(difference / 2))}, and Python rounds ties to even. */
  @Test
  void anOddMarginIsRoundedToEven() {
    ImageTransform crop =
        new ImageTransform(
            Fit.AS_IS,
            0,
            Resampling.BOX,
            true,
            2,
            List.of(0.0, 0.0, 0.0),
            List.of(1 / 255.0, 1 / 255.0, 1 / 255.0));
    BufferedImage image = new BufferedImage(5, 3, BufferedImage.TYPE_INT_RGB);
    for (int x = 0; x < 5; x++) {
      for (int y = 0; y < 3; y++) {
        image.setRGB(x, y, 10 * x + y);
      }
    }
    float[] blue = new float[4];
    System.arraycopy(crop.values(image), 8, blue, 0, 4);
    assertThat(blue).containsExactly(new float[] {20, 30, 21, 31}, offset(1e-4f));
  }

  @Test
  void makesAnArrayOfImagesOfOneSize() {
    try (NDManager manager = NDManager.newBaseManager()) {
      ImageTransform transform = ImageTransform.signed();
      BufferedImage image = ResamplingTest.image(4, 3);
      NDArray array = transform.apply(List.of(image, image), manager);
      assertThat(array.getShape()).isEqualTo(new Shape(2, 3, 3, 4));
      assertThat(array.get(1).toFloatArray()).isEqualTo(transform.values(image));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> transform.apply(List.of(image, ResamplingTest.image(5, 3)), manager))
          .withMessageContaining("expected width and height 4 x 3")
          .withMessageContaining("was 5 x 3 at index 1");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> transform.apply(List.of(), manager))
          .withMessage("images must not be empty");
    }
  }

  @Test
  void floatsOvershootWhereBytesCannot() {
    BufferedImage edge = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 32; i++) {
      edge.setRGB(i % 4, i / 4, 0xffffff);
    }
    float[] values = ImageTransform.cleanFid().values(edge);
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    assertThat(largest).isBetween(256f, 300f);
  }

  @Test
  void refusesWrongSettings() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ImageTransform.clip(0))
        .withMessage("size must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new ImageTransform(Fit.AS_IS, 0, Resampling.BOX, true, -1, List.of(), List.of(1.0)))
        .withMessage("crop must not be negative, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new ImageTransform(
                Fit.AS_IS,
                0,
                Resampling.BOX,
                true,
                9,
                List.of(0.0, 0.0, 0.0),
                List.of(1.0, 0.0, 1.0)))
        .withMessage("std must have 3 positive values, was [1.0, 0.0, 1.0]");
    ImageTransform crop =
        new ImageTransform(
            Fit.AS_IS, 0, Resampling.BOX, true, 9, List.of(0.0, 0.0, 0.0), List.of(1.0, 1.0, 1.0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> crop.values(ResamplingTest.image(9, 8)))
        .withMessage("image must be at least 9 pixels wide and high, was 9 x 8");
  }
}
