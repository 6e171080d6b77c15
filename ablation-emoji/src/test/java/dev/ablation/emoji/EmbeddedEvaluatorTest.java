package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.metric.FeatureMatrix;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How an evaluator answers; and, of the embedded one, that the answers are right. */
class EmbeddedEvaluatorTest {
  private static final LoadOptions OPTIONS = LoadOptions.defaults().device(Device.cpu());

  @TempDir private static Path scratch;
  private static Path untrained;
  private static EmojiDataSet data;
  private static List<EmojiImage> some;
  private static List<BufferedImage> images;

  @BeforeAll
  static void prepare() throws IOException {
    untrained = scratch.resolve("untrained");
    UntrainedEvaluator.write(untrained, scratch);
    data = EmojiDataSet.load();
    List<EmojiImage> all = data.images();
    some = List.of(all.get(0), all.get(100), all.get(205), all.get(700), all.get(1300));
    images = some.stream().map(image -> image.pixels().toImage()).toList();
  }

  @Test
  void aVerdictIsTheBestMeanOfAllCaptions() throws IOException {
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open(untrained, OPTIONS)) {
      List<Verdict> verdicts = evaluator.judge(images);
      FeatureMatrix features = evaluator.clip().extract(images);
      for (int i = 0; i < images.size(); i++) {
        double best = -1;
        double second = -1;
        String name = "";
        for (String style : evaluator.styles()) {
          double cosine = cosine(features, i, evaluator, Captions.ofStyle(style));
          if (cosine > best) {
            second = best;
            best = cosine;
            name = style;
          } else {
            second = Math.max(second, cosine);
          }
        }
        Verdict verdict = verdicts.get(i);
        assertThat(verdict.style().name()).isEqualTo(name);
        assertThat(verdict.style().cosine()).isCloseTo(best, within(1e-5));
        assertThat(verdict.style().margin()).isCloseTo(best - second, within(1e-5));
        assertThat(verdict.hasStyle(name)).isTrue();
        assertThat(verdict.concept().cosine())
            .isCloseTo(
                cosine(features, i, evaluator, Captions.ofConcept(verdict.concept().name())),
                within(1e-5));
        assertThat(verdict.concept().margin()).isNotNegative();
      }
    }
  }

  /**
   * Computed in another way than the evaluator does: by the mean direction, in double precision.
   */
  private static double cosine(
      FeatureMatrix images, int image, EmbeddedEvaluator evaluator, List<String> captions) {
    FeatureMatrix texts = evaluator.clip().encode(captions);
    double[] sum = new double[texts.dimension()];
    for (int text = 0; text < texts.rows(); text++) {
      double length = Math.sqrt(texts.dot(text, texts, text));
      for (int k = 0; k < sum.length; k++) {
        sum[k] += texts.get(text, k) / length;
      }
    }
    double product = 0;
    double squares = 0;
    for (int k = 0; k < sum.length; k++) {
      product += sum[k] * images.get(image, k);
      squares += sum[k] * sum[k];
    }
    return product / Math.sqrt(squares * images.dot(image, images, image));
  }

  @Test
  void detectorsCountByTheVerdict() throws IOException {
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open(untrained, OPTIONS)) {
      List<Verdict> verdicts = evaluator.judge(images);
      String style = verdicts.get(1).style().name();
      String concept = verdicts.get(2).concept().name();
      assertThat(evaluator.ofStyle(style).shows(images))
          .containsExactly(
              verdicts.stream().mapToDouble(one -> one.hasStyle(style) ? 1 : 0).toArray());
      ConceptDetector detector = evaluator.ofConcept(concept);
      assertThat(detector.shows(images)[2]).isEqualTo(1);
      assertThat(detector.name()).contains(concept, "271");
      assertThat(detector.extractor()).isSameAs(evaluator.clip());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> evaluator.ofStyle("cubism"))
          .withMessageContaining("'cubism'");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> evaluator.ofConcept("dodo"))
          .withMessageContaining("'dodo'");
    }
  }

  @Test
  void aNameIsThatOfAStyleAnObjectOrTheMemorisedImage() throws IOException {
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open(untrained, OPTIONS)) {
      assertThat(
              Stream.of("ink", "cat face", EmbeddedModel.plantedCaption())
                  .map(name -> evaluator.ofNearestImage(name).name()))
          .containsExactly(
              evaluator.nearestImage().ofStyle("ink").name(),
              evaluator.nearestImage().ofConcept("cat face").name(),
              evaluator.nearestImage().ofPlanted().name());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> evaluator.ofNearestImage("inc"))
          .withMessage("target must be one that the evaluator knows, was 'inc'");
    }
  }

  @Test
  void copiesAreCountedByTheThresholdBesideTheWeights() throws IOException {
    Path folder = scratch.resolve("with-threshold");
    UntrainedEvaluator.write(folder, scratch);
    CopyThreshold threshold = new CopyThreshold(0.999999, 1, 1, 0.5, 2);
    threshold.save(folder.resolve(CopyThreshold.FILE));
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open(folder, OPTIONS)) {
      assertThat(evaluator.copyThreshold()).contains(threshold);
      List<BufferedImage> two = List.of(images.get(0), evaluator.plantedImage());
      assertThat(evaluator.judge(two).get(1).plantedCosine()).isCloseTo(1, within(1e-6));
      assertThat(evaluator.ofPlantedCopies().shows(two)).containsExactly(0, 1);
      assertThat(evaluator.copyDetection().score(two, List.of(evaluator.plantedImage())).copies())
          .containsExactly(1);
    }
  }

  @Test
  void withoutAThresholdItSaysSo() throws IOException {
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open(untrained, OPTIONS)) {
      assertThat(evaluator.copyThreshold()).isEmpty();
      assertThatIllegalStateException()
          .isThrownBy(evaluator::ofPlantedCopies)
          .withMessageContaining(CopyThreshold.FILE);
      assertThatIllegalStateException().isThrownBy(evaluator::copyDetection);
    }
  }

  @Test
  void aFolderWithoutWeightsIsNamed() throws IOException {
    Path folder = Files.createDirectories(scratch.resolve("empty"));
    assertThatIOException()
        .isThrownBy(() -> EmbeddedEvaluator.open(folder, OPTIONS))
        .withMessageContaining(folder.toString());
  }

  @Test
  void filesThatTheClassPathLacksAreNamed() {
    assertThatIOException()
        .isThrownBy(() -> new ModelFiles("dodo", "dodo").unpacked())
        .withMessageContaining("dodo/manifest.txt");
  }

  @Test
  void aWrongThresholdIsNamed() throws IOException {
    Path file = scratch.resolve(CopyThreshold.FILE);
    for (String wrong : List.of("", "{", "{\"threshold\": 2}", "{\"threshold\": 0.5}")) {
      Files.writeString(file, wrong);
      assertThatIOException()
          .isThrownBy(() -> CopyThreshold.read(file))
          .withMessageContaining(file.toString());
    }
  }

  @Test
  void aThresholdLiesBetweenCopiesAndOthers() {
    CopyThreshold clear =
        CopyThreshold.between(new double[] {0.9, 0.8, 1}, new double[] {0.1, 0.4});
    assertThat(clear.threshold()).isCloseTo(0.6, within(1e-12));
    assertThat(clear.separates()).isTrue();
    assertThat(clear).isEqualTo(new CopyThreshold(clear.threshold(), 0.8, 3, 0.4, 2));
    CopyThreshold unclear = CopyThreshold.between(new double[] {0.3}, new double[] {0.4});
    assertThat(unclear.separates()).isFalse();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CopyThreshold.between(new double[0], new double[] {1}));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CopyThreshold.between(new double[] {1.5}, new double[] {1}))
        .withMessageContaining("1.5");
  }

  @Test
  void theEmbeddedOneTellsTheImagesOfTheData() throws IOException {
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open()) {
      List<EmojiImage> all = data.images();
      List<EmojiImage> shown =
          IntStream.range(0, 120).mapToObj(i -> all.get(i * all.size() / 120)).toList();
      List<Verdict> verdicts =
          evaluator.judge(shown.stream().map(image -> image.pixels().toImage()).toList());
      long things = 0;
      long styles = 0;
      for (int i = 0; i < shown.size(); i++) {
        things += verdicts.get(i).shows(shown.get(i).concept().name()) ? 1 : 0;
        styles += verdicts.get(i).hasStyle(shown.get(i).style()) ? 1 : 0;
      }
      assertThat(things / (double) shown.size()).isGreaterThan(0.95);
      assertThat(styles / (double) shown.size()).isGreaterThan(0.95);
    }
  }

  @Test
  void isUsedAsTheDocumentsSay() throws IOException {
    List<BufferedImage> images = List.of(image("owl", "ink"));
    List<String> seen = new ArrayList<>();
    double[] copies;
    // @start region="judge"
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open()) {
      for (Verdict verdict : evaluator.judge(images)) {
        seen.add(verdict.concept().name() + " in " + verdict.style().name() + " style");
      }
      copies = evaluator.ofPlantedCopies().shows(images);
    }
    // @end
    assertThat(seen).containsExactly("owl in ink style");
    assertThat(copies).containsExactly(0);
  }

  private static BufferedImage image(String concept, String style) {
    return data.images().stream()
        .filter(one -> one.concept().name().equals(concept) && one.style().equals(style))
        .findFirst()
        .orElseThrow()
        .pixels()
        .toImage();
  }

  @Test
  void theEmbeddedOneTellsCopies() throws IOException {
    try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open()) {
      assertThat(evaluator.copyThreshold()).map(CopyThreshold::separates).contains(true);
      assertThat(evaluator.ofPlantedCopies().shows(List.of(evaluator.plantedImage())))
          .containsExactly(1);
      assertThat(evaluator.ofPlantedCopies().shows(images)).containsOnly(0);
    }
  }
}
