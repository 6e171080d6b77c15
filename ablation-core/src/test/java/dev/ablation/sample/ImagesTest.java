package dev.ablation.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.awt.image.BufferedImage;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ImagesTest {
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void free() {
    manager.close();
  }

  @Test
  void rangesAreMappedAndCut() {
    NDArray decoded = manager.create(new float[] {-3, -1, 0, 0.5f, 1, 7});
    NDArray unit = Images.toUnit(decoded);
    assertThat(unit.toFloatArray()).containsExactly(0, 0, 0.5f, 0.75f, 1, 1);
    assertThat(Images.toBytes(unit).toUint8Array()).containsExactly(0, 0, 128, 191, 255, 255);
  }

  @Test
  void bytesAreRoundedTiesToEven() {
    NDArray halves = manager.create(new float[] {0.5f, 1.5f, 2.5f, 3.5f, 252.5f}).divi(255);
    assertThat(Images.toBytes(halves).toUint8Array()).containsExactly(0, 2, 2, 4, 252);
  }

  @Test
  void bytesBecomeSigned() {
    NDArray bytes = Images.toBytes(manager.create(new float[] {0, 0.4f, 1}));
    assertThat(Images.toSigned(bytes).toFloatArray())
        .containsExactly(new float[] {-1, 102 / 127.5f - 1, 1}, Offset.offset(1e-7f));
  }

  @Test
  void imagesKeepEveryColour() {
    BufferedImage one = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
    BufferedImage two = new BufferedImage(3, 2, BufferedImage.TYPE_INT_ARGB);
    for (int k = 0; k < 6; k++) {
      one.setRGB(k % 3, k / 3, 0xff000000 | k * 0x2b1307);
      two.setRGB(k % 3, k / 3, 0xff000000 | 0xffffff - k * 0x0b1d2a);
    }
    NDArray array = Images.array(List.of(one, two), manager);
    assertThat(array.getShape()).isEqualTo(new Shape(2, 3, 2, 3));
    assertThat(array.get(1, 2).toUint8Array()[1]).isEqualTo((0xffffff - 0x0b1d2a) & 0xff);
    List<BufferedImage> back = Images.images(array);
    for (int k = 0; k < 6; k++) {
      assertThat(back.get(0).getRGB(k % 3, k / 3)).isEqualTo(one.getRGB(k % 3, k / 3));
      assertThat(back.get(1).getRGB(k % 3, k / 3)).isEqualTo(two.getRGB(k % 3, k / 3));
    }
  }

  @Test
  void wrongArgumentsAreNamed() {
    BufferedImage small = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
    BufferedImage large = new BufferedImage(3, 3, BufferedImage.TYPE_INT_RGB);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Images.array(List.of(small, large), manager))
        .withMessage("images: expected width and height 3 x 2, was 3 x 3 at index 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Images.images(manager.ones(new Shape(1, 3, 2, 2))))
        .withMessage("images: expected uint8, was float32");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Images.images(Images.toBytes(manager.ones(new Shape(1, 4, 2, 2)))))
        .withMessage("images: expected (n, 3, h, w), was (1, 4, 2, 2)");
  }
}
