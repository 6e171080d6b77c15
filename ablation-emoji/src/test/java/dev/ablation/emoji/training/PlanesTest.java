package dev.ablation.emoji.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.random.RandomStreams;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PlanesTest {
  private final RandomGenerator random = RandomStreams.stream(1, "planes", 0);
  private final float[] planes = noise();

  private float[] noise() {
    float[] values = new float[Planes.VALUES];
    for (int i = 0; i < values.length; i++) {
      values[i] = 2 * random.nextFloat() - 1;
    }
    return values;
  }

  private static float at(float[] planes, int channel, int x, int y) {
    return planes[channel * Planes.PIXELS + y * Planes.SIZE + x];
  }

  @Test
  void mirroringTwiceChangesNothing() {
    float[] once = Planes.mirrored(planes);
    assertThat(at(once, 1, 0, 5)).isEqualTo(at(planes, 1, 63, 5));
    assertThat(Planes.mirrored(once)).isEqualTo(planes);
  }

  @Test
  void channelsAreReordered() {
    float[] result = Planes.reordered(planes, new int[] {2, 0, 1});
    assertThat(at(result, 0, 3, 4)).isEqualTo(at(planes, 2, 3, 4));
    assertThat(at(result, 1, 3, 4)).isEqualTo(at(planes, 0, 3, 4));
    assertThat(Planes.order(random)).containsExactlyInAnyOrder(0, 1, 2);
  }

  @Test
  void movedByWholePixelsRepeatsTheEdge() {
    float[] result = Planes.moved(planes, 3, -2, 1);
    assertThat(at(result, 2, 10, 10)).isCloseTo(at(planes, 2, 7, 12), within(1e-5f));
    assertThat(at(result, 2, 0, 10)).isCloseTo(at(planes, 2, 0, 12), within(1e-5f));
    assertThat(at(result, 2, 10, 63)).isCloseTo(at(planes, 2, 7, 63), within(1e-5f));
  }

  @Test
  void enlargedShowsTheMiddle() {
    float[] ramp = new float[Planes.VALUES];
    for (int i = 0; i < ramp.length; i++) {
      ramp[i] = i % Planes.SIZE / 63f * 2 - 1;
    }
    float[] result = Planes.moved(ramp, 0, 0, 2);
    assertThat(at(result, 0, 0, 0)).isCloseTo(-0.5f, within(1e-4f));
    assertThat(at(result, 0, 63, 63)).isCloseTo(0.5f, within(1e-4f));
  }

  @Test
  void whiteStaysWhiteWhenTintedAndTakesTheGradientsColour() {
    float[] white = new float[Planes.VALUES];
    java.util.Arrays.fill(white, 1);
    assertThat(Planes.tinted(white, new double[] {1.2, 0.8, 1})).containsOnly(1);
    float[] black = new float[Planes.VALUES];
    java.util.Arrays.fill(black, -1);
    assertThat(Planes.onGradient(black, random)).containsOnly(-1);
    float[] onColour = Planes.onGradient(white, random);
    assertThat(onColour).doesNotContain(Float.NaN);
    for (float value : onColour) {
      assertThat(value).isBetween(-1f, 1f);
    }
    assertThat(Planes.tinted(planes, new double[] {1, 1, 1}))
        .containsExactly(planes, within(1e-6f));
  }
}
