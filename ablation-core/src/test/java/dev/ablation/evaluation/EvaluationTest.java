package dev.ablation.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Offset.offset;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.DeltaMismatchException;
import dev.ablation.delta.WeightDelta;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ClipMmd;
import dev.ablation.metric.ClipScore;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.EvaluationProgress;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.FrechetInceptionDistance;
import dev.ablation.metric.ImageSource;
import dev.ablation.metric.KernelInceptionDistance;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.PerceptualDistance;
import dev.ablation.metric.PooledPixels;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.metric.Unit;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {
  private static final SamplingSettings SAMPLING =
      new SamplingSettings(Sampler.ddim(1), 3, 6, "", 3);
  private static final Protocol SMALL =
      Protocol.paper().images(7, 5, 4, 2).sampling(SAMPLING).shown(2);
  private static final List<String> CATS =
      List.of("a photo of a cat", "two cats", "the cat on a sofa");
  private static final List<String> OTHERS = List.of("a red bus", "a bowl of soup");

  @TempDir private Path temporary;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final TinyEncoder clip = new TinyEncoder();
  private final WeightDelta delta = TinyDelta.of(model, 3);
  private final List<EvaluationProgress> progress = new ArrayList<>();
  private int arrays;

  @BeforeEach
  void remember() {
    arrays = model.manager().getManagedArrays().size();
  }

  @AfterEach
  void close() {
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    assertThat(model.weights().boundSha256()).isEmpty();
    delta.close();
    model.close();
  }

  private Evaluation evaluation() {
    return Evaluation.with(clip)
        .target(Concept.instance("grumpy cat"), "cat", CATS)
        .neighbours("persian cat", "tabby cat")
        .unrelated(OTHERS)
        .protocol(SMALL);
  }

  private EvaluationResult run(Evaluation evaluation) throws IOException {
    return evaluation.run(model, delta);
  }

  private static SubjectResult subject(EvaluationResult result, String name) {
    return result.subjects().stream()
        .filter(each -> each.subject().name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Comparison metric(SubjectResult subject, String name) {
    return subject.metrics().stream()
        .filter(each -> each.metric().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private List<BufferedImage> drawn(List<String> prompts, int count) {
    List<String> all =
        IntStream.range(0, count).mapToObj(i -> prompts.get(i % prompts.size())).toList();
    return LatentSampler.of(model).settings(SAMPLING).draw(all, 42);
  }

  private List<BufferedImage> drawnAblated(List<String> prompts, int count) {
    return delta.applied(model, () -> drawn(prompts, count));
  }

  private static int[] pixels(BufferedImage image) {
    return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, 100);
  }

  // What it draws and what it measures

  /** The target's prompts open the gate, others do not; images that were kept are told apart. */
  @Test
  void aDeltaWithAGateActsAsFarAsAPromptAsksForIt() throws IOException {
    ConceptGate gate = ConceptGate.of("grumpy").threshold(1);
    Evaluation kept = evaluation().keptIn(temporary);
    EvaluationResult inFull = kept.run(model, delta);
    try (WeightDelta gated = delta.gatedBy(gate)) {
      EvaluationResult found = kept.run(model, gated);
      assertThat(found.settings()).containsEntry("gate", gate.toJson());
      ImagePair target = subject(found, "grumpy cat").shown().get(0);
      assertThat(pixels(target.ablated()))
          .isNotEqualTo(pixels(target.base()))
          .isEqualTo(pixels(subject(inFull, "grumpy cat").shown().get(0).ablated()));
      ImagePair neighbour = subject(found, "persian cat").shown().get(0);
      assertThat(pixels(neighbour.ablated())).isEqualTo(pixels(neighbour.base()));
      ImagePair changed = subject(inFull, "persian cat").shown().get(0);
      assertThat(pixels(changed.ablated())).isNotEqualTo(pixels(changed.base()));
      assertThat(subject(kept.run(model, gated), "grumpy cat").metrics())
          .isEqualTo(subject(found, "grumpy cat").metrics());
    }
  }

  @Test
  void thePapersNumbersAreTheDefault() {
    Protocol paper = evaluation().protocol(Protocol.paper()).protocol();
    assertThat(paper.targetImages()).isEqualTo(200);
    assertThat(paper.anchorImages()).isEqualTo(200);
    assertThat(paper.neighbourImages()).isEqualTo(50);
    assertThat(paper.sampling()).isEqualTo(new SamplingSettings(Sampler.ddim(1), 50, 6, "", 10));
    assertThat(Evaluation.with(clip).protocol()).isEqualTo(paper);
  }

  @Test
  void promptsFollowFromTheAnchors() {
    assertThat(evaluation().subjects())
        .containsExactly(
            new Subject(
                    Role.TARGET,
                    "grumpy cat",
                    List.of(
                        "a photo of a grumpy cat", "two grumpy cats", "the grumpy cat on a sofa"),
                    7)
                .rests(CATS),
            new Subject(Role.ANCHOR, "cat", CATS, 5),
            new Subject(
                Role.NEIGHBOUR,
                "persian cat",
                List.of(
                    "a photo of a persian cat", "two persian cats", "the persian cat on a sofa"),
                4),
            new Subject(
                Role.NEIGHBOUR,
                "tabby cat",
                List.of("a photo of a tabby cat", "two tabby cats", "the tabby cat on a sofa"),
                4),
            new Subject(Role.UNRELATED, "unrelated prompts", OTHERS, 2));
    assertThat(evaluation().protocol(p -> p.prompts(2)).subjects().get(0).prompts())
        .containsExactly("a photo of a grumpy cat", "two grumpy cats");
    assertThat(evaluation().heldOutPrompts(List.of("one cat")).subjects().get(0).prompts())
        .containsExactly("one grumpy cat");
  }

  @Test
  void theFormsOfAStyleTakeTurns() {
    List<Subject> subjects =
        Evaluation.with(clip)
            .target(Concept.style("Van Gogh"), "painting", List.of("a boat", "trees"))
            .neighbours("Monet")
            .subjects();
    assertThat(subjects.get(0).prompts())
        .containsExactly("a boat, in the style of Van Gogh", "in Van Gogh's style, trees");
    assertThat(subjects.get(2).prompts())
        .containsExactly("a boat, in the style of Monet", "in Monet's style, trees");
  }

  @Test
  void severalTargetsShareAnAnchor() {
    assertThat(
            evaluation()
                .target(Concept.style("Monet"), "painting", List.of("a boat"))
                .target(Concept.instance("angry cat"), "cat", CATS)
                .neighbours(Concept.style("Dali"))
                .subjects())
        .extracting(subject -> subject.role() + " " + subject.name() + " " + subject.prompt(0))
        .containsExactly(
            "TARGET grumpy cat a photo of a grumpy cat",
            "TARGET Monet a boat, in the style of Monet",
            "TARGET angry cat a photo of a angry cat",
            "ANCHOR cat a photo of a cat",
            "ANCHOR painting a boat",
            "NEIGHBOUR persian cat a photo of a persian cat",
            "NEIGHBOUR tabby cat a photo of a tabby cat",
            "NEIGHBOUR Dali a boat, in the style of Dali",
            "UNRELATED unrelated prompts a red bus");
  }

  @Test
  void theNumbersAreThoseOfImagesDrawnByHand() throws IOException {
    EvaluationResult result = run(evaluation());
    ClipScore score = new ClipScore(clip, Bootstrap.defaults());
    String cat = "A photo depicts cat";
    for (SubjectResult each : result.subjects().subList(0, 4)) {
      Subject subject = each.subject();
      FeatureMatrix base = clip.extract(drawn(subject.prompts(), subject.images()));
      FeatureMatrix ablated = clip.extract(drawnAblated(subject.prompts(), subject.images()));
      String text = "A photo depicts " + subject.name();
      assertThat(each.metrics().subList(0, 3))
          .containsExactly(
              new Comparison(score.score(base, text), score.score(ablated, text)),
              new Comparison(score.accuracy(base, text, cat), score.accuracy(ablated, text, cat)),
              new Comparison(
                  null,
                  KernelInceptionDistance.defaults()
                      .measure(ablated, base, clip.info(), done -> {})));
      assertThat(each.metrics()).hasSize(subject.role() == Role.TARGET ? 4 : 3);
    }
    SubjectResult target = subject(result, "grumpy cat");
    List<String> rests = IntStream.range(0, 7).mapToObj(i -> CATS.get(i % 3)).toList();
    assertThat(metric(target, "in-prompt CLIP score").ablated().value())
        .isEqualTo(
            score.score(clip.extract(drawnAblated(target.subject().prompts(), 7)), rests).value());
    FeatureMatrix base = clip.extract(drawn(OTHERS, 2));
    FeatureMatrix ablated = clip.extract(drawnAblated(OTHERS, 2));
    SubjectResult unrelated = subject(result, "unrelated prompts");
    assertThat(metric(unrelated, "CLIP score"))
        .isEqualTo(new Comparison(score.score(base, OTHERS), score.score(ablated, OTHERS)));
    assertThat(unrelated.metrics()).extracting(Comparison::metric).doesNotContain("CLIP accuracy");
    // The change is there to be seen.
    assertThat(metric(subject(result, "grumpy cat"), "CLIP score"))
        .matches(c -> Objects.requireNonNull(c.base()).value() != c.ablated().value());
  }

  @Test
  void aScoreWithOwnTextsIsTheMeanOfEach() {
    ClipScore score = new ClipScore(clip, Bootstrap.defaults());
    FeatureMatrix features = clip.extract(drawn(OTHERS, 3));
    List<String> texts = List.of("a red bus", "a bowl of soup", "a red bus");
    double sum = 0;
    for (int i = 0; i < 3; i++) {
      sum += score.score(features.select(i), texts.get(i)).value();
    }
    assertThat(score.score(features, texts).value()).isEqualTo(sum / 3);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> score.score(features, OTHERS))
        .withMessage("there must be one text for each of the 3 images, were 2");
  }

  @Test
  void theFirstPairsOfImagesAreShown() throws IOException {
    SubjectResult target = subject(run(evaluation()), "grumpy cat");
    List<BufferedImage> base = drawn(target.subject().prompts(), 2);
    List<BufferedImage> ablated = drawnAblated(target.subject().prompts(), 2);
    assertThat(target.shown()).hasSize(2);
    for (int i = 0; i < 2; i++) {
      ImagePair pair = target.shown().get(i);
      assertThat(pair.seed()).isEqualTo(42 + i);
      assertThat(pair.prompt()).isEqualTo(target.subject().prompts().get(i));
      assertThat(pixels(pair.base())).isEqualTo(pixels(base.get(i)));
      assertThat(pixels(pair.ablated())).isEqualTo(pixels(ablated.get(i)));
      assertThat(pixels(pair.ablated())).isNotEqualTo(pixels(pair.base()));
    }
  }

  @Test
  void bothModelsDrawFromTheSameSeeds() throws IOException {
    try (WeightDelta nothing = delta.scaledBy(0)) {
      EvaluationResult result =
          evaluation()
              .metric(SubjectMetric.perceptualDistance(new PooledPixels()))
              .run(model, nothing);
      for (SubjectResult each : result.subjects()) {
        assertThat(metric(each, "perceptual distance").ablated().value()).isZero();
        Comparison score = metric(each, "CLIP score");
        assertThat(score.ablated()).isEqualTo(score.base());
      }
    }
  }

  @Test
  void furtherMetricsAreMeasuredToo() throws IOException {
    FeatureExtractor pixels = new PooledPixels(2);
    List<BufferedImage> originals = drawn(List.of("a photo of a grumpy cat"), 1);
    CopyDetection copies = new CopyDetection(pixels, 0.9);
    List<String> labels = List.of("cat", "grumpy cat", "persian cat");
    SubjectResult target =
        subject(
            run(
                evaluation()
                    .metric(SubjectMetric.perceptualDistance(pixels))
                    .metric(SubjectMetric.cmmd(clip, ClipMmd.defaults()))
                    .metric(SubjectMetric.kid(pixels, new KernelInceptionDistance(3, 4, 5)))
                    .metric(SubjectMetric.zeroShotAccuracy(clip, labels))
                    .metric(SubjectMetric.memorisation(copies, originals))
                    .metric(
                        SubjectMetric.share(
                            "detected", ConceptDetector.clip(clip, "grumpy cat", "cat")))),
            "grumpy cat");
    List<BufferedImage> base = drawn(target.subject().prompts(), 7);
    List<BufferedImage> ablated = drawnAblated(target.subject().prompts(), 7);

    assertThat(metric(target, "perceptual distance").ablated())
        .isEqualTo(
            new PerceptualDistance(pixels, Bootstrap.defaults())
                .measure(ImageSource.of(ablated), ImageSource.of(base), 7, done -> {}));
    assertThat(metric(target, "CMMD").ablated())
        .isEqualTo(
            ClipMmd.defaults().measure(clip.extract(ablated), clip.extract(base), clip.info()));
    assertThat(target.metrics())
        .contains(
            new Comparison(
                null,
                new KernelInceptionDistance(3, 4, 5)
                    .measure(
                        pixels.extract(ablated), pixels.extract(base), pixels.info(), d -> {})));
    ClipScore score = new ClipScore(clip, Bootstrap.defaults());
    Function<List<BufferedImage>, MetricResult> zeroShot =
        images ->
            score.zeroShotAccuracy(
                clip.extract(images),
                labels.stream().map(label -> "A photo depicts " + label).toList(),
                new int[] {1, 1, 1, 1, 1, 1, 1});
    assertThat(metric(target, "zero-shot accuracy"))
        .isEqualTo(new Comparison(zeroShot.apply(base), zeroShot.apply(ablated)));
    assertThat(metric(target, "memorisation percentage"))
        .isEqualTo(
            new Comparison(
                copies.score(base, originals).measure(Bootstrap.defaults()),
                copies.score(ablated, originals).measure(Bootstrap.defaults())));
    // The paper's accuracy and the detector that is built on it are the same number.
    Comparison detected = metric(target, "detected");
    Comparison accuracy = metric(target, "CLIP accuracy");
    assertThat(detected.ablated().value()).isEqualTo(accuracy.ablated().value());
    assertThat(detected.ablated().interval()).isEqualTo(accuracy.ablated().interval());
  }

  @Test
  void fidIsMeasuredOfEnoughImages() {
    FeatureExtractor pixels = new PooledPixels(1);
    List<BufferedImage> base = new ArrayList<>();
    List<BufferedImage> ablated = new ArrayList<>();
    RandomGenerator random = RandomStreams.stream(0, "images", 0);
    for (int i = 0; i < 2048; i++) {
      base.add(uniform(random.nextInt(1 << 24)));
      ablated.add(uniform(random.nextInt(1 << 24) & 0x7fffff));
    }
    Subject subject = new Subject(Role.UNRELATED, "many", OTHERS, 2048);
    SubjectMetric fid = SubjectMetric.fid(pixels).onlyOf(Role.UNRELATED);
    assertThat(fid.measures(subject)).isTrue();
    assertThat(fid.measures(new Subject(Role.TARGET, "many", OTHERS, 2048))).isFalse();
    assertThat(fid.problems(List.of(subject))).isEmpty();
    SubjectMetric.Measurement measurement = fid.begin(subject, "cat", Bootstrap.defaults());
    measurement.add(new ImageBatch(0, base.subList(0, 1500), ablated.subList(0, 1500)));
    measurement.add(new ImageBatch(1500, base.subList(1500, 2048), ablated.subList(1500, 2048)));
    Comparison comparison = measurement.result();
    assertThat(comparison.base()).isNull();
    assertThat(comparison.ablated().metric()).isEqualTo("FID");
    assertThat(comparison.ablated().value())
        .isCloseTo(
            FrechetInceptionDistance.distance(pixels.extract(ablated), pixels.extract(base)),
            offset(1e-9));
    assertThat(comparison.ablated().counts()).containsEntry("images", 2048);

    // Two processes measure a part each.
    SubjectMetric.Additive one =
        (SubjectMetric.Additive) fid.begin(subject, "cat", Bootstrap.defaults());
    SubjectMetric.Additive other =
        (SubjectMetric.Additive) fid.begin(subject, "cat", Bootstrap.defaults());
    one.add(new ImageBatch(0, base.subList(0, 900), ablated.subList(0, 900)));
    other.add(new ImageBatch(900, base.subList(900, 2048), ablated.subList(900, 2048)));
    one.add(other.statistics());
    assertThat(one.result().ablated().value()).isEqualTo(comparison.ablated().value());
  }

  // In parts

  private Evaluation everyMetric() {
    CopyDetection copies = new CopyDetection(clip, 0.5);
    return evaluation()
        .metric(SubjectMetric.share("detected", ConceptDetector.clip(clip, "grumpy cat", "cat")))
        .metric(SubjectMetric.memorisation(copies, drawn(CATS, 2)))
        .metric(SubjectMetric.zeroShotAccuracy(clip, List.of("grumpy cat", "cat", "tabby cat")))
        .metric(SubjectMetric.cmmd(clip))
        .metric(SubjectMetric.perceptualDistance(clip))
        .metric(SubjectMetric.pixelChange());
  }

  @Test
  void partsInAnyOrderHaveTheResultOfOneRun() throws IOException {
    Evaluation evaluation = everyMetric();
    List<EvaluationSlice> slices = new ArrayList<>(evaluation.slices(3, model));
    assertThat(slices).contains(new EvaluationSlice(false, 0, 6, 7)).hasSizeGreaterThan(8);
    Collections.shuffle(slices, new Random(5));
    EvaluationPart all = null;
    for (EvaluationSlice slice : slices) {
      EvaluationPart part =
          EvaluationPart.fromBytes(
              evaluation.part(List.of(slice), model, delta, () -> false).toBytes());
      all = all == null ? part : all.merge(part);
    }
    EvaluationResult result = evaluation.result(Objects.requireNonNull(all));
    EvaluationResult alone = run(evaluation);
    assertThat(withoutTime(result)).isEqualTo(withoutTime(alone));
    for (int i = 0; i < alone.subjects().size(); i++) {
      List<ImagePair> shown = alone.subjects().get(i).shown();
      for (int k = 0; k < shown.size(); k++) {
        ImagePair again = result.subjects().get(i).shown().get(k);
        assertThat(pixels(again.ablated())).isEqualTo(pixels(shown.get(k).ablated()));
        assertThat(again.seed()).isEqualTo(shown.get(k).seed());
      }
    }
  }

  private static String withoutTime(EvaluationResult result) {
    return result.toJson().replaceAll("\"seconds\": [^,\n]*", "");
  }

  @Test
  void extractorsAreTriedWhenTheEvaluationIsCutAndNotByEveryPart() throws IOException {
    AtomicInteger images = new AtomicInteger();
    FeatureExtractor counting =
        new FeatureExtractor() {
          @Override
          public ExtractorInfo info() {
            return clip.info();
          }

          @Override
          public FeatureMatrix extract(List<BufferedImage> batch) {
            images.addAndGet(batch.size());
            return clip.extract(batch);
          }
        };
    Evaluation evaluation = evaluation().metrics(SubjectMetric.perceptualDistance(counting));
    List<EvaluationSlice> slices = evaluation.slices(3, model);
    assertThat(images.getAndSet(0)).isPositive();
    EvaluationPart unused = evaluation.part(slices.subList(0, 1), model, delta, () -> false);
    assertThat(unused.toBytes()).isNotEmpty();
    assertThat(images).as("three images before and after").hasValue(2 * 3);
  }

  @Test
  void partsThatDoNotFitAreRefused() throws IOException {
    Evaluation evaluation = evaluation();
    List<EvaluationSlice> slices = evaluation.slices(3, model);
    EvaluationPart first = evaluation.part(slices.subList(0, 1), model, delta, () -> false);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> evaluation.result(first))
        .withMessageContaining("parts must have all 7 images of 'grumpy cat', have 0 to 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> first.merge(first))
        .withMessageContaining("images 0 to 2 of subject 0 are in two");
    try (TinyDiffusion other = TinyDiffusion.open(2);
        WeightDelta another = TinyDelta.of(other, 3)) {
      EvaluationPart ofOther = evaluation.part(slices.subList(1, 2), other, another, () -> false);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> first.merge(ofOther))
          .withMessageContaining("base.");
    }
    SubjectMetric whole =
        new SubjectMetric() {
          @Override
          public String name() {
            return "whole";
          }

          @Override
          public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
            return new Measurement() {
              @Override
              public void add(ImageBatch batch) {}

              @Override
              public Comparison result() {
                throw new IllegalStateException();
              }
            };
          }
        };
    assertThatIllegalArgumentException()
        .isThrownBy(() -> evaluation.metric(whole).slices(3, model))
        .withMessageContaining("metric 'whole' cannot be measured in parts");
    byte[] bytes = first.toBytes();
    for (int length : new int[] {0, 3, 40, bytes.length / 2, bytes.length - 1}) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> EvaluationPart.fromBytes(Arrays.copyOf(bytes, length)));
    }
  }

  private static BufferedImage uniform(int colour) {
    BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, colour);
    return image;
  }

  @Test
  void everySettingStandsInTheResult() throws IOException {
    Map<String, String> settings = run(evaluation()).settings();
    assertThat(settings)
        .containsEntry("base.name", "tiny-1")
        .containsEntry("base.sha256", model.weights().sha256())
        .containsEntry(
            "ablated.applied.sha256",
            delta.applied(model, () -> model.weights().boundSha256()).orElseThrow())
        .containsEntry(
            "sampler",
            "ddim{eta=1.0, setAlphaToOne=false, clipRange=0.0, spacing=leading, stepsOffset=1}")
        .containsEntry("steps", "3")
        .containsEntry("guidanceScale", "6.0")
        .containsEntry("negativePrompt", "")
        .containsEntry("batchSize", "3")
        .containsEntry("seed", "42")
        .containsEntry("images.target", "7")
        .containsEntry("images.anchor", "5")
        .containsEntry("images.neighbour", "4")
        .containsEntry("images.unrelated", "2")
        .containsEntry("metrics", "CLIP score, CLIP accuracy, KID, in-prompt CLIP score")
        .containsEntry("encoder", "tiny")
        .containsEntry("encoder.sha256", "5".repeat(64))
        .containsEntry("bootstrap", "1000 resamples, level 0.95, seed 0");
    assertThat(settings).containsKeys("library", "environment.device");
  }

  @Test
  void progressCountsTheImagesOfBothModels() throws IOException {
    evaluation().run(model, delta, progress::add, () -> false);
    assertThat(progress).extracting(EvaluationProgress::total).containsOnly(44);
    assertThat(progress).extracting(EvaluationProgress::done).isSorted().endsWith(44);
    assertThat(progress.get(0).task()).isEqualTo("evaluation of grumpy cat");
    assertThat(progress.get(0).done()).isEqualTo(3);
  }

  /** No more than a batch goes through an extractor at a time. */
  @Test
  void imagesComeInBatches() throws IOException {
    List<Integer> sizes = new ArrayList<>();
    FeatureExtractor watched =
        extractor(
            new ExtractorInfo("watched", "a".repeat(64), 2),
            images -> {
              sizes.add(images.size());
              return FeatureMatrix.of(new float[images.size()][2]);
            });
    run(evaluation().metric(SubjectMetric.kid(watched)));
    assertThat(sizes).hasSize(2 + 2 * (3 + 2 + 2 + 2 + 1));
    assertThat(sizes).allMatch(size -> size <= 3);
  }

  // Stopping and going on

  private Map<Path, FileTime> files(Path folder) throws IOException {
    Map<Path, FileTime> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        files.put(file, Files.getLastModifiedTime(file));
      }
    }
    return files;
  }

  private static void assertEqual(EvaluationResult one, EvaluationResult other) {
    assertThat(one.settings()).isEqualTo(other.settings());
    assertThat(one.subjects()).hasSameSizeAs(other.subjects());
    for (int i = 0; i < one.subjects().size(); i++) {
      SubjectResult a = one.subjects().get(i);
      SubjectResult b = other.subjects().get(i);
      assertThat(a.subject()).isEqualTo(b.subject());
      assertThat(a.metrics()).isEqualTo(b.metrics());
      assertThat(a.shown()).hasSameSizeAs(b.shown());
      for (int k = 0; k < a.shown().size(); k++) {
        assertThat(pixels(a.shown().get(k).base())).isEqualTo(pixels(b.shown().get(k).base()));
        assertThat(pixels(a.shown().get(k).ablated()))
            .isEqualTo(pixels(b.shown().get(k).ablated()));
      }
    }
  }

  @Test
  void aCancelledEvaluationStopsAndLeavesTheModelAsItWas() {
    for (int stop : new int[] {0, 1, 2, 5, 20}) {
      AtomicInteger asked = new AtomicInteger();
      assertThatExceptionOfType(CancellationException.class)
          .isThrownBy(() ->
              evaluation().run(model, delta, progress::add, () -> asked.getAndIncrement() >= stop));
      assertThat(model.weights().boundSha256()).isEmpty();
    }
  }

  @Test
  void anInterruptEndsItToo() {
    Thread.currentThread().interrupt();
    assertThatExceptionOfType(CancellationException.class).isThrownBy(() -> run(evaluation()));
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void anInterruptedEvaluationGoesOnToTheSameResult() throws IOException {
    Path folder = temporary.resolve("images");
    EvaluationResult expected = run(evaluation());
    AtomicInteger asked = new AtomicInteger();
    assertThatExceptionOfType(CancellationException.class)
        .isThrownBy(() ->
            evaluation()
                .keptIn(folder)
                .run(model, delta, progress::add, () -> asked.incrementAndGet() > 30));
    Map<Path, FileTime> before = files(folder);
    assertThat(before).isNotEmpty().hasSizeLessThan(44);

    assertEqual(run(evaluation().keptIn(folder)), expected);
    assertThat(files(folder)).hasSize(44).containsAllEntriesOf(before);
  }

  @Test
  void whatIsKeptIsNotDrawnAgain() throws IOException {
    Path folder = temporary.resolve("images");
    EvaluationResult expected = run(evaluation().keptIn(folder));
    AtomicInteger asked = new AtomicInteger();
    EvaluationResult again =
        evaluation()
            .keptIn(folder)
            .run(
                model,
                delta,
                progress::add,
                () -> {
                  asked.incrementAndGet();
                  return false;
                });
    assertEqual(again, expected);
    // The sampler, which asks before each of its steps, was never called.
    assertThat(asked.get()).isEqualTo(2 * (3 + 2 + 2 + 2 + 1) + 5);
  }

  @Test
  void aDamagedImageIsDrawnAgain() throws IOException {
    Path folder = temporary.resolve("images");
    EvaluationResult expected = run(evaluation().keptIn(folder));
    Path damaged = files(folder).keySet().iterator().next();
    byte[] whole = Files.readAllBytes(damaged);
    Files.write(damaged, new byte[] {1, 2, 3});
    assertEqual(run(evaluation().keptIn(folder)), expected);
    assertThat(Files.readAllBytes(damaged)).isEqualTo(whole);
  }

  @Test
  void evaluationsOfOneBaseShareItsImages() throws IOException {
    Path folder = temporary.resolve("images");
    Evaluation small =
        evaluation().withoutNeighbours().protocol(p -> p.images(2, 2, 2, 2)).keptIn(folder);
    run(small);
    Map<Path, FileTime> before = files(folder);
    assertThat(before).hasSize(12);
    try (WeightDelta half = delta.scaledBy(0.5)) {
      small.run(model, half);
    }
    assertThat(files(folder)).hasSize(12 + 6).containsAllEntriesOf(before);
    run(small.protocol(p -> p.seed(50)));
    assertThat(files(folder)).hasSize(12 + 6 + 12);
  }

  // What it refuses

  private void assertRefused(Evaluation evaluation, String... messages) {
    assertThat(evaluation.check(model)).containsExactly(messages);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> evaluation.run(model, delta, progress::add, () -> false))
        .withMessageContainingAll(messages);
    assertThat(progress).isEmpty(); // nothing was drawn
  }

  @Test
  void anEvaluationNeedsATarget() {
    assertRefused(Evaluation.with(clip).neighbours("Monet"), "an evaluation must have a target");
  }

  @Test
  void neighboursMissOnlyOnPurpose() throws IOException {
    Evaluation without =
        Evaluation.with(clip).target(Concept.instance("grumpy cat"), "cat", CATS).protocol(SMALL);
    assertRefused(
        without,
        "neighbours must not be empty, since they are the first to show damage; add"
            + " some, which NeighbourSearch finds, or call withoutNeighbours()");
    assertThat(run(without.withoutNeighbours()).subjects()).hasSize(2);
    assertThat(evaluation().withoutNeighbours().subjects()).hasSize(3);
  }

  @Test
  void everythingWrongIsToldAtOnce() {
    assertRefused(
        evaluation()
            .neighbours("Grumpy Cat")
            .protocol(p -> p.images(1, 2, 2, 2).sampling(SAMPLING.steps(101)))
            .metric(SubjectMetric.fid(clip).onlyOf(Role.ANCHOR))
            .metric(SubjectMetric.zeroShotAccuracy(clip, List.of("dog", "bus"))),
        "subjects must differ, but 'Grumpy Cat' is target and neighbour",
        "KID needs at least 2 images of 'grumpy cat', but the protocol has 1",
        "FID needs at least 2048 images of 'cat', but the protocol has 2",
        "zero-shot accuracy: no subject is among the labels [dog, bus]",
        "sampler ddim does not work with model 'tiny-1': steps must be at most the schedule's 100,"
            + " was 101");
  }

  @Test
  void aPromptThatDoesNotNameTheAnchorIsRefused() {
    assertThat(evaluation().heldOutPrompts(List.of("a dog")).check(model))
        .hasSize(3)
        .allMatch(problem -> problem.contains("'cat'") && problem.contains("'a dog'"));
  }

  @Test
  void heldOutPromptsAreForOneTarget() {
    assertRefused(
        evaluation()
            .target(Concept.style("Monet"), "painting", List.of("a boat"))
            .heldOutPrompts(List.of("a cat")),
        "held-out prompts need a single target, but there are several; give each its own prompts");
  }

  @Test
  void aNameIsNoNeighbourOfAMemorizedImage() {
    Evaluation memorized =
        Evaluation.with(clip)
            .target(Concept.memorized("the caption"), "wordings", List.of("a wording"))
            .protocol(SMALL);
    assertRefused(
        memorized.neighbours("another"),
        "neighbour 'another': needs its own prompts, since the name 'another' alone"
            + " does not define a concept of the kind of memorized image 'the caption'");
    assertThat(memorized.neighbour("another", List.of("a caption")).check(model)).isEmpty();
  }

  @Test
  void aModelThatCannotDecodeIsRefused() {
    model.without(LatentCodec.class);
    assertRefused(
        evaluation(), "model 'tiny-1' has no LatentCodec, which is needed to generate images");
  }

  @Test
  void aDeltaOfAnotherModelIsRefused() {
    try (TinyDiffusion other = TinyDiffusion.open(2)) {
      assertThatExceptionOfType(DeltaMismatchException.class)
          .isThrownBy(() -> evaluation().run(other, delta, progress::add, () -> false));
      assertThat(progress).isEmpty();
    }
  }

  private static FeatureExtractor extractor(
      ExtractorInfo info, Function<List<BufferedImage>, FeatureMatrix> extract) {
    return new FeatureExtractor() {
      @Override
      public ExtractorInfo info() {
        return info;
      }

      @Override
      public FeatureMatrix extract(List<BufferedImage> images) {
        return extract.apply(images);
      }
    };
  }

  @Test
  void anExtractorWithTheWrongOutputIsFoundBeforeAnythingIsDrawn() {
    ExtractorInfo info = new ExtractorInfo("odd", "b".repeat(64), 4);
    assertRefused(
        evaluation()
            .metric(SubjectMetric.kid(extractor(info, p -> FeatureMatrix.of(new float[1][5])))),
        "extractor 'odd' must return 4 features for each of 1 images, returned 1 rows of 5");
    assertRefused(
        evaluation()
            .metric(SubjectMetric.kid(extractor(info, p -> FeatureMatrix.of(new float[2][4])))),
        "extractor 'odd' must return 4 features for each of 1 images, returned 2 rows of 4");
    assertRefused(
        evaluation()
            .metric(
                SubjectMetric.cmmd(
                    extractor(info, p -> FeatureMatrix.of(new float[][] {{1, 2, 3, Float.NaN}})),
                    ClipMmd.defaults()))
            // The same extractor is told once, whoever asks it.
            .metric(
                SubjectMetric.kid(
                    extractor(info, p -> FeatureMatrix.of(new float[][] {{1, 2, 3, Float.NaN}})))),
        "extractor 'odd' cannot use an image of 12 x 8: features must be finite, was NaN in row"
            + " 0");
  }

  @Test
  void aDetectorWithTheWrongOutputIsFoundBeforeAnythingIsDrawn() {
    assertRefused(
        evaluation().metric(SubjectMetric.share("odd", detector(new double[] {1, 0}))),
        "detector 'odd' must give one answer for each of 1 images, gave 2");
    assertRefused(
        evaluation().metric(SubjectMetric.share("odd", detector(new double[] {0.5}))),
        "detector 'odd' must answer 0 or 1, answered 0.5");
  }

  private static ConceptDetector detector(double[] answers) {
    return new ConceptDetector() {
      @Override
      public String name() {
        return "odd";
      }

      @Override
      public FeatureExtractor extractor() {
        return new PooledPixels(1);
      }

      @Override
      public double[] shows(FeatureMatrix features) {
        return answers;
      }
    };
  }

  @Test
  void badValuesFailAtTheCall() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Protocol.paper().images(0, 1, 1, 1))
        .withMessage("targetImages must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Protocol.paper().shown(-1))
        .withMessage("shown must not be negative, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> Evaluation.with(clip).target(Concept.instance("Cat"), "cat", List.of("a cat")))
        .withMessageContaining("anchor must differ from the target");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Evaluation.with(clip).target(Concept.instance("tabby"), "cat", List.of()))
        .withMessage("anchor prompts of instance 'tabby' must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> evaluation().neighbours(" "))
        .withMessage("name of a neighbour must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SubjectMetric.zeroShotAccuracy(clip, List.of("cat")))
        .withMessage("labels must be at least 2 to choose from, were [cat]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SubjectMetric.zeroShotAccuracy(clip, List.of("cat", "Cat ")))
        .withMessage("labels must differ, were [cat, Cat ]");
    BufferedImage one = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ImageBatch(0, List.of(one), List.of(one, one)))
        .withMessage("there must be as many base images as ablated images, were 1 and 2");
  }

  // Detectors

  @Test
  void detectorsTellWhatAnImageShows() {
    List<BufferedImage> images = drawn(CATS, 6);
    FeatureMatrix features = clip.extract(images);
    List<String> texts = List.of("a cat", "a dog", "a bus");
    ConceptDetector zeroShot = ConceptDetector.zeroShot(clip, texts, 1);
    double hits = Arrays.stream(zeroShot.shows(images)).sum();
    assertThat(hits / 6)
        .isEqualTo(
            new ClipScore(clip, Bootstrap.defaults())
                .zeroShotAccuracy(features, texts, new int[] {1, 1, 1, 1, 1, 1})
                .value());
    assertThat(zeroShot.name()).isEqualTo("'a dog' among [a cat, a dog, a bus]");
    assertThat(SubjectMetric.shareOf("dogs", zeroShot, features).value()).isEqualTo(hits / 6);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ConceptDetector.zeroShot(clip, texts, 3))
        .withMessage("concept must be the index of one of 3 texts, was 3");

    ConceptDetector copies =
        ConceptDetector.copying(
            new CopyDetection(new PooledPixels(4), 0.999), images.subList(2, 3));
    assertThat(copies.shows(images)).containsExactly(0, 0, 1, 0, 0, 0);
    assertThat(copies.name()).isEqualTo("copies of 1 images, cosine above 0.999");
    assertThat(ConceptDetector.clip(clip, "van gogh", "painting").name())
        .isEqualTo("'A photo depicts van gogh style' rather than 'A photo depicts painting'");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ConceptDetector.clip(clip, "cat", "cat"))
        .withMessageContaining("texts must differ");
  }

  /** As in the paper's accuracy, negative cosines are equal. */
  @Test
  void aTieIsNoPreference() {
    TextImageEncoder signs =
        new TextImageEncoder() {
          @Override
          public ExtractorInfo info() {
            return new ExtractorInfo("signs", "d".repeat(64), 2);
          }

          @Override
          public FeatureMatrix extract(List<BufferedImage> images) {
            throw new AssertionError();
          }

          @Override
          public FeatureMatrix encode(List<String> texts) {
            return FeatureMatrix.of(new float[][] {{1, 0}, {0, 1}});
          }

          @Override
          public double logitScale() {
            return 1;
          }
        };
    ConceptDetector detector = ConceptDetector.preferring(signs, "one", "other");
    FeatureMatrix images =
        FeatureMatrix.of(new float[][] {{2, 1}, {1, 2}, {-1, -2}, {1, 1}, {-2, -1}});
    assertThat(detector.shows(images)).containsExactly(1, 0, 0, 0, 0);
  }

  // Attempts to bring the target back

  private static Attack attempt(String name, boolean possible) {
    return new Attack() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public void check(DiffusionModel model) {
        Preconditions.checkArgument(possible, "%s cannot draw it", model.descriptor().name());
      }

      @Override
      public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
        assertThat(models.base().weights().boundSha256()).isEmpty();
        MetricResult value =
            MetricResult.of("share", 0.5, new TinyEncoder().info()).unit(Unit.SHARE);
        return new AttackResult(
            "test", name, Map.of(), new Comparison(value, value), List.of(), Duration.ZERO);
      }
    };
  }

  @Test
  void attemptsAreMadeAfterTheImages() throws IOException {
    EvaluationResult result =
        evaluation()
            .attacks(List.of(attempt("first", true), attempt("second", true)))
            .run(model, delta, progress::add, () -> false);
    assertThat(result.attacks()).extracting(AttackResult::name).containsExactly("first", "second");
    assertThat(progress)
        .endsWith(new EvaluationProgress("first", 1, 2), new EvaluationProgress("second", 2, 2));
  }

  @Test
  void theControlIsNamedAndMustBeAnotherModelOfTheSameSize() throws IOException {
    assertRefused(
        evaluation().attacks(List.of(attempt("first", true))).control(model),
        "control cannot run: control must be another model than the base model, was 'tiny-1'"
            + " itself");
    try (TinyDiffusion control = TinyDiffusion.open(7)) {
      EvaluationResult result =
          evaluation()
              .attacks(List.of(attempt("first", true)))
              .control(control)
              .run(model, delta, progress::add, () -> false);
      assertThat(result.settings())
          .containsEntry("control.name", "tiny-7")
          .containsEntry("control.sha256", control.weights().sha256());
    }
  }

  @Test
  void anImpossibleAttemptIsRefusedBeforeAnythingIsDrawn() {
    assertRefused(
        evaluation().attacks(List.of(attempt("first", false))),
        "attack 'first' cannot run: tiny-1 cannot draw it");
  }

  @Test
  void metricsCanBeReplaced() throws IOException {
    EvaluationResult result =
        run(
            evaluation()
                .metrics(SubjectMetric.cmmd(clip))
                .unrelated("buses", List.of("a bus"))
                .withoutNeighbours());
    assertThat(result.subjects())
        .extracting(each -> each.subject().name())
        .containsExactly("grumpy cat", "cat", "unrelated prompts", "buses");
    assertThat(result.subjects())
        .allSatisfy(each ->
            assertThat(each.metrics()).extracting(Comparison::metric).containsExactly("CMMD"));
  }
}
