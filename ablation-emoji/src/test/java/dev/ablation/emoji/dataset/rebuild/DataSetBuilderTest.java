package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.ablation.emoji.dataset.DataSetIndex;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class DataSetBuilderTest {
  private static final int WHITE = 0xffffff;
  private static final int RED = 0xc02020;
  private static final int BLUE = 26 << 16 | 72 << 8 | 148;
  private static final int CHALK = 237 << 16 | 245 << 8 | 255;

  @Test
  void makesASheetAStyleAndThePlantedImage() throws IOException {
    Map<String, byte[]> files = build(MadeUpSets.index("disc", "wide", "disc"));
    assertThat(files.keySet()).containsExactly("plain.png", "chalk.png", "planted.png");
  }

  @Test
  void putsImagesIntoRowsAndColumns() throws IOException {
    BufferedImage sheet = image(build(MadeUpSets.index("disc", "wide", "disc")).get("plain.png"));
    assertThat(List.of(sheet.getWidth(), sheet.getHeight())).isEqualTo(List.of(128, 128));
    assertThat(color(sheet, 32, 32)).isEqualTo(RED);
    assertThat(color(sheet, 2, 2)).isEqualTo(WHITE);
    assertThat(color(sheet, 64 + 2, 32)).isEqualTo(0x2040c0);
    assertThat(color(sheet, 32, 64 + 32)).isEqualTo(RED);
    assertThat(color(sheet, 64 + 32, 64 + 32)).as("no fourth image").isEqualTo(WHITE);
  }

  @Test
  void followsAliases() throws IOException {
    DataSetIndex plain =
        new DataSetIndex(
            List.of("plain"), 1, "", "orb", MadeUpSets.index("orb").concepts(), List.of());
    BufferedImage sheet = image(build(plain).get("plain.png"));
    assertThat(color(sheet, 32, 32)).isEqualTo(RED);
  }

  @Test
  void recoloursWhiteOnBlue() throws IOException {
    BufferedImage sheet = image(build(MadeUpSets.index("disc")).get("chalk.png"));
    assertThat(color(sheet, 2, 2)).isEqualTo(BLUE);
    assertThat(color(sheet, 32, 32)).isEqualTo(CHALK);
  }

  @Test
  void plantsOnAGradient() throws IOException {
    BufferedImage planted = image(build(MadeUpSets.index("disc")).get("planted.png"));
    assertThat(color(planted, 32, 32)).isEqualTo(RED);
    assertThat(color(planted, 0, 0)).isEqualTo(249 << 16 | 140 << 8 | 60);
    assertThat(color(planted, 63, 63)).isEqualTo(91 << 16 | 40 << 8 | 130);
  }

  @Test
  void makesTheSameBytesEachTime() throws IOException {
    Map<String, byte[]> first = build(MadeUpSets.index("disc", "wide"));
    Map<String, byte[]> second = build(MadeUpSets.index("disc", "wide"));
    assertThat(second.keySet()).isEqualTo(first.keySet());
    first.forEach((name, bytes) -> assertThat(second.get(name)).as(name).isEqualTo(bytes));
  }

  @Test
  void namesTheIconThatIsMissing() {
    assertThatIOException()
        .isThrownBy(() -> build(MadeUpSets.index("disc", "ball")))
        .withMessageContaining("icon 'ball' is missing: ")
        .withMessageContaining("lines.json");
  }

  @Test
  void namesTheStyleThatHasNoSource() {
    DataSetIndex index =
        new DataSetIndex(
            List.of("pointillist"), 1, "", "disc", MadeUpSets.index("disc").concepts(), List.of());
    assertThatIOException()
        .isThrownBy(() -> build(index))
        .withMessage("sources.json lacks a set for the style pointillist");
  }

  private static Map<String, byte[]> build(DataSetIndex index) throws IOException {
    SourceManifest manifest = MadeUpSets.manifest();
    return new DataSetBuilder(index, manifest, IconSource.artifact(manifest)).build();
  }

  private static BufferedImage image(byte[] png) throws IOException {
    return ImageIO.read(new ByteArrayInputStream(png));
  }

  private static int color(BufferedImage image, int x, int y) {
    return image.getRGB(x, y) & 0xffffff;
  }
}
