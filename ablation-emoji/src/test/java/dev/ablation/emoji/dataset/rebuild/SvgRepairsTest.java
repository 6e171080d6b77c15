package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SvgRepairsTest {
  private static final String SVG =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">%s</svg>";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "M1 2 L3 4 H5 V6 C1 2 3 4 5 6 S1 2 3 4 Q1 2 3 4 T5 6 Z",
        "m1 2 l3 4 h5 v6 c1 2 3 4 5 6 s1 2 3 4 q1 2 3 4 t5 6 z",
        "M0 0 A3 4 30 1 0 1 1"
      })
  void keepsWhatNeedsNoRepair(String path) {
    assertThat(SvgRepairs.widenArcs(path).strip().replace(" ", ""))
        .isEqualTo(path.replace(" ", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "M10-5.5.5 1e1, M10 -5.5 L0.5 10",
    "'m1,2,3,4', m1 2 l3 4",
    "M0 0a3 4 0 013 4, M0 0 a3 4 0 0 1 3 4",
    "M0 0zm1 1z, M0 0 zm1 1 z",
    "' M 0 0 ', M0 0"
  })
  void readsEveryWayToWriteNumbers(String path, String expected) {
    // Pairs after the first of a move are lines; the letter may be left out.
    assertThat(SvgRepairs.widenArcs(path).strip().replace(" ", ""))
        .isEqualTo(expected.replace(" ", "").replace("L", "").replace("l", ""));
  }

  @ParameterizedTest
  @CsvSource({
    // Ends 10 apart: 5 is just enough.
    "M0 0a5 5 0 0 0 10 0, 5",
    "M0 0a4.9999 4.9999 0 0 0 10 0, 5",
    "M0 0a1 1 0 0 0 10 0, 5",
    "M3 4A5 5 0 1 1 13 4, 5",
    "M3 4h2v-1l-2 1zA1 1 0 1 1 13 4, 5",
    "M0 0a6 6 0 0 0 10 0, 6"
  })
  void widensArcsThatAreTooShort(String path, double radius) {
    String[] arc = SvgRepairs.widenArcs(path).split("[aA]")[1].split(" ");
    assertThat(Double.parseDouble(arc[0]))
        .isCloseTo(radius, within(1e-4))
        .isGreaterThanOrEqualTo(radius);
    assertThat(arc[1]).isEqualTo(arc[0]);
  }

  @Test
  void widensBothRadiiOfATurnedEllipse() {
    // Turned by a right angle, the second radius lies along the ends: 2.5 must become 5.
    String[] arc = SvgRepairs.widenArcs("M0 0a1 2.5 90 0 0 10 0").split("a")[1].split(" ");
    assertThat(Double.parseDouble(arc[0])).isCloseTo(2, within(1e-4));
    assertThat(Double.parseDouble(arc[1])).isCloseTo(5, within(1e-4));
  }

  @ParameterizedTest
  @CsvSource({
    "M0 x, path must have a number at position 3: M0 x",
    "M0 0a1 1 0 2 0 1 1, path must have a flag at position 11: M0 0a1 1 0 2 0 1 1",
    "M0 0k1, no command of a path: k"
  })
  void refusesWhatIsNoPath(String path, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SvgRepairs.widenArcs(path))
        .withMessage(message);
  }

  @Test
  void movesStopsApart() {
    assertThat(SvgRepairs.separate(new double[] {0, 0.5, 1})).containsExactly(0, 0.5, 1);
    assertThat(SvgRepairs.separate(new double[] {0, 1, 1}))
        .containsExactly(new double[] {0, 0.9999, 1}, within(1e-9));
    assertThat(SvgRepairs.separate(new double[] {0, 0, 0, 0.4, 0.3}))
        .containsExactly(new double[] {0, 0.0001, 0.0002, 0.4, 0.4001}, within(1e-9));
    assertThat(SvgRepairs.separate(new double[] {0, 1, 1, 1}))
        .containsExactly(new double[] {0, 0.9998, 0.9999, 1}, within(1e-9));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // A seed of a hamburger: its half circle was lost.
        "M16 14.931a1.069 1.069 0 0 0-.66 2.034a1.069 1.069 0 0 0 .66-2.034",
        "M4 16a11.9999 11.9999 0 0 1 24 0a11.9999 11.9999 0 0 1-24 0"
      })
  void drawsHalfCircles(String path) throws IOException {
    boolean seed = path.contains("1.069");
    String circle =
        seed
            ? "<circle cx=\"15.67\" cy=\"15.948\" r=\"1.0693\"/>"
            : "<circle cx=\"16\" cy=\"16\" r=\"12\"/>";
    assertThat(difference("<path d=\"%s\"/>".formatted(path), circle)).isLessThan(0.5);
  }

  @Test
  void drawsTheLastOfStopsAtTheEnd() throws IOException {
    String gradient =
        "<defs><radialGradient id=\"g\"><stop stop-color=\"#f00\"/><stop offset=\"1\""
            + " stop-color=\"#f00\" stop-opacity=\"0\"/>%s</radialGradient></defs>"
            + "<circle cx=\"16\" cy=\"16\" r=\"16\" fill=\"url(#g)\"/>";
    String twice = "<stop offset=\"100%\" stop-color=\"#f00\" stop-opacity=\"0\"/>";
    assertThat(difference(gradient.formatted(twice), gradient.formatted(""))).isLessThan(0.5);
  }

  private static double difference(String body, String expected) throws IOException {
    int[] a = new Rasteriser().draw(SVG.formatted(body), "a");
    int[] b = new Rasteriser().draw(SVG.formatted(expected), "b");
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.abs(a[i] - b[i]);
    }
    return sum / a.length;
  }
}
