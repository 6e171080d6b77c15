package dev.ablation.emoji.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class LookAlikesTest {
  private static LookAlikes found;

  @BeforeAll
  static void look() throws IOException {
    found = LookAlikes.of(EmojiDataSet.load());
  }

  @Test
  void findsWhatOneSetTookFromAnother() {
    assertThat(found.styles())
        .extracting(
            pair -> pair.one().concept().name(),
            pair -> pair.one().style(),
            pair -> pair.other().style())
        .contains(tuple("tornado", "noto", "blob"), tuple("crescent moon", "noto", "blob"))
        .hasSizeLessThan(20);
  }

  @Test
  void findsThingsThatOneStyleDrawsAlike() {
    assertThat(found.concepts())
        .extracting(pair -> Set.of(pair.one().concept().name(), pair.other().concept().name()))
        .contains(Set.of("car", "taxi"), Set.of("horse face", "unicorn"))
        .hasSizeLessThan(20);
  }

  @Test
  void everyPairIsOfOneThingOrOfOneStyleAndKeepsTheLimits() {
    for (LookAlikes.Pair pair : found.styles()) {
      assertThat(pair.one().concept()).isEqualTo(pair.other().concept());
      assertThat(pair.one().style()).isNotEqualTo(pair.other().style());
    }
    for (LookAlikes.Pair pair : found.concepts()) {
      assertThat(pair.one().concept()).isNotEqualTo(pair.other().concept());
      assertThat(pair.one().style()).isEqualTo(pair.other().style());
    }
    for (List<LookAlikes.Pair> pairs : List.of(found.styles(), found.concepts())) {
      for (LookAlikes.Pair pair : pairs) {
        assertThat(pair.difference()).isBetween(0.0, LookAlikes.MAX_DIFFERENCE);
        assertThat(pair.correlation()).isBetween(LookAlikes.MIN_CORRELATION, 1.0);
        assertThat(pair.difference())
            .isCloseTo(averageDifference(pair.one(), pair.other()), within(1e-3));
      }
    }
  }

  /** The difference of the pixels averaged two by two, of 255, from the bytes. */
  private static double averageDifference(EmojiImage one, EmojiImage other) {
    double sum = 0;
    for (int y = 0; y < RgbImage.SIZE; y += 2) {
      for (int x = 0; x < RgbImage.SIZE; x += 2) {
        for (int c = 0; c < RgbImage.CHANNELS; c++) {
          sum += Math.abs(block(one.pixels(), x, y, c) - block(other.pixels(), x, y, c));
        }
      }
    }
    return sum / (RgbImage.SIZE * RgbImage.SIZE / 4 * RgbImage.CHANNELS);
  }

  private static double block(RgbImage image, int x, int y, int c) {
    return (image.value(x, y, c)
            + image.value(x + 1, y, c)
            + image.value(x, y + 1, c)
            + image.value(x + 1, y + 1, c))
        / 4.0;
  }

  @Test
  void bothImagesOfAPairTellNoStyle() {
    assertThat(found.withoutTellingStyle())
        .contains(
            new DataSetIndex.Pair("tornado", "noto"), new DataSetIndex.Pair("tornado", "blob"))
        .doesNotContain(new DataSetIndex.Pair("tornado", "ink"));
  }
}
