package dev.ablation.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CopyDetectionTest {
  private final CopyDetection detection = new CopyDetection(new PooledPixels(), 0.9);

  /** A disc; bright ones on dark ground or the other way round. */
  private static BufferedImage disc(int x, int y, int ground, int figure) {
    BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = image.createGraphics();
    canvas.setColor(new Color(ground));
    canvas.fillRect(0, 0, 64, 64);
    canvas.setColor(new Color(figure));
    canvas.fillOval(x, y, 30, 30);
    canvas.dispose();
    return image;
  }

  @Test
  void copiesAreToldWhateverTheirContrast() {
    BufferedImage original = disc(5, 5, 0x101010, 0xf0f0f0);
    BufferedImage faint = disc(5, 5, 0x505050, 0x808080);
    BufferedImage elsewhere = disc(30, 30, 0x101010, 0xf0f0f0);
    BufferedImage inverse = disc(5, 5, 0xf0f0f0, 0x101010);
    CopyScores scores =
        detection.score(List.of(original, faint, elsewhere, inverse), List.of(original));
    assertThat(scores.scores().get(0)).isCloseTo(1, offset(1e-6));
    assertThat(scores.scores().get(1)).isCloseTo(1, offset(1e-6));
    assertThat(scores.scores().get(2)).isLessThan(0.1);
    assertThat(scores.scores().get(3)).isCloseTo(-1, offset(1e-6));
    assertThat(scores.copies()).containsExactly(0, 1);
    assertThat(scores.percentage()).isEqualTo(50);
    assertThat(scores.extractor().name()).isEqualTo("pooled pixels 32 x 32, mean-free");
    assertThat(scores.extractor().dimension()).isEqualTo(3 * 32 * 32);
  }

  @Test
  void theNearestOriginalCounts() {
    BufferedImage one = disc(5, 5, 0, 0xffffff);
    BufferedImage other = disc(30, 30, 0, 0xffffff);
    assertThat(detection.score(List.of(other), List.of(one, other)).copies()).containsExactly(0);
  }

  @Test
  void aUniformImageIsLikeNothing() {
    BufferedImage plain = disc(0, 0, 0x808080, 0x808080);
    assertThat(detection.score(List.of(plain), List.of(plain)).scores()).containsExactly(0.0);
  }

  /** 0.5 is no copy at threshold 0.5: the reference asks for more than the threshold. */
  @Test
  void aScoreAtTheThresholdIsNoCopy() {
    ExtractorInfo info = new PooledPixels().info();
    CopyScores scores =
        new CopyScores(info, CopyDetection.SSCD_THRESHOLD, List.of(0.5, Math.nextUp(0.5)));
    assertThat(scores.copies()).containsExactly(1);
  }

  @Test
  void manyImagesAreReadBatchByBatch(@TempDir Path folder) throws IOException {
    for (int i = 0; i < 5; i++) {
      ImageIO.write(disc(6 * i, 5, 0, 0xffffff), "png", folder.resolve("a" + i + ".png").toFile());
    }
    Files.writeString(folder.resolve("readme.txt"), "no image");
    List<EvaluationProgress> progress = new ArrayList<>();
    CopyScores scores =
        detection.score(
            ImageSource.folder(folder), List.of(disc(12, 5, 0, 0xffffff)), 2, progress::add);
    assertThat(scores.copies()).containsExactly(2);
    String task = "features of pooled pixels 32 x 32, mean-free";
    assertThat(progress)
        .containsExactly(
            new EvaluationProgress(task, 2, 5),
            new EvaluationProgress(task, 4, 5),
            new EvaluationProgress(task, 5, 5));
    assertThat(progress.get(2).fraction()).isEqualTo(1);
  }

  @Test
  void aBrokenFileIsNamed(@TempDir Path folder) throws IOException {
    Path broken = Files.writeString(folder.resolve("broken.png"), "not a png");
    ImageSource source = ImageSource.folder(folder);
    org.assertj.core.api.Assertions.assertThatIOException()
        .isThrownBy(() -> source.image(0))
        .withMessageContaining(broken.toString());
  }

  @Test
  void refusesWhatCannotBeMeasured() {
    List<BufferedImage> some = List.of(disc(0, 0, 0, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> detection.score(List.of(), some))
        .withMessage("images must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> detection.score(some, List.of()))
        .withMessage("originals must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CopyDetection(new PooledPixels(), 1))
        .withMessage("threshold must be in [-1, 1), was 1.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PooledPixels(0))
        .withMessage("side must be positive, was 0");
  }
}
