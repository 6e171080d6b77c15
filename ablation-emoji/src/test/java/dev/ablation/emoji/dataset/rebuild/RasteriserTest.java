package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class RasteriserTest {
  private static final int WHITE = 0xffffff;
  private static final int BLUE = 0x2040c0;
  private final Rasteriser rasteriser = new Rasteriser();

  @Test
  void fitsAWideIconIntoTheMiddle() throws IOException {
    int[] rgb = rasteriser.draw(MadeUpSets.read("shapes").svg("wide", "#000000"), "wide");
    assertThat(color(rgb, 64, 10)).isEqualTo(WHITE);
    assertThat(color(rgb, 0, 34)).isEqualTo(BLUE);
    assertThat(color(rgb, 127, 93)).isEqualTo(BLUE);
    assertThat(color(rgb, 64, 100)).isEqualTo(WHITE);
  }

  @Test
  void startsWhereTheIconStarts() throws IOException {
    int[] rgb = rasteriser.draw(MadeUpSets.read("shapes").svg("shifted", "#2040c0"), "shifted");
    assertThat(color(rgb, 0, 0)).isEqualTo(BLUE);
    assertThat(color(rgb, 127, 127)).isEqualTo(BLUE);
  }

  @Test
  void clipsSoftly() throws IOException {
    String clipped =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><clipPath id=\"c\">"
            + "<path d=\"M0 0L32 3V32H0z\"/></clipPath>"
            + "<path fill=\"#000\" clip-path=\"url(#c)\" d=\"M0 0h32v32H0z\"/></svg>";
    int[] rgb = rasteriser.draw(clipped, "clipped");
    int greys = 0;
    for (int x = 0; x < Rasteriser.SIZE; x++) {
      for (int y = 0; y < Rasteriser.SIZE; y++) {
        int value = color(rgb, x, y) & 0xff;
        greys += value > 20 && value < 235 ? 1 : 0;
      }
    }
    assertThat(greys).as("pixels on the slanted edge").isGreaterThan(60);
  }

  @Test
  void drawsTheSameEachTime() throws IOException {
    String svg = MadeUpSets.read("shapes").svg("blurred", "#000000");
    assertThat(new Rasteriser().draw(svg, "blurred")).isEqualTo(rasteriser.draw(svg, "blurred"));
  }

  @Test
  void namesWhatIsNoSvg() {
    assertThatIOException()
        .isThrownBy(() -> rasteriser.draw("<svg", "shapes/broken"))
        .withMessage("not an SVG document: shapes/broken");
  }

  private static int color(int[] rgb, int x, int y) {
    int at = 3 * (y * Rasteriser.SIZE + x);
    return rgb[at] << 16 | rgb[at + 1] << 8 | rgb[at + 2];
  }
}
