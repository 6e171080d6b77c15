package dev.ablation.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.image.Resampling;
import dev.ablation.random.RandomStreams;
import java.awt.image.BufferedImage;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AugmentationTest {
  private static final Canvas CANVAS = new Canvas(16, 16, 4);
  private static final int SIDE = 64;
  private static final int DRAWS = 1500;

  /** Brightness grows from left to right, so that a flip shows. */
  private static BufferedImage ramp(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int level = 128 + 120 * x / width;
        image.setRGB(x, y, level << 16 | level << 8 | (100 * y / height));
      }
    }
    return image;
  }

  private static final BufferedImage IMAGE = ramp(SIDE, SIDE);

  private static AugmentedImage draw(Augmentation augmentation, Canvas canvas, long seed) {
    return augmentation.apply(IMAGE, canvas, RandomStreams.stream(seed, "augmentation", 0));
  }

  /** Side of the square that is not grey, of what is pasted; the canvas' for what is cut. */
  private static int extent(AugmentedImage image, Canvas canvas) {
    int left = canvas.width();
    int right = -1;
    for (int i = 0; i < canvas.height() * canvas.width(); i++) {
      if (image.pixels()[i] != 0) {
        left = Math.min(left, i % canvas.width());
        right = Math.max(right, i % canvas.width());
      }
    }
    return right - left + 1;
  }

  private static double share(Map<String, Integer> counts, String key) {
    return (double) counts.getOrDefault(key, 0) / DRAWS;
  }

  @Test
  void diffusersDrawsTheSharesOfTheReference() {
    Map<String, Integer> prefixes = new HashMap<>();
    Map<Integer, Integer> sizes = new HashMap<>();
    for (int seed = 0; seed < DRAWS; seed++) {
      AugmentedImage drawn = draw(Augmentation.diffusers(), CANVAS, seed);
      prefixes.merge(drawn.prefix(), 1, Integer::sum);
      if (drawn.mask() != null) {
        int extent = extent(drawn, CANVAS);
        sizes.merge(extent, 1, Integer::sum);
        assertThat(drawn.prefix().isEmpty()).isEqualTo(extent >= 0.6 * SIDE);
      } else {
        assertThat(drawn.prefix()).isIn("zoomed in ", "close up ");
      }
    }
    assertThat(sizes.keySet()).containsExactlyInAnyOrderElementsOf(range(SIDE / 3, SIDE));
    assertThat(share(prefixes, "zoomed in ")).isCloseTo(0.17, within(0.04));
    assertThat(share(prefixes, "close up ")).isCloseTo(0.17, within(0.04));
    // 21 to 38 of 21 to 64
    double small = 0.66 * 18 / 44;
    assertThat(share(prefixes, "a far away ")).isCloseTo(small / 2, within(0.04));
    assertThat(share(prefixes, "very small ")).isCloseTo(small / 2, within(0.04));
    assertThat(share(prefixes, "")).isCloseTo(0.66 - small, within(0.04));
  }

  @Test
  void thePaperShowsMiddleSizesInFullAndFlipsHalf() {
    int full = 0;
    int small = 0;
    int flipped = 0;
    for (int seed = 0; seed < DRAWS; seed++) {
      AugmentedImage drawn = draw(Augmentation.paper(), CANVAS, seed);
      if (drawn.mask() != null) {
        assertThat(extent(drawn, CANVAS)).isLessThan((int) (0.6 * SIDE) + 1).isEven();
        small++;
      } else if (drawn.prefix().isEmpty()) {
        full++;
        flipped += drawn.pixels()[0] > drawn.pixels()[SIDE - 1] ? 1 : 0;
      }
    }
    // 21 to 38 of 21 to 64; an odd 37 becomes 38 and 38 stays
    double expected = 2 / 3.0 * 18 / 44;
    assertThat((double) small / DRAWS).isCloseTo(expected, within(0.04));
    assertThat((double) full / DRAWS).isCloseTo(2 / 3.0 - expected, within(0.04));
    assertThat((double) flipped / full).isCloseTo(0.5, within(0.05));
  }

  private static Iterable<Integer> range(int first, int last) {
    return IntStream.rangeClosed(first, last).boxed().toList();
  }

  static Augmentation[] all() {
    return new Augmentation[] {
      Augmentation.none(),
      Augmentation.diffusers(),
      Augmentation.diffusers().flip(0.5),
      Augmentation.diffusers().withoutScaling(),
      Augmentation.paper(),
      Augmentation.paper().withoutScaling()
    };
  }

  @ParameterizedTest
  @MethodSource("all")
  void dependsOnTheRandomNumbersAlone(Augmentation augmentation) {
    for (int seed = 0; seed < 20; seed++) {
      AugmentedImage one = draw(augmentation, CANVAS, seed);
      AugmentedImage two = draw(augmentation, CANVAS, seed);
      assertThat(one.pixels()).isEqualTo(two.pixels());
      assertThat(one.mask()).isEqualTo(two.mask());
      assertThat(one.prefix()).isEqualTo(two.prefix());
    }
  }

  /** What counts lies on the image, not on the grey around it. */
  @ParameterizedTest
  @MethodSource("all")
  void onlyPixelsOfTheImageCount(Augmentation augmentation) {
    for (int seed = 0; seed < 100; seed++) {
      AugmentedImage drawn = draw(augmentation, CANVAS, seed);
      float[] mask = drawn.mask();
      if (mask == null) {
        continue;
      }
      assertThat(mask).containsOnly(0, 1).contains(1);
      boolean grey = false;
      for (int i = 0; i < mask.length; i++) {
        if (mask[i] == 1) {
          int row = i / 16 * 4;
          int column = i % 16 * 4;
          for (int y = row; y < row + 4; y++) {
            for (int x = column; x < column + 4; x++) {
              grey |= drawn.pixels()[y * SIDE + x] == 0;
            }
          }
        }
      }
      assertThat(grey).isFalse();
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void aCanvasOfAnyRatioIsFilledOrMasked(Augmentation augmentation) {
    Canvas wide = new Canvas(8, 20, 8);
    for (int seed = 0; seed < 100; seed++) {
      AugmentedImage drawn = draw(augmentation, wide, seed);
      assertThat(drawn.pixels()).hasSize(3 * 64 * 160);
      float least = Float.MAX_VALUE;
      float most = -Float.MAX_VALUE;
      boolean grey = false;
      for (int i = 0; i < drawn.pixels().length; i++) {
        float value = drawn.pixels()[i];
        least = Math.min(least, value);
        most = Math.max(most, value);
        grey |= i < 64 * 160 && value == 0; // of the first channel
      }
      // Not of each: an assertion of a million values takes seconds.
      assertThat(least).isBetween(-1f, 1f);
      assertThat(most).isBetween(-1f, 1f);
      if (drawn.mask() == null) {
        assertThat(grey).isFalse();
      } else {
        assertThat(drawn.mask()).hasSize(160).contains(1);
      }
    }
  }

  @Test
  void drawsAgainWhereNothingWouldCount() {
    // of 8 latent pixels a size of a third leaves none between its edges
    Canvas small = new Canvas(8, 8, 8);
    for (int seed = 0; seed < 500; seed++) {
      AugmentedImage drawn = draw(Augmentation.diffusers(), small, seed);
      if (drawn.mask() != null) {
        assertThat(drawn.mask()).contains(1);
      }
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> draw(Augmentation.paper(), new Canvas(2, 5, 8), 0))
        .withMessage("latents must be at least 3 x 3 for augmentation 'paper', were 2 x 5");
  }

  @Test
  void noneKeepsAnImageOfTheCanvasSize() {
    AugmentedImage drawn = draw(Augmentation.none(), CANVAS, 0);
    for (int i = 0; i < SIDE * SIDE; i++) {
      int red = (IMAGE.getRGB(i % SIDE, i / SIDE) >> 16) & 0xff;
      assertThat(drawn.pixels()[i]).isEqualTo((float) (red / 127.5 - 1));
    }
    assertThat(drawn.mask()).isNull();
    assertThat(drawn.prefix()).isEmpty();
    assertThat(Augmentation.none().keepsPixels()).isTrue();
    assertThat(Augmentation.diffusers().keepsPixels()).isFalse();
    assertThat(Augmentation.diffusers().withoutScaling().keepsPixels()).isTrue();
    assertThat(Augmentation.paper().withoutScaling().keepsPixels()).isFalse();
  }

  @Test
  void theBorderNeverCountsForDiffusers() {
    float[] mask = Augmentation.diffusers().withoutScaling().maskOfWhole(new Canvas(4, 5, 8));
    assertThat(mask).containsExactly(0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0);
    assertThat(draw(Augmentation.diffusers().withoutScaling(), CANVAS, 0).mask())
        .isEqualTo(Augmentation.diffusers().withoutScaling().maskOfWhole(CANVAS));
    assertThat(Augmentation.paper().maskOfWhole(CANVAS)).isNull();
  }

  /** Colours of the left and the right edge after an image was fitted. */
  @ParameterizedTest
  @CsvSource({"STRETCH, 128, 247", "CENTRE_CROP, 158, 217"})
  void wideImagesAreStretchedOrCut(Augmentation.Fit fit, int left, int right) {
    Augmentation augmentation =
        new Augmentation("test", fit, Resampling.BOX, 0, Augmentation.Scaling.NONE, false, true);
    AugmentedImage drawn =
        augmentation.apply(ramp(128, 64), CANVAS, RandomStreams.stream(0, "a", 0));
    assertThat((drawn.pixels()[0] + 1) * 127.5).isCloseTo(left, within(1.5));
    assertThat((drawn.pixels()[SIDE - 1] + 1) * 127.5).isCloseTo(right, within(1.5));
  }

  @Test
  void aPriorOfDiffusersIsCutAtRandomWithItsRatio() {
    Augmentation augmentation = Augmentation.diffusers();
    BufferedImage wide = ramp(256, 128);
    float least = 1;
    float most = -1;
    for (int seed = 0; seed < 200; seed++) {
      RandomGenerator random = RandomStreams.stream(seed, "prior", 0);
      AugmentedImage drawn = augmentation.applyToPrior(wide, CANVAS, random);
      assertThat(drawn.mask()).isNull();
      assertThat(drawn.prefix()).isEmpty();
      float span = drawn.pixels()[SIDE - 1] - drawn.pixels()[0];
      assertThat(span).as("half of the image").isCloseTo(60 / 127.5f, within(0.03f));
      least = Math.min(least, drawn.pixels()[0]);
      most = Math.max(most, drawn.pixels()[0]);
    }
    assertThat(least).isLessThan(0.04f);
    assertThat(most).isGreaterThan(0.43f);
  }

  @Test
  void aPriorOfThePaperIsTreatedAsThePairs() {
    for (int seed = 0; seed < 20; seed++) {
      AugmentedImage pair = draw(Augmentation.paper(), CANVAS, seed);
      AugmentedImage prior =
          Augmentation.paper()
              .applyToPrior(IMAGE, CANVAS, RandomStreams.stream(seed, "augmentation", 0));
      assertThat(prior.pixels()).isEqualTo(pair.pixels());
      assertThat(prior.prefix()).isEqualTo(pair.prefix());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void refusesWhatIsNoProbability(double probability) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Augmentation.paper().flip(probability))
        .withMessageContaining("flipProbability must be from 0 to 1, was " + probability);
  }

  @ParameterizedTest
  @EnumSource(Augmentation.Scaling.class)
  void everySettingIsToldApart(Augmentation.Scaling scaling) {
    Augmentation augmentation =
        new Augmentation(
            "own", Augmentation.Fit.STRETCH, Resampling.BILINEAR, 0.25, scaling, true, false);
    assertThat(augmentation.settings())
        .containsEntry("augmentation", "own")
        .containsEntry("augmentation.scaling", scaling.name())
        .containsEntry("augmentation.flipProbability", "0.25")
        .hasSize(7);
  }
}
