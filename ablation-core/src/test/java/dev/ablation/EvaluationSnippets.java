package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.AttackTarget;
import dev.ablation.attack.Attacks;
import dev.ablation.attack.EmbeddingAttack;
import dev.ablation.attack.InversionBudget;
import dev.ablation.attack.NoiseAttack;
import dev.ablation.attack.SdEditAttack;
import dev.ablation.attack.TextualInversion;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.PromptPair;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.evaluation.ErasureEarlyStopping.Watched;
import dev.ablation.evaluation.ErasureScore;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationPart;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.EvaluationSlice;
import dev.ablation.evaluation.ImageBatch;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.evaluation.NeighbourSearch;
import dev.ablation.evaluation.Protocol;
import dev.ablation.evaluation.PublishedEvaluation;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.PooledPixels;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.metric.Unit;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The examples of how to evaluate, each inside of a test. {@link EvaluationSnippetsTest} runs them.
 */
class EvaluationSnippets {
  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final TextImageEncoder clip = new TinyEncoder();

  private final List<String> log = new ArrayList<>();

  @TempDir private Path folder;

  @AfterEach
  void close() {
    model.close();
  }

  private static Protocol small(Protocol protocol) {
    return protocol.images(4, 4, 4, 3).sampling(new SamplingSettings(Sampler.ddim(1), 2, 6, "", 3));
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting", List.of("a painting of a boat"))
                .images(2)
                .sampling(SamplingSettings.defaults().steps(2)))
        .training(t -> t.steps(2).batchSize(2));
  }

  @Test
  void evaluate() throws IOException {
    List<String> captions = List.of("a dog on a lawn", "a red bus", "a bowl of soup");
    // @start region="evaluate"
    Evaluation evaluation =
        Evaluation.with(clip).neighbours("Monet", "Salvador Dali").unrelated(captions);
    Ablation plan =
        Ablator.of(model).target(Concept.style("Van Gogh")).anchor("painting").evaluate(evaluation);
    // @end
    assertThat(plan.check()).isEmpty();
    plan = plan().evaluate(evaluation.protocol(EvaluationSnippets::small));
    EvaluationResult found;
    // @start region="evaluation-result"
    try (AblationResult result = plan.run()) {
      found = result.evaluation().orElseThrow();
      String table = found.toString(); // one line per metric and subject
      Comparison score = found.of(Role.TARGET).get(0).metrics().get(0); // the CLIP score
      double after = score.ablated().value();
      found.write(folder.resolve("evaluation.json"));
    }
    // @end
    assertThat(found.of(Role.NEIGHBOUR)).hasSize(2);
    assertThat(EvaluationResult.read(folder.resolve("evaluation.json")).settings())
        .isEqualTo(found.settings());
    assertThat(found.of(Role.TARGET).get(0).metrics()).hasSize(4);
    assertThat(found.toString()).contains("CLIP accuracy");
  }

  @Test
  void evaluateInParts() throws IOException {
    Evaluation evaluation =
        Evaluation.with(clip)
            .target(Concept.style("Van Gogh"), "painting", List.of("a painting of a harbour"))
            .neighbours("Monet")
            .protocol(EvaluationSnippets::small);
    try (AblationResult trained = plan().run()) {
      WeightDelta delta = trained.delta();
      EvaluationPart all = null;
      // @start region="evaluation-parts"
      for (EvaluationSlice slice : evaluation.slices(64, model)) { // each in another process
        EvaluationPart part = evaluation.part(List.of(slice), model, delta, () -> false);
        all = all == null ? part : all.merge(part);
      }
      EvaluationResult result = evaluation.result(all);
      // @end
      assertThat(result.of(Role.NEIGHBOUR)).hasSize(1);
    }
  }

  @Test
  void evaluateADelta() throws IOException {
    Path file = folder.resolve("delta.safetensors");
    try (AblationResult result = plan().run()) {
      result.delta().save(file);
    }
    List<String> heldOut = List.of("a painting of a harbour", "a painting of a field");
    // @start region="evaluate-delta"
    Evaluation evaluation =
        Evaluation.with(clip)
            .target(Concept.style("Van Gogh"), "painting", heldOut)
            .neighbours("Monet", "Salvador Dali")
            .keptIn(folder.resolve("images"));
    // @end
    evaluation = evaluation.protocol(EvaluationSnippets::small);
    EvaluationResult found;
    // @start region="run-delta"
    try (WeightDelta delta = WeightDelta.load(file, model.manager())) {
      found = evaluation.run(model, delta);
    }
    // @end
    assertThat(found.subjects()).hasSize(4);
  }

  @Test
  void protocol() {
    Evaluation evaluation = Evaluation.with(clip);
    // @start region="protocol"
    Protocol protocol =
        Protocol.paper() // 200, 200 and 50 images, DDIM with eta 1, 50 steps, guidance 6
            .images(50, 50, 20, 50)
            .sampling(SamplingSettings.defaults())
            .seed(7);
    evaluation = evaluation.protocol(protocol);
    // @end
    assertThat(evaluation.protocol().neighbourImages()).isEqualTo(20);
  }

  @Test
  void furtherMetrics() throws IOException {
    FeatureExtractor lpips = new PooledPixels();
    BufferedImage memorised = LatentSampler.of(model).draw(List.of("x"), 1).get(0);
    FeatureExtractor sscd = new PooledPixels(8);
    Evaluation evaluation = Evaluation.with(clip).neighbours("Monet", "Salvador Dali");
    // @start region="further-metrics"
    CopyDetection copies = new CopyDetection(sscd, CopyDetection.SSCD_THRESHOLD);
    evaluation =
        evaluation
            .metric(SubjectMetric.perceptualDistance(lpips))
            .metric(
                SubjectMetric.zeroShotAccuracy(clip, List.of("Van Gogh", "Monet", "Salvador Dali")))
            .metric(SubjectMetric.memorisation(copies, List.of(memorised)).onlyOf(Role.TARGET));
    // @end
    try (AblationResult result =
        plan().evaluate(evaluation.protocol(EvaluationSnippets::small)).run()) {
      assertThat(result.evaluation().orElseThrow().subjects().get(0).metrics())
          .extracting(Comparison::metric)
          .containsExactly(
              "CLIP score",
              "CLIP accuracy",
              "KID",
              "in-prompt CLIP score",
              "perceptual distance",
              "zero-shot accuracy",
              "memorisation percentage");
    }
  }

  @Test
  void published() throws IOException {
    Path assets = folder;
    Files.writeString(
        assets.resolve("eval.json"),
        "{\"object\": {\"grumpy cat\": {\"target\": \"grumpy cat\", \"anchor\": \"cat\","
            + " \"hard_negative\": [\"persian cat\"]}}}");
    Files.createDirectory(assets.resolve("eval_prompts"));
    Files.writeString(assets.resolve("eval_prompts/cat_eval.txt"), "a cat\ntwo cats\n");
    List<Evaluation> evaluations = new ArrayList<>();
    // @start region="published"
    for (PublishedEvaluation entry : PublishedEvaluation.read(assets.resolve("eval.json"))) {
      evaluations.add(entry.evaluation(clip, assets.resolve("eval_prompts")));
    }
    // @end
    assertThat(evaluations)
        .singleElement()
        .satisfies(evaluation -> {
          assertThat(evaluation.check(model)).isEmpty();
          assertThat(evaluation.subjects().get(0).prompts()).contains("two grumpy cats");
        });
  }

  @Test
  void attacks() {
    ConceptDetector vanGogh = ConceptDetector.clip(clip, "Van Gogh", "painting");
    List<String> prompts = List.of("a harbour, in the style of Van Gogh");
    SamplingSettings sampling = new SamplingSettings(Sampler.ddim(), 2, 6, "", 4);
    List<BufferedImage> originals = LatentSampler.of(model).settings(sampling).draw(prompts, 1);
    // @start region="attacks"
    AttackSettings trial = new AttackSettings(vanGogh, sampling, 50, 42);
    List<Attack> attacks = new ArrayList<>();
    attacks.addAll(WordingAttack.of("Van Gogh", prompts, trial)); // misspelled, other case, split
    attacks.add(
        WordingAttack.replacing(
            "translated", "Van Gogh", prompts, List.of("Винсент Ван Гог"), trial));
    attacks.add(
        new EmbeddingAttack(
            List.of(new PromptPair("a harbour", "a harbour by Van Gogh")),
            List.of("a painting of a bridge"),
            0.9,
            trial));
    for (double start : new double[] {0.3, 0.5, 0.7}) {
      attacks.add(new SdEditAttack(originals, start, List.of("a painting"), trial));
    }
    attacks.add(new NoiseAttack(1.5, prompts, trial));
    attacks.add(
        TextualInversion.of(
            originals,
            "sks",
            "art",
            List.of("a painting in the style of {}"),
            InversionBudget.published(),
            trial));
    Evaluation evaluation = Evaluation.with(clip).withoutNeighbours().attacks(attacks);
    // @end
    assertThat(evaluation.attacks()).hasSize(10).allSatisfy(each -> each.check(model));
  }

  @Test
  void attackPresets() {
    ConceptDetector vanGogh = ConceptDetector.clip(clip, "Van Gogh", "painting");
    SamplingSettings sampling = new SamplingSettings(Sampler.ddim(), 2, 6, "", 4);
    AttackSettings trial = new AttackSettings(vanGogh, sampling, 24, 42);
    // @start region="attack-presets"
    AttackTarget target =
        AttackTarget.of(
            new TargetAnchor(Concept.style("Van Gogh"), AnchorStrategy.generated("painting")));
    Attacks attacks = Attacks.quick(model, target, trial); // or full: the published budgets
    Evaluation evaluation =
        Evaluation.with(clip)
            .neighbours("Monet")
            .attacks(attacks.attacks())
            .attacksLeftOut(attacks.leftOut()); // told in the result
    AttackCost cost = attacks.cost(model, 2); // on two models; three with a control
    // @end
    assertThat(evaluation.attacks()).hasSize(7).allSatisfy(each -> each.check(model));
    assertThat(evaluation.attacksLeftOut()).isEmpty();
    assertThat(cost.gradientPasses()).isEqualTo(2 * 300 * 8);
  }

  @Test
  void report() throws IOException {
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor(AnchorStrategy.generated("painting").images(2).sampling(few()))
            .training(t -> t.steps(2).batchSize(2))
            .evaluate(Evaluation.with(clip).neighbours("Monet").protocol(p -> small(p)));
    Path page = folder.resolve("van-gogh.html");
    // @start region="report"
    try (AblationResult result = plan.run()) {
      result.report(page); // also writes van-gogh.json
    }
    // @end
    assertThat(page).isRegularFile();
    assertThat(folder.resolve("van-gogh.json")).content().contains("dev.ablation.report/1");
  }

  private static SamplingSettings few() {
    return new SamplingSettings(Sampler.ddim(), 2, 6, "", 4);
  }

  @Test
  void measuredStopping() {
    ConceptDetector vanGogh = ConceptDetector.clip(clip, "Van Gogh", "painting");
    ConceptDetector monet = ConceptDetector.preferring(clip, "a Monet", "a painting");
    SamplingSettings few = new SamplingSettings(Sampler.ddim(), 2, 6, "", 4);
    // @start region="measured-stopping"
    ErasureEarlyStopping stopping =
        ErasureEarlyStopping.of(
                new Watched(List.of("a harbour, Van Gogh", "a bridge, Van Gogh"), vanGogh),
                List.of("a painting of a harbour", "a painting of a bridge"),
                List.of(new Watched(List.of("a harbour, Monet", "a bridge, Monet"), monet)),
                few)
            .every(40);
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor("painting")
            .training(t -> t.steps(400).monitor(stopping));
    // @end
    assertThat(plan.settings().get("training.monitors")).contains("at every 40 steps");
  }

  @Test
  void detectors() {
    List<BufferedImage> images = LatentSampler.of(model).draw(List.of("a", "b"), 1);
    // @start region="detector"
    ConceptDetector detector = ConceptDetector.clip(clip, "van gogh", "painting");
    double[] found = detector.shows(images); // 1 for an image that shows the style, else 0
    // @end
    assertThat(found).hasSize(2);
  }

  @Test
  void aliasesAndTheRestOfThePrompt() throws IOException {
    // @start region="aliases"
    Concept vanGogh = Concept.style("Van Gogh").alsoNamed("Vincent van Gogh", "\u68b5\u9ad8");
    Evaluation evaluation =
        Evaluation.with(clip)
            .target(vanGogh, "painting", List.of("a painting of a boat", "a painting of a field"))
            .inPrompt("a bicycle") // "a bicycle, in the style of Van Gogh"
            .neighbours("Monet");
    // @end
    ConceptDetector boats = ConceptDetector.preferring(clip, "a boat", "a field");
    // @start region="in-prompt"
    Map<String, ConceptDetector> rests = Map.of("a painting of a boat", boats);
    SubjectMetric retained =
        SubjectMetric.inPromptShare(rest -> Optional.ofNullable(rests.get(rest)));
    // @end
    assertThat(evaluation.subjects())
        .extracting(subject -> subject.role() + " " + subject.name())
        .containsExactly(
            "TARGET Van Gogh",
            "ALIAS Vincent van Gogh",
            "ALIAS \u68b5\u9ad8",
            "ANCHOR painting",
            "NEIGHBOUR Monet",
            "IN_PROMPT Van Gogh and a bicycle");
    assertThat(evaluation.subjects().get(0)).matches(subject -> !retained.measures(subject));
    evaluation = evaluation.protocol(EvaluationSnippets::small);
    EvaluationResult found;
    try (WeightDelta delta = TinyDelta.of(model, 3)) {
      found = evaluation.run(model, delta);
    }
    // @start region="score"
    ErasureScore score = found.score().orElseThrow();
    double one = score.value(); // the harmonic mean of the parts
    double erasure = score.parts().get(ErasureScore.Part.ERASURE);
    List<ErasureScore.Part> unknown = score.missing();
    // @end
    assertThat(one).isBetween(0.0, 1.0);
    assertThat(erasure).isBetween(0.0, 1.0);
    assertThat(unknown).contains(ErasureScore.Part.UNRELATED, ErasureScore.Part.QUALITY);
    assertThat(score.parts()).containsKey(ErasureScore.Part.IN_PROMPT);
  }

  @Test
  void nearest() throws IOException {
    SamplingSettings sampling = SamplingSettings.defaults().steps(2);
    AnchorStrategy painting =
        AnchorStrategy.generated("painting", List.of("a painting of a boat", "a painting"));
    // @start region="nearest"
    Concept vanGogh = Concept.style("Van Gogh");
    List<NearConcept> found =
        NeighbourSearch.builtIn(ConceptKind.STYLE) // or among(List.of("Monet", ...))
            .texts(clip)
            .images(clip, 4, sampling)
            .shortList(6)
            .find(model, vanGogh, painting);
    found.forEach(near -> log.add(near.name() + ": " + near.words()));
    Evaluation evaluation = Evaluation.with(clip).neighbours(found.subList(0, 4));
    // @end
    assertThat(log).hasSize(6).allMatch(line -> line.contains(" by images (tiny)"));
    assertThat(evaluation.foundNeighbours()).isEqualTo(found.subList(0, 4));
    try (AblationResult result =
        plan().evaluate(evaluation.protocol(EvaluationSnippets::small)).run()) {
      assertThat(result.evaluation().orElseThrow().settings())
          .containsEntry("neighbour." + found.get(0).name(), found.get(0).words());
    }
  }

  @Test
  void withoutEncoder() throws IOException {
    ConceptDetector vanGogh = ConceptDetector.clip(clip, "Van Gogh", "painting");
    // @start region="evaluate-without-encoder"
    Evaluation evaluation =
        Evaluation.of(SubjectMetric.pixelChange()).neighbours("Monet", "Salvador Dali");
    // @end
    // @start region="share-of-subjects"
    Map<String, ConceptDetector> detectors = Map.of("Van Gogh", vanGogh);
    SubjectMetric drawn =
        SubjectMetric.shareOfSubjects(
            "drawn as named", subject -> Optional.ofNullable(detectors.get(subject.name())));
    // @end
    try (AblationResult result =
        plan().evaluate(evaluation.metric(drawn).protocol(EvaluationSnippets::small)).run()) {
      EvaluationResult found = result.evaluation().orElseThrow();
      assertThat(found.settings()).doesNotContainKey("encoder");
      assertThat(found.of(Role.TARGET).get(0).metrics())
          .extracting(Comparison::metric)
          .containsExactly("mean squared change", "drawn as named");
      assertThat(found.of(Role.NEIGHBOUR).get(0).metrics())
          .extracting(Comparison::metric)
          .containsExactly("mean squared change");
    }
  }

  // @start region="own-metric"
  /** The mean brightness of images, 0..255. */
  record Brightness() implements SubjectMetric {
    @Override
    public String name() {
      return "brightness";
    }

    @Override
    public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
      List<Double> before = new ArrayList<>();
      List<Double> after = new ArrayList<>();
      return new Measurement() {
        @Override
        public void add(ImageBatch batch) {
          batch.base().forEach(image -> before.add(of(image)));
          batch.ablated().forEach(image -> after.add(of(image)));
        }

        @Override
        public Comparison result() {
          return new Comparison(mean(before), mean(after));
        }
      };
    }

    private MetricResult mean(List<Double> values) {
      double mean = values.stream().mapToDouble(v -> v).average().orElseThrow();
      ExtractorInfo pixels = new ExtractorInfo("pixels", "0".repeat(64), 1);
      return MetricResult.of(name(), mean, pixels)
          .counts(Map.of("images", values.size()))
          .unit(Unit.NUMBER); // Unit.SHARE is shown in percent
    }

    private static double of(BufferedImage image) {
      int pixels = image.getWidth() * image.getHeight();
      double sum = 0;
      for (int i = 0; i < pixels; i++) {
        int rgb = image.getRGB(i % image.getWidth(), i / image.getWidth());
        sum += ((rgb >> 16 & 255) + (rgb >> 8 & 255) + (rgb & 255)) / 3.0;
      }
      return sum / pixels;
    }
  }

  // @end

  @Test
  void ownMetric() {
    Evaluation evaluation = Evaluation.with(clip).neighbours("Monet").metric(new Brightness());
    try (AblationResult result =
        plan().evaluate(evaluation.protocol(EvaluationSnippets::small)).run()) {
      Comparison brightness =
          result.evaluation().orElseThrow().of(Role.TARGET).get(0).metrics().get(3);
      assertThat(brightness.ablated().value()).isBetween(1.0, 254.0);
    }
  }
}
