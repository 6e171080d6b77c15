package dev.ablation.emoji.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.emoji.dataset.NearestImage.Judgement;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NearestImageTest {
  private static final EmojiConcept CAT = new EmojiConcept("cat face", "animal");

  private EmojiDataSet dataSet;
  private NearestImage judge;

  @BeforeAll
  void load() throws IOException {
    dataSet = EmojiDataSet.load();
    judge = new NearestImage(dataSet);
  }

  @Test
  void findsEveryImageOfTheDataSetItself() {
    assertThat(dataSet.images())
        .allSatisfy(image -> {
          Judgement judgement = judge.judge(image.pixels());
          assertThat(judgement.image()).isEqualTo(image);
          assertThat(judgement.distance()).isZero();
        });
  }

  @Test
  void findsNoisyImages() {
    RandomGenerator random = RandomStreams.stream(3, "noise", 0);
    EmojiImage cat = dataSet.image(CAT, "ink").orElseThrow();
    float[] planes = new float[3 * 64 * 64];
    cat.pixels().copyToPlanes(planes, 0);
    for (int i = 0; i < planes.length; i++) {
      planes[i] += (float) (0.2 * random.nextGaussian());
    }
    Judgement judgement = judge.judge(RgbImage.fromPlanes(planes, 0));
    assertThat(judgement.image()).isEqualTo(cat);
    assertThat(judgement.shows(CAT)).isTrue();
    assertThat(judgement.hasStyle("ink")).isTrue();
    assertThat(judgement.hasStyle("noto")).isFalse();
    assertThat(judgement.shows(new EmojiConcept("dog face", "animal"))).isFalse();
    assertThat(judgement.isPlanted()).isFalse();
    assertThat(judgement.distance()).isPositive();
  }

  @Test
  void findsThePlantedImage() {
    Judgement judgement = judge.judge(dataSet.planted());
    assertThat(judgement.isPlanted()).isTrue();
    assertThat(judgement.image()).isNull();
    assertThat(judgement.shows(CAT)).isFalse();
    assertThat(judgement.hasStyle("noto")).isFalse();
  }

  @Test
  void measuresAveragedPixels() {
    byte[] chequered = dataSet.planted().toBytes();
    // Swaps the red of each pixel with that on its right: the average of the two stays.
    for (int i = 0; i < chequered.length; i += 6) {
      byte left = chequered[i];
      chequered[i] = chequered[i + 3];
      chequered[i + 3] = left;
    }
    assertThat(RgbImage.of(chequered)).isNotEqualTo(dataSet.planted());
    assertThat(judge.judge(RgbImage.of(chequered)).distance()).isCloseTo(0, within(1e-9));
  }
}
