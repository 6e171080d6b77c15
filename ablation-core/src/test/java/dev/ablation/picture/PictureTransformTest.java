package dev.ablation.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.picture.PictureTransform.Fit;
import dev.ablation.picture.PictureTransform.Size;
import java.awt.image.BufferedImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class PictureTransformTest {

  @Test
  void theShorterSideIsResizedAndTheCentreCutOut() {
    PictureTransform whole = PictureTransform.imageNet(20);
    assertThat(whole.sizeOf(ResamplingTest.picture(61, 37))).isEqualTo(new Size(32, 20));
    assertThat(whole.sizeOf(ResamplingTest.picture(37, 61))).isEqualTo(new Size(20, 32));
    PictureTransform clip = PictureTransform.clip(20);
    BufferedImage picture = ResamplingTest.picture(61, 37);
    assertThat(clip.sizeOf(picture)).isEqualTo(new Size(20, 20));
    float[] values = clip.values(picture);
    BufferedImage resized = Resampling.BICUBIC.resize(picture, 32, 20);
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
    PictureTransform crop =
        new PictureTransform(
            Fit.AS_IS,
            0,
            Resampling.BOX,
            true,
            2,
            List.of(0.0, 0.0, 0.0),
            List.of(1 / 255.0, 1 / 255.0, 1 / 255.0));
    BufferedImage picture = new BufferedImage(5, 3, BufferedImage.TYPE_INT_RGB);
    for (int x = 0; x < 5; x++) {
      for (int y = 0; y < 3; y++) {
        picture.setRGB(x, y, 10 * x + y);
      }
    }
    float[] blue = new float[4];
    System.arraycopy(crop.values(picture), 8, blue, 0, 4);
    assertThat(blue).containsExactly(new float[] {20, 30, 21, 31}, offset(1e-4f));
  }

  @Test
  void makesAnArrayOfPicturesOfOneSize() {
    try (NDManager manager = NDManager.newBaseManager()) {
      PictureTransform transform = PictureTransform.signed();
      BufferedImage picture = ResamplingTest.picture(4, 3);
      NDArray array = transform.apply(List.of(picture, picture), manager);
      assertThat(array.getShape()).isEqualTo(new Shape(2, 3, 3, 4));
      assertThat(array.get(1).toFloatArray()).isEqualTo(transform.values(picture));
      assertThatIllegalArgumentException()
          .isThrownBy(
              () -> transform.apply(List.of(picture, ResamplingTest.picture(5, 3)), manager))
          .withMessageContaining("expected width and height 4 x 3")
          .withMessageContaining("was 5 x 3 at index 1");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> transform.apply(List.of(), manager))
          .withMessage("pictures must not be empty");
    }
  }

  @Test
  void floatsOvershootWhereBytesCannot() {
    BufferedImage edge = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 32; i++) {
      edge.setRGB(i % 4, i / 4, 0xffffff);
    }
    float[] values = PictureTransform.cleanFid().values(edge);
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    assertThat(largest).isBetween(256f, 300f);
  }

  @Test
  void refusesWrongSettings() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PictureTransform.clip(0))
        .withMessage("size must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new PictureTransform(Fit.AS_IS, 0, Resampling.BOX, true, -1, List.of(), List.of(1.0)))
        .withMessage("crop must not be negative, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new PictureTransform(
                Fit.AS_IS,
                0,
                Resampling.BOX,
                true,
                9,
                List.of(0.0, 0.0, 0.0),
                List.of(1.0, 0.0, 1.0)))
        .withMessage("std must have 3 positive values, was [1.0, 0.0, 1.0]");
    PictureTransform crop =
        new PictureTransform(
            Fit.AS_IS, 0, Resampling.BOX, true, 9, List.of(0.0, 0.0, 0.0), List.of(1.0, 1.0, 1.0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> crop.values(ResamplingTest.picture(9, 8)))
        .withMessage("picture must be at least 9 pixels wide and high, was 9 x 8");
  }
}
