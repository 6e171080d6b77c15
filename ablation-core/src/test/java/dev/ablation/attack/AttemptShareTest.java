package dev.ablation.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.model.LatentCodec;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDetector;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What measured stopping watches beside prompts, on a model of random weights. */
class AttemptShareTest {
  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final SamplingSettings sampling =
      SamplingSettings.defaultsFor(model).steps(2).batchSize(4);
  private final List<BufferedImage> originals = List.of(image(0xff0000), image(0x00ff00));

  @AfterEach
  void close() {
    model.close();
  }

  private BufferedImage image(int colour) {
    int scale = model.capability(LatentCodec.class).orElseThrow().downscaling();
    BufferedImage image =
        new BufferedImage(
            scale * model.descriptor().latentWidth(),
            scale * model.descriptor().latentHeight(),
            BufferedImage.TYPE_INT_RGB);
    for (int x = 0; x < image.getWidth(); x++) {
      image.setRGB(x, 0, colour);
    }
    return image;
  }

  /** Every second image shows the target. */
  private static TinyDetector everySecond() {
    return new TinyDetector("every second", (features, row) -> row % 2 == 0);
  }

  @Test
  void finishedImagesAreCounted() {
    CompletionShare share =
        new CompletionShare(originals, 0.5, List.of("an animal", ""), everySecond(), sampling, 3);
    assertThat(share.measure(model)).isEqualTo(0.5);
    assertThat(share.attempt().name()).contains("0.5", "2 images", "seed 3");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new CompletionShare(originals, 0.5, List.of("one"), everySecond(), sampling, 3))
        .withMessageContaining("prompts: expected 2");
  }

  @Test
  void imagesOfALearnedWordAreCountedAndTheModelIsAsBefore() {
    AttackSettings trial = new AttackSettings(everySecond(), sampling, 4, 3);
    LearnedWordShare share =
        new LearnedWordShare(originals, List.of("a photo of {}"), "sks", "cat", 2, trial);
    String before = model.weights().sha256();
    assertThat(share.measure(model)).isEqualTo(0.5);
    assertThat(model.weights().sha256()).isEqualTo(before);
    assertThat(model.weights().boundSha256()).isEmpty();
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new LearnedWordShare(originals, List.of("no slot"), "sks", "cat", 2, trial))
        .withMessageContaining("templates must have {}");
  }
}
