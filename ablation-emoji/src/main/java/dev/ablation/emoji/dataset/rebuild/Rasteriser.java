package dev.ablation.emoji.dataset.rebuild;

import com.github.weisj.jsvg.SVGDocument;
import com.github.weisj.jsvg.parser.LoaderContext;
import com.github.weisj.jsvg.parser.SVGLoader;
import com.github.weisj.jsvg.renderer.SVGRenderingHints;
import com.github.weisj.jsvg.view.ViewBox;
import java.awt.Color;
import java.awt.Component;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Draws SVG documents on white, each in a square that it fits into. */
final class Rasteriser {
  /** Edge of the square, in pixels: twice that of the data set's images. */
  static final int SIZE = 128;

  private final SVGLoader loader = new SVGLoader();
  private final LoaderContext context =
      LoaderContext.builder().preProcessor(new SvgRepairs()).build();

  /**
   * Draws a document.
   *
   * @param svg the document
   * @param name for messages
   * @return rows from the top, pixels from the left, red, green, blue, from 0 to 255
   */
  int[] draw(String svg, String name) throws IOException {
    SVGDocument document =
        loader.load(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)), null, context);
    if (document == null) {
      throw new IOException("not an SVG document: " + name);
    }
    BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_INT_ARGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      graphics.setRenderingHint(RenderingHints.KEY_RENDERING, RenderingHints.VALUE_RENDER_QUALITY);
      graphics.setRenderingHint(
          RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      // Java clips to whole pixels, which leaves ragged edges.
      graphics.setRenderingHint(
          SVGRenderingHints.KEY_SOFT_CLIPPING, SVGRenderingHints.VALUE_SOFT_CLIPPING_ON);
      graphics.setRenderingHint(
          SVGRenderingHints.KEY_MASK_CLIP_RENDERING,
          SVGRenderingHints.VALUE_MASK_CLIP_RENDERING_ACCURACY);
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, SIZE, SIZE);
      document.render((Component) null, graphics, new ViewBox(0, 0, SIZE, SIZE));
    } finally {
      graphics.dispose();
    }
    int[] rgb = new int[3 * SIZE * SIZE];
    int[] packed = image.getRGB(0, 0, SIZE, SIZE, null, 0, SIZE);
    for (int i = 0; i < packed.length; i++) {
      rgb[3 * i] = packed[i] >> 16 & 0xff;
      rgb[3 * i + 1] = packed[i] >> 8 & 0xff;
      rgb[3 * i + 2] = packed[i] & 0xff;
    }
    return rgb;
  }
}
