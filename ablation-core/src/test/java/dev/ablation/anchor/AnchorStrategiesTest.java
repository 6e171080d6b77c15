package dev.ablation.anchor;

import dev.ablation.concept.Concept;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The contract of each strategy that the library brings along. */
class AnchorStrategiesTest {
  private static final SamplingSettings QUICK = SamplingSettings.defaults().steps(2).batchSize(2);

  private static GeneratedAnchors cats() {
    return AnchorStrategy.generated("cat", List.of("a cat", "two cats", "the cat"))
        .images(5)
        .sampling(QUICK);
  }

  @Nested
  class Generated extends AnchorStrategyContract {
    @Override
    protected AnchorStrategy strategy() {
      return cats();
    }

    @Override
    protected Concept target() {
      return Concept.instance("grumpy cat");
    }
  }

  @Nested
  class Images extends AnchorStrategyContract {
    @TempDir Path folder;

    @Override
    protected AnchorStrategy strategy() throws IOException {
      List<CaptionedImage> images = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Path file = folder.resolve(i + ".png");
        BufferedImage image = new BufferedImage(14 + i, 9, BufferedImage.TYPE_INT_RGB);
        for (int pixel = 0; pixel < image.getWidth() * 9; pixel++) {
          image.setRGB(pixel % image.getWidth(), pixel / image.getWidth(), (i + 1) * 7919 * pixel);
        }
        ImageIO.write(image, "png", file.toFile());
        images.add(new CaptionedImage(file, "cat number " + i));
      }
      return AnchorStrategy.images("cat", images);
    }

    @Override
    protected Concept target() {
      return Concept.instance("grumpy cat");
    }
  }

  @Nested
  class Unconditional extends AnchorStrategyContract {
    @Override
    protected AnchorStrategy strategy() {
      return AnchorStrategy.unconditional().images(3).sampling(QUICK);
    }

    @Override
    protected Concept target() {
      return Concept.style("Monet");
    }
  }

  @Nested
  class OtherStyles extends AnchorStrategyContract {
    @Override
    protected AnchorStrategy strategy() {
      return AnchorStrategy.otherStyles(
          List.of("ink", "watercolour", "mosaic"),
          AnchorStrategy.generated("painting", List.of("a boat", "a mill"))
              .images(5)
              .sampling(QUICK));
    }

    @Override
    protected Concept target() {
      return Concept.style("Monet");
    }
  }

  @Nested
  class Judged extends AnchorStrategyContract {
    @Override
    protected AnchorStrategy strategy() {
      return cats()
          .judgedBy((image, prompt) -> prompt.equals("a cat"))
          .dropLeading()
          .replacedFrom(
              AnchorStrategy.generated("cat", List.of("my cat")).images(4).sampling(QUICK));
    }

    @Override
    protected Concept target() {
      return Concept.instance("grumpy cat");
    }
  }
}
