package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorDefaults;
import dev.ablation.anchor.AnchorJudge;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.anchor.PromptRequest;
import dev.ablation.anchor.PromptSource;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.augment.Augmentation;
import dev.ablation.augment.AugmentedImage;
import dev.ablation.augment.Canvas;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.MemorizedImage;
import dev.ablation.concept.Preservation;
import dev.ablation.concept.PromptPair;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.event.AblationListener;
import dev.ablation.image.ImageFile;
import dev.ablation.image.ImageTransform;
import dev.ablation.image.Resampling;
import dev.ablation.listener.CsvLog;
import dev.ablation.listener.JsonLinesLog;
import dev.ablation.listener.SampleImages;
import dev.ablation.memorized.MemorizationPercentage;
import dev.ablation.memorized.MemorizationSurvey;
import dev.ablation.memorized.SurveyResult;
import dev.ablation.memorized.SurveyRules;
import dev.ablation.memory.MemoryUse;
import dev.ablation.memory.PeakMemory;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ClipScore;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.CopyScores;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.FeatureStatistics;
import dev.ablation.metric.FrechetInceptionDistance;
import dev.ablation.metric.ImageSource;
import dev.ablation.metric.KernelInceptionDistance;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.PerceptualDistance;
import dev.ablation.metric.PooledPixels;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.Lora;
import dev.ablation.model.ModelViews;
import dev.ablation.model.Optimizer;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.PromptTokenizer.Tokens;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplerRun;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import dev.ablation.serve.DrawRequest;
import dev.ablation.serve.ModelPool;
import dev.ablation.serve.PoolSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.ModelMetric;
import dev.ablation.train.MonitorDecision;
import dev.ablation.train.Preset;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainerRequirements;
import dev.ablation.train.TrainingMonitor;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingProgress;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of this module's Javadoc, each inside of a test. {@link SnippetsTest} runs them. */
class Snippets {
  @TempDir Path folder;

  private final DiffusionModel model = TinyDiffusion.open(7);

  @AfterEach
  void closeModel() {
    model.close();
  }

  /** Few images and steps, so that a run takes a moment. */
  private static Ablation quick(Ablation plan) {
    return plan.training(t -> t.steps(2).batchSize(2).learningRate(0.01));
  }

  private static GeneratedAnchors few(String name) {
    return AnchorStrategy.generated(name).images(2).sampling(SamplingSettings.defaults().steps(2));
  }

  private AblationResult trained() {
    return quick(Ablator.of(model).target("grumpy cat").anchor(few("cat"))).run();
  }

  // The way in

  @Test
  void oneLine() throws IOException {
    Path file = folder.resolve("without-grumpy-cat.safetensors");
    // @start region="one-line"
    try (AblationResult result = Ablator.of(model).target("grumpy cat").anchor("cat").run()) {
      result.delta().save(file);
    }
    // @end
    assertThat(file).isRegularFile();
  }

  @Test
  void result() {
    try (AblationResult result = trained()) {
      // @start region="result"
      WeightDelta delta = result.delta(); // what was learned; the model itself is unchanged
      double lastLoss = result.history().get(result.history().size() - 1).loss();
      Map<String, String> settings = result.provenance().settings();
      // @end
      assertThat(delta.names()).containsExactly("network.key", "network.value");
      assertThat(lastLoss).isFinite();
      assertThat(settings).containsEntry("anchor.name", "cat");
    }
  }

  private Ablation small() {
    return Ablator.of(model).target("grumpy cat").anchor(few("cat"));
  }

  @Test
  void plan() {
    List<Double> losses = new ArrayList<>();
    // @start region="plan"
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor(
                AnchorStrategy.generated("painting", List.of("painting of a boat", "painting"))
                    .images(4)
                    .sampling(SamplingSettings.defaults().steps(2)))
            .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
            .weights(WeightGroup.crossAttentionKeyValue())
            .training(t -> t.steps(3).batchSize(2).learningRate(1e-3))
            .seed(42)
            .listener(event -> {
              if (event instanceof AblationEvent.StepCompleted step) {
                losses.add(step.loss());
              }
            });
    for (long seed = 1; seed <= 2; seed++) {
      try (AblationResult result = plan.seed(seed).run()) { // the plan itself keeps seed 42
        assertThat(result.provenance().settings()).containsEntry("seed", Long.toString(seed));
      }
    }
    // @end
    assertThat(plan.settings()).containsEntry("seed", "42");
    assertThat(losses).hasSize(6);
  }

  @Test
  void severalTargets() {
    // @start region="several-targets"
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor("painting")
            .andTarget(Concept.style("Monet"))
            .anchor("painting") // same anchor: its images are drawn once
            .andTarget("grumpy cat")
            .anchor(AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats")));
    List<TargetAnchor> pairs = plan.pairs();
    // @end
    assertThat(pairs).extracting(pair -> pair.anchor().name()).contains("painting", "cat");
    assertThat(plan.settings())
        .containsEntry("pair.1.target", "style 'Monet'")
        .containsEntry("pair.3.target", "instance 'grumpy cat'");
  }

  @Test
  void preserve() {
    Ablation plan = small();
    // @start region="preserve"
    Ablation neighboursKept =
        plan.preserve(Concept.instance("persian cat"), Concept.style("Monet"));
    Ablation dogsToo =
        plan.preserve(
            Preservation.of(Concept.instance("persian cat"))
                .prompts(List.of("a photo of a dog", "two dogs"))
                .weight(0.5));
    // @end
    try (AblationResult result = quick(neighboursKept).run()) {
      assertThat(result.provenance().settings())
          .containsEntry("objective", "model-based + preservation")
          .containsEntry("preserve.1", "style 'Monet'")
          .containsEntry("preserve.2", "instance 'persian cat'");
    }
    try (AblationResult result = quick(dogsToo).run()) {
      assertThat(result.provenance().settings())
          .containsEntry("objective", "model-based + 0.5 * preservation")
          .containsEntry("preserve.prompts", "[a photo of a dog, two dogs]");
    }
  }

  @Test
  void estimate() {
    Ablation plan = small();
    // @start region="estimate"
    Estimate estimate = plan.estimate(); // takes a few seconds: it times two training steps
    if (estimate.possible()) {
      long deltaBytes = estimate.trained().deltaBytes();
      long drawn = estimate.anchorCost().forwardPasses(); // excluding cached images
      Optional<Duration> time = estimate.time(); // anchors and training
      assertThat(time).isPresent();
      Optional<PeakMemory> peak = estimate.peakMemory(); // of the process, or of the GPU
      peak.ifPresent(memory -> assertThat(memory.bytes()).isPositive());
      assertThat(deltaBytes + drawn).isPositive();
    }
    List<String> problems = estimate.problems(); // everything that run() would reject
    // @end
    assertThat(problems).isEmpty();
  }

  @Test
  void cancel() {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try {
      Ablation plan = small().training(t -> t.steps(1_000_000));
      // @start region="cancel"
      AblationRun run = plan.start(executor);
      run.cancel(); // from any thread: stops after the current step
      run.result()
          .whenComplete((result, error) -> {
            if (result != null) {
              result.close(); // the run was faster
            }
          });
      // @end
      assertThat(run.result().toCompletableFuture().handle((result, error) -> error).join())
          .isInstanceOf(CompletionException.class);
    } finally {
      executor.shutdown();
    }
  }

  // Concept and anchor

  @Test
  void concept() {
    // @start region="concept"
    Concept style = Concept.style("Van Gogh");
    Concept instance = Concept.instance("grumpy cat");
    Concept composition = Concept.composition("kids with guns");
    Concept image = Concept.memorized("New Orleans House Galaxy Case");
    Concept content = Concept.inappropriate("nudity, nsfw", "violence");

    List<String> styled = style.targetPrompts("painting of a boat", "painting");
    List<String> replaced = instance.targetPrompts("a photo of a cat", "cat");
    // @end
    assertThat(styled)
        .containsExactly(
            "painting of a boat, in the style of Van Gogh",
            "in Van Gogh's style, painting of a boat");
    assertThat(replaced).containsExactly("a photo of a grumpy cat");
    assertThat(composition.targetPrompts("two kids", "kids")).containsExactly("two kids with guns");
    assertThat(image.targetPrompts("a phone case", "case")).hasSize(1);
    assertThat(content.targetPrompts("a man", "people")).hasSize(2 * 3);
  }

  @Test
  void styleTemplates() {
    // @start region="style-templates"
    Concept monet = Concept.style("Monet", StyleTemplates.paper());
    StyleTemplates own = new StyleTemplates("by", List.of("{prompt} by {name}"));
    Concept byMonet = Concept.style("Monet", own);
    // @end
    assertThat(monet.targetPrompts("a pond", "painting")).hasSize(6);
    assertThat(byMonet.targetPrompts("a pond", "painting")).containsExactly("a pond by Monet");
  }

  @Test
  void memorized() {
    // @start region="memorized"
    Concept image =
        Concept.memorized("New Orleans House Galaxy Case", "Galaxy Case of a house")
            .image(Path.of("galaxy-case.png"));
    List<String> captions = image.targetPrompts("a house printed on a case", "case");
    // @end
    assertThat(captions).containsExactly("New Orleans House Galaxy Case", "Galaxy Case of a house");
  }

  @Test
  void promptPairs() throws IOException {
    Path file = folder.resolve("pairs.tsv");
    Files.writeString(file, "a kid at play\ta kid with a gun at play\n");
    // @start region="prompt-pairs"
    Concept given =
        Concept.pairs(
            "armed kids",
            List.of(
                new PromptPair("a kid at play", "a kid with a gun at play"),
                new PromptPair("kids in a yard", "soldiers in a yard")));
    Concept read = Concept.pairs("armed kids", file); // pairs.tsv or pairs.jsonl
    Ablation plan = Ablator.of(model).target(given).anchor("kids"); // from the pairs' own prompts
    // @end
    assertThat(read.anchorPrompts()).containsExactly("a kid at play");
    assertThat(plan.pairs().get(0).anchor().prompts(given))
        .containsExactly("a kid at play", "kids in a yard");
  }

  @Test
  void ownConcept() {
    // @start region="own-concept"
    /** What stands behind "by": "a poster" becomes "a poster by Acme". */
    record Maker(String name) implements Concept {
      @Override
      public ConceptKind kind() {
        return ConceptKind.STYLE;
      }

      @Override
      public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
        return anchorPrompt + " by " + name;
      }

      @Override
      public List<String> targetPrompts(String anchorPrompt, String anchor) {
        return List.of(anchorPrompt + " by " + name);
      }
    }

    Ablation plan = Ablator.of(model).target(new Maker("Acme")).anchor("poster");
    // @end
    assertThat(plan.pairs().get(0).target().targetPrompts("a poster", "poster"))
        .containsExactly("a poster by Acme");
    try (AblationResult result =
        quick(Ablator.of(model).target(new Maker("Acme")).anchor(few("poster"))).run()) {
      assertThat(result.delta().norm()).isPositive();
    }
  }

  @Test
  void anchor() throws IOException {
    Path cache = folder;
    // @start region="anchor"
    AnchorStrategy builtInPrompts = AnchorStrategy.generated("cat");
    AnchorStrategy ownPrompts =
        AnchorStrategy.generated("cat", List.of("a photo of a cat", "a cat asleep on a sofa"))
            .images(200)
            .sampling(SamplingSettings.defaults().steps(50))
            .cachedIn(cache); // a later run with the same settings reuses them
    // @end
    Concept target = Concept.instance("grumpy cat");
    assertThat(builtInPrompts.prompts(target)).allMatch(prompt -> prompt.contains("cat"));
    assertThat(ownPrompts.prompts(target)).hasSize(2);
    assertThat(ownPrompts.images()).isEqualTo(200);
  }

  @Test
  void promptSource() throws IOException {
    PromptSource ask = PromptSource.of(List.of("a horse in the rain", "two horses", "A HORSE!"));
    // @start region="prompt-source"
    PromptSource colleague = request -> ask.prompts(request); // may err
    PromptSource kept = colleague.keptIn(folder.resolve("prompts")); // checked, asked once
    AnchorStrategy horses = AnchorStrategy.generated("horse", kept, 3);

    List<String> wordings = List.of("a boat below a cliff", "below a cliff, a boat");
    List<String> paraphrases =
        PromptSource.of(wordings)
            .checked()
            .prompts(PromptRequest.paraphrases("a boat under a cliff", 2));
    // @end
    assertThat(horses.prompts(Concept.instance("white horse"))).hasSize(3);
    assertThat(paraphrases).isEqualTo(wordings);
  }

  // @start region="own-anchor"
  /** Images of one's own, each with its caption. */
  record OwnImages(String name, Map<Path, String> captions) implements AnchorStrategy {
    @Override
    public List<String> prompts(Concept target) {
      return List.copyOf(captions.values());
    }

    @Override
    public int images() {
      return captions.size();
    }

    @Override
    public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
        throws IOException {
      LatentCodec codec = Capabilities.require(model, LatentCodec.class, "own images");
      List<BufferedImage> images = new ArrayList<>();
      for (Path file : captions.keySet()) {
        images.add(ImageIO.read(file.toFile()));
      }
      try (NDManager scope = model.manager().newSubManager()) {
        NDArray signed = Images.toSigned(Images.array(images, scope));
        NDArray latents = codec.encode(signed, null);
        latents.attach(model.manager()); // closed with the AnchorSet
        return new AnchorSet(latents, prompts(target));
      }
    }

    @Override
    public Map<String, String> settings(Concept target) {
      return Map.of("anchor.name", name, "anchor.pictures", captions.toString());
    }
  }

  // @end

  @Test
  void ownAnchor() throws IOException {
    Map<Path, String> captions = new LinkedHashMap<>();
    for (String caption : List.of("a cat", "a cat asleep")) {
      Path file = folder.resolve(caption + ".png");
      ImageIO.write(new BufferedImage(12, 8, BufferedImage.TYPE_INT_RGB), "png", file.toFile());
      captions.put(file, caption);
    }
    OwnImages anchor = new OwnImages("cat", captions);
    try (AblationResult result =
        quick(Ablator.of(model).target("grumpy cat").anchor(anchor)).run()) {
      assertThat(result.delta().norm()).isPositive();
    }
  }

  @Test
  void augmentation() {
    BufferedImage image = new BufferedImage(100, 80, BufferedImage.TYPE_INT_RGB);
    RandomGenerator random = RandomStreams.stream(7, "augmentation", 1);
    // @start region="augmentation"
    Canvas canvas = new Canvas(64, 64, 8); // 512 x 512 image pixels
    AugmentedImage drawn = Augmentation.diffusers().flip(0.5).apply(image, canvas, random);
    // @end
    assertThat(drawn.pixels()).hasSize(3 * 512 * 512);
  }

  @Test
  void augmentedAnchor() {
    AnchorStrategy cats = few("cat");
    // @start region="augmented-anchor"
    AnchorStrategy augmented = cats.augmented(Augmentation.paper());
    AnchorStrategy unchanged = cats.augmented(Augmentation.none()); // whatever the preset says
    // @end
    for (AnchorStrategy anchor : List.of(augmented, unchanged)) {
      try (AblationResult result =
          quick(Ablator.of(model).target("grumpy cat").anchor(anchor)).run()) {
        assertThat(result.delta().norm()).isPositive();
      }
    }
  }

  @Test
  void imageAnchor() throws IOException {
    Files.writeString(folder.resolve("metadata.csv"), "file_name,text\n1.png,a cat on a sofa");
    ImageIO.write(
        new BufferedImage(12, 8, BufferedImage.TYPE_INT_RGB),
        "png",
        folder.resolve("1.png").toFile());
    // @start region="image-anchor"
    AnchorStrategy photographs = AnchorStrategy.images("cat", folder);
    // @end
    try (AblationResult result =
        quick(Ablator.of(model).target("grumpy cat").anchor(photographs)).run()) {
      assertThat(result.delta().norm()).isPositive();
    }
  }

  @Test
  void unconditionalAnchor() {
    // @start region="unconditional-anchor"
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Monet"))
            .anchor(AnchorStrategy.unconditional().images(200));
    // @end
    assertThat(plan.toString()).contains("unconditional");
  }

  @Test
  void otherStyles() {
    // @start region="other-styles"
    AnchorStrategy anchor =
        AnchorStrategy.otherStyles(
            List.of("Claude Monet", "Hokusai", "Paul Klee"),
            AnchorStrategy.generated("painting").images(600));
    Ablation plan = Ablator.of(model).target(Concept.style("Van Gogh")).anchor(anchor);
    // @end
    assertThat(plan.toString()).contains("Van Gogh");
    assertThat(anchor.prompts(Concept.style("Van Gogh"))).anyMatch(p -> p.contains("Hokusai"));
  }

  @Test
  void judgedAnchor() {
    AnchorStrategy cats = few("cat");
    AnchorStrategy spareCats = AnchorStrategy.generated("cat", List.of("an old cat")).images(2);
    ToDoubleFunction<BufferedImage> similarity = image -> 0.1;
    // @start region="judged-anchor"
    AnchorJudge judge = AnchorJudge.scoring("similar to 'grumpy cat'", similarity, 0.3);
    AnchorStrategy anchor =
        cats.judgedBy(judge) // warns if more than 5 % of the images show the target
            .dropLeading(0.25) // drops prompts if over a quarter of their images do
            .replacedFrom(spareCats);
    // @end
    try (AblationResult result =
        quick(Ablator.of(model).target("grumpy cat").anchor(anchor)).run()) {
      assertThat(result.delta().provenance().settings()).containsKey("anchor.showsTarget");
    }
  }

  // Objective and training

  @Test
  void negativeGuidance() {
    Ablation plan = quick(small());
    // @start region="negative-guidance"
    Ablation away =
        plan.objective(AblationObjective.negativeGuidanceOnTrajectory(2, 8))
            .weights(WeightGroup.crossAttention());
    // @end
    try (AblationResult result = away.run()) {
      assertThat(result.history()).allMatch(step -> step.loss() > 0);
    }
  }

  @Test
  void objective() {
    // @start region="objective"
    // The target prompt shall be answered as the empty prompt was before the run.
    AblationObjective forget =
        AblationObjective.named(
            "forget",
            context -> {
              TrainingBatch batch = context.batch();
              List<String> empty = batch.targetPrompts().stream().map(prompt -> "").toList();
              NDArray aim = context.predict(Teacher.FROZEN_WEIGHTS, batch, empty);
              NDArray prediction = context.predict(batch, batch.targetPrompts());
              return Losses.masked(prediction, aim, batch.mask());
            });
    AblationObjective both = forget.plus(AblationObjective.priorPreservation().times(0.2));
    // @end
    assertThat(both.name()).isEqualTo("forget + 0.2 * prior-preservation");
    try (AblationResult result = quick(small().objective(both)).run()) {
      assertThat(result.history()).allMatch(step -> step.loss() > 0);
    }
  }

  @Test
  void adversarialObjective() {
    // @start region="input-gradients"
    // The target shall stay forgotten for embeddings near to it, too.
    AblationObjective robust =
        AblationObjective.named(
            "robust",
            context -> {
              TrainingBatch batch = context.batch();
              NDArray aim = context.predict(Teacher.FROZEN_WEIGHTS, batch, batch.anchorPrompts());
              Conditioning target = context.encode(batch.targetPrompts());
              NDArray slope =
                  context
                      .inputGradients()
                      .gradients(
                          target,
                          near -> Losses.masked(context.predict(batch, near), aim, batch.mask()))
                      .first();
              // One step uphill: the embedding that brings the target back most.
              NDArray text = target.get(Conditioning.TEXT).add(slope.sign().mul(0.1f));
              text.attach(context.scope());
              Conditioning worst = target.with(Conditioning.TEXT, text);
              return Losses.masked(context.predict(batch, worst), aim, batch.mask());
            });
    // @end
    try (AblationResult result = quick(small().objective(robust)).run()) {
      assertThat(result.history()).allMatch(step -> step.loss() > 0 && step.gradientNorm() > 0);
    }
  }

  @Test
  void gradientTrainer() {
    // @start region="gradient-trainer"
    GradientTrainer trainer =
        GradientTrainer.defaults()
            .steps(200)
            .batchSize(4)
            .learningRate(8e-6)
            .maxGradientNorm(Double.POSITIVE_INFINITY) // no clipping
            .optimizer(new AdamW(0.9, 0.999, 1e-8, 0));
    // @end
    try (AblationResult result = small().trainer(trainer.steps(2)).run()) {
      assertThat(result.provenance().settings()).containsEntry("training.batchSize", "4");
    }
  }

  @Test
  void lora() throws IOException {
    Ablation small = small();
    // @start region="lora"
    Ablation plan = small.training(t -> t.lora(Lora.rank(8).alpha(16)).learningRate(1e-4));
    try (AblationResult result = plan.run();
        WeightDelta adapter = result.delta();
        WeightDelta merged = adapter.merged()) {
      assertThat(adapter.isLowRank()).isTrue(); // two small matrices a weight, W + 16/8 B A
      assertThat(merged.names()).isEqualTo(adapter.names()); // the same change, in full
    }
    // @end
  }

  @Test
  void preset() {
    // @start region="preset"
    Preset preset = Preset.paper(ConceptKind.STYLE); // the paper's settings for styles
    AnchorDefaults anchors = preset.anchors(); // 1,000 images with 200 steps of DDIM
    Ablation plan =
        Ablator.of(model)
            .target(Concept.style("Van Gogh"))
            .anchor(AnchorStrategy.generated("painting").images(200))
            .preset(Preset::paper)
            .training(t -> t.steps(200)); // overrides the preset
    // @end
    assertThat(plan.settings())
        .containsEntry("preset", preset.name())
        .containsEntry("training.steps", "200")
        .containsEntry("training.learningRate", "1.6E-5")
        .containsEntry("anchor.images", "200")
        .containsEntry("anchor.steps", Integer.toString(anchors.sampling().steps()))
        .containsEntry("target.templates", "paper");
  }

  // @start region="trainer"
  /** Makes the keys and values of cross-attention a little smaller, without looking at images. */
  record Shrink(double factor) implements Trainer {
    @Override
    public TrainingResult train(TrainingTask task) {
      task.checkCancelled();
      Map<String, WeightChange> shrunk = new LinkedHashMap<>();
      for (WeightInfo weight : task.weights()) {
        NDArray array = task.model().weights().get(weight.name()).mul(factor);
        array.attach(task.resultScope());
        shrunk.put(weight.name(), WeightChange.replacing(array));
      }
      return TrainingResult.of(shrunk);
    }

    @Override
    public TrainerRequirements requirements() {
      return TrainerRequirements.prompts(); // no gradients, no anchor images, no objective
    }

    @Override
    public Map<String, String> settings() {
      return Map.of("training.factor", Double.toString(factor));
    }
  }

  // @end

  @Test
  void trainer() {
    try (AblationResult result = small().trainer(new Shrink(0.9)).run()) {
      assertThat(result.provenance().settings()).containsEntry("training.factor", "0.9");
      assertThat(result.delta().get("network.key").toFloatArray()[0])
          .isEqualTo(model.weights().get("network.key").toFloatArray()[0] * -0.1f, within(1e-6f));
    }
  }

  @Test
  void listener() {
    List<String> lines = new ArrayList<>();
    // @start region="listener"
    AblationListener log =
        event -> {
          if (event instanceof AblationEvent.StepCompleted step) {
            lines.add("step %d of %d: loss %.4f".formatted(step.step(), step.steps(), step.loss()));
          } else if (event instanceof AblationEvent.Warning warning) {
            lines.add(warning.message());
          }
        };
    // @end
    quick(small().listener(log)).run().close();
    assertThat(lines).hasSize(2).first().asString().startsWith("step 1 of 2: loss ");
  }

  @Test
  void logs() throws IOException {
    // @start region="logs"
    Ablation plan =
        small()
            .listener(CsvLog.to(folder.resolve("steps.csv"))) // loss, gradient norm, rate
            .listener(JsonLinesLog.to(folder.resolve("events.jsonl"))); // everything
    // @end
    quick(plan).run().close();
    assertThat(folder.resolve("steps.csv")).content().hasLineCount(3);
    assertThat(folder.resolve("events.jsonl")).content().startsWith("{\"event\":\"Started\"");
  }

  @Test
  void sampleImages() {
    Path images = folder.resolve("images");
    // @start region="sample-images"
    SampleImages samples =
        SampleImages.in(images, List.of("a photo of a grumpy cat", "a photo of a dog"))
            .every(100)
            .seed(7);
    Ablation plan = small().listener(samples);
    // @end
    quick(plan.listener(samples.sampling(SamplingSettings.defaults().steps(2)))).run().close();
    assertThat(images.resolve("step-000002-01.png")).isRegularFile();
  }

  // Long runs

  @Test
  void checkpoints() {
    // @start region="checkpoints"
    Ablation plan =
        small().checkpoints(Checkpoints.in(folder.resolve("grumpy-cat")).every(50).keep(3));
    // @end
    quick(plan).run().close();
    quick(plan.listener(event -> assertThat(event).isNotInstanceOf(StepCompleted.class)))
        .run()
        .close();
    assertThat(folder.resolve("grumpy-cat/checkpoint-00000002.safetensors")).isRegularFile();
  }

  @Test
  void stopWhen() {
    // @start region="stop-when"
    Ablation plan =
        small()
            .training(t ->
                t.steps(400)
                    .measure("brightness", 25, Snippets::brightness)
                    .stopWhen("loss below 0.01", now -> now.step() >= 20 && now.meanLoss(20) < 0.01)
                    .stopWhen(
                        "images turned white", now -> now.latest("brightness").orElse(0) > 250));
    // @end
    try (AblationResult result = quick(plan).run()) {
      assertThat(result.measurements()).hasSize(1);
      assertThat(result.outcome().reason()).isEqualTo("all steps were made");
    }
  }

  /** The mean of a picture of a dog, always from the same noise. */
  private static double brightness(DiffusionModel model) {
    BufferedImage image =
        LatentSampler.of(model)
            .settings(SamplingSettings.defaults().steps(2))
            .draw(List.of("a photo of a dog"), 1)
            .get(0);
    double sum = 0;
    for (int x = 0; x < image.getWidth(); x++) {
      for (int y = 0; y < image.getHeight(); y++) {
        sum += image.getRGB(x, y) & 0xff;
      }
    }
    return sum / (image.getWidth() * image.getHeight());
  }

  // @start region="monitor"
  /** Ends with the lowest score of all, once it has not fallen for some looks. */
  record Patience(ModelMetric score, int everySteps, int looks) implements TrainingMonitor {
    @Override
    public String name() {
      return "patience of %d looks, one every %d steps".formatted(looks, everySteps);
    }

    @Override
    public MonitorDecision onStep(TrainingProgress progress) {
      double now = score.measure(progress.model());
      var before = progress.measured("score");
      MonitorDecision verdict = MonitorDecision.goOn().measured("score", now);
      if (before.stream().allMatch(earlier -> earlier.value() > now)) {
        return verdict.asBest();
      }
      double lowest = before.stream().mapToDouble(earlier -> earlier.value()).min().orElseThrow();
      long since = before.stream().dropWhile(earlier -> earlier.value() > lowest).count();
      return since >= looks
          ? verdict.stopping("the score has not fallen for %d looks".formatted(looks))
          : verdict;
    }
  }

  // @end

  @Test
  void monitor() {
    double[] scores = {3, 1, 2, 2};
    int[] looks = {0};
    Patience patience = new Patience(of -> scores[looks[0]++], 2, 2);
    try (AblationResult result =
        small().training(t -> t.steps(9).batchSize(2).monitor(patience)).run()) {
      assertThat(result.outcome())
          .isEqualTo(new TrainingOutcome(8, 4, true, "the score has not fallen for 2 looks"));
    }
  }

  // Delta

  @Test
  void delta() throws IOException {
    try (AblationResult result = trained()) {
      Path file = folder.resolve("grumpy-cat.safetensors");
      // @start region="delta"
      result.delta().save(file); // with settings, seed and hashes of the base weights

      try (WeightDelta delta = WeightDelta.load(file, model.manager());
          WeightDelta half = delta.scaledBy(0.5)) {
        LatentSampler sampler = LatentSampler.of(model);
        List<BufferedImage> images =
            half.applied(model, () -> sampler.draw(List.of("a grumpy cat"), 1));
        assertThat(images).hasSize(1); // and the model is unchanged, to the last bit

        delta.export(model, folder.resolve("model-without-grumpy-cat"));
        delta.applyTo(model).keep(); // permanently
      }
      // @end
    }
    try (TinyDiffusion exported = TinyDiffusion.load(folder.resolve("model-without-grumpy-cat"))) {
      assertThat(exported.weights().sha256()).isEqualTo(model.weights().sha256());
    }
  }

  @Test
  void views() {
    try (AblationResult result = trained()) {
      WeightDelta delta = result.delta();
      // @start region="view"
      ModelViews views = Capabilities.require(model, ModelViews.class, "two tenants");
      try (DiffusionModel one = views.view();
          DiffusionModel other = views.view()) {
        List<String> prompts = List.of("a grumpy cat");
        BufferedImage without =
            delta.applied(one, () -> LatentSampler.of(one).draw(prompts, 1)).get(0);
        BufferedImage with = LatentSampler.of(other).draw(prompts, 1).get(0); // as the model draws
        // @end
        assertThat(with.getRGB(0, 0))
            .isEqualTo(LatentSampler.of(model).draw(prompts, 1).get(0).getRGB(0, 0));
        assertThat(without.getWidth()).isEqualTo(with.getWidth());
      }
    }
  }

  @Test
  void pool() throws Exception {
    try (AblationResult result = trained();
        WeightDelta withoutCat = result.delta().scaledBy(1);
        WeightDelta withoutDog = result.delta().scaledBy(0.5)) {
      // @start region="pool"
      try (ModelPool pool = ModelPool.open(model, PoolSettings.defaults().workers(2))) {
        pool.put("tenant-a", List.of(withoutCat));
        pool.put("tenant-b", List.of(withoutCat, withoutDog));

        DrawRequest request = DrawRequest.of(List.of("a grumpy cat"), 1);
        CompletableFuture<List<BufferedImage>> a = pool.draw(request.variant("tenant-a"));
        CompletableFuture<List<BufferedImage>> b = pool.draw(request.variant("tenant-b"));
        CompletableFuture<List<BufferedImage>> base = pool.draw(request); // without any delta

        pool.put("tenant-a", List.of(withoutDog)); // a is still drawn without the cat
        // @end
        assertThat(List.of(a.get(), b.get(), base.get())).doesNotContainNull();
      }
    }
  }

  @Test
  void provenance() {
    try (AblationResult one = trained();
        AblationResult two = quick(small().seed(5)).run()) {
      // @start region="provenance"
      Provenance first = one.provenance();
      Provenance second = two.provenance();
      Map<String, String> differences = first.settingsDifferingFrom(second);
      // @end
      assertThat(differences).containsOnly(Map.entry("seed", "0 -> 5"));
      assertThat(Provenance.fromJson(first.toJson())).isEqualTo(first);
    }
  }

  // Model

  @Test
  void capabilities() {
    // @start region="capability"
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "drawing images");
    boolean trainable = model.capability(Differentiable.class).isPresent();
    // @end
    assertThat(codec.downscaling()).isEqualTo(2);
    assertThat(trainable).isTrue();
  }

  @Test
  void tokenizer() {
    // @start region="tokenizer"
    PromptTokenizer tokenizer =
        Capabilities.require(model, PromptTokenizer.class, "checking prompts");
    Tokens tokens = tokenizer.tokens("a photo of a cat");
    String unread = tokens.cut(); // empty: all of it reaches the model
    // @end
    assertThat(tokens.ids()).hasSize(5);
    assertThat(unread).isEmpty();
  }

  @Test
  void weightGroup() {
    // @start region="weight-group"
    WeightGroup keysAndValues = WeightGroup.crossAttentionKeyValue();
    WeightGroup withQueries =
        keysAndValues.or(WeightGroup.ofRoles("queries", WeightRole.CROSS_ATTENTION_QUERY));
    WeightGroup byName = new WeightGroup("skip", info -> info.name().endsWith(".skip"));
    List<WeightInfo> chosen = withQueries.or(byName).select(model.weights());
    // @end
    assertThat(chosen)
        .extracting(WeightInfo::name)
        .containsExactly("network.query", "network.key", "network.value", "network.skip");
  }

  @Test
  void bind() {
    String name = "network.key";
    // @start region="bind"
    try (NDArray twice = model.weights().get(name).mul(2)) {
      model.weights().bind(name, twice); // the network computes with it ...
      model.weights().bind(name, null); // ... until its own array is bound again
    }
    // @end
    assertThat(model.weights().get(name).isReleased()).isFalse();
  }

  @Test
  void differentiable() {
    NDManager manager = model.manager();
    NDArray latents = manager.ones(new Shape(1, 3, 4, 6));
    NDArray timesteps = manager.create(new long[] {50});
    Conditioning prompt = model.encode(List.of("a cat"), manager);
    List<Double> losses = new ArrayList<>();
    // @start region="differentiable"
    Differentiable training = Capabilities.require(model, Differentiable.class, "an example");
    List<String> names =
        WeightGroup.crossAttentionKeyValue().select(model.weights()).stream()
            .map(WeightInfo::name)
            .toList();
    try (TrainingSession session = training.train(names, GradientOptions.reference())) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      for (int step = 1; step <= 20; step++) {
        try (NDManager scope = manager.newSubManager()) {
          Gradients gradients =
              session.gradients(
                  () -> model.predict(latents, timesteps, prompt).square().mean(), scope);
          losses.add(gradients.loss());
          optimizer.step(gradients.values(), 0.01, 1);
        }
      }
    } // the model's own weights are bound again
    // @end
    assertThat(losses.get(19)).isLessThan(losses.get(0));
  }

  // Sampling

  @Test
  void sampling() {
    // @start region="sampling"
    LatentSampler sampler =
        LatentSampler.of(model)
            .settings(
                SamplingSettings.defaults().sampler(Sampler.ddim()).steps(20).guidanceScale(5));
    List<BufferedImage> images = sampler.draw(List.of("a red bicycle", "a cat"), 42);
    // @end
    assertThat(images).hasSize(2).allMatch(image -> image.getWidth() == 12);
  }

  @Test
  void noiseSource() {
    // @start region="noise-source"
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray both =
          LatentSampler.of(model).sample(List.of("a cat", "a dog"), NoiseSource.ofSeed(7), scope);
      NDArray second =
          LatentSampler.of(model).sample(List.of("a dog"), NoiseSource.ofSeed(8), scope);
      assertThat(second.allClose(both.get("1:"))).isTrue(); // image i has the seed 7 + i
    }
    // @end
  }

  // @start region="own-sampler"
  /**
   * Puts the predicted clean sample under less noise, which is predicted too: DDIM in few lines.
   */
  record PlainDdim() implements Sampler {
    @Override
    public String name() {
      return "plain-ddim";
    }

    @Override
    public Map<String, Object> settings() {
      return Map.of();
    }

    @Override
    public boolean supports(NoiseSchedule schedule, PredictionType type) {
      return schedule instanceof VariancePreservingSchedule && type == PredictionType.EPSILON;
    }

    @Override
    public SamplerRun start(NoiseSchedule any, PredictionType type, int steps, Shape latents) {
      if (!supports(any, type) || steps > any.steps()) {
        throw new IllegalArgumentException("plain-ddim takes epsilon and few steps");
      }
      VariancePreservingSchedule schedule = (VariancePreservingSchedule) any;
      int stride = schedule.steps() / steps;
      return new SamplerRun() {
        @Override
        public double[] timesteps() {
          double[] timesteps = new double[steps];
          for (int i = 0; i < steps; i++) {
            timesteps[i] = (steps - 1 - i) * stride;
          }
          return timesteps;
        }

        @Override
        public double[] sigmas() {
          return new double[0];
        }

        @Override
        public double initNoiseSigma() {
          return 1;
        }

        @Override
        public NDArray scaleModelInput(NDArray sample, int index) {
          return sample;
        }

        @Override
        public boolean drawsNoise(int index) {
          return false;
        }

        @Override
        public NDArray predictOriginal(NDArray output, int index, NDArray sample) {
          double a = schedule.alphaCumprod((steps - 1 - index) * stride);
          return sample.sub(output.mul(Math.sqrt(1 - a))).divi(Math.sqrt(a));
        }

        @Override
        public NDArray step(NDArray output, int index, NDArray sample, NDArray noise) {
          double a = index + 1 < steps ? schedule.alphaCumprod((steps - 2 - index) * stride) : 1;
          return predictOriginal(output, index, sample)
              .muli(Math.sqrt(a))
              .addi(output.mul(Math.sqrt(1 - a)));
        }

        @Override
        public void close() {}
      };
    }
  }

  // @end

  @Test
  void ownSampler() {
    SamplingSettings settings = SamplingSettings.defaults().steps(10);
    NDArray mine =
        LatentSampler.of(model)
            .settings(settings.sampler(new PlainDdim()))
            .sample(List.of("a cat"), 1, model.manager());
    assertThat(mine.getShape()).isEqualTo(new Shape(1, 3, 4, 6));
    for (float value : mine.toFloatArray()) {
      assertThat(value).isFinite();
    }
  }

  @Test
  void memory() {
    Ablation plan = quick(small());
    // @start region="memory"
    MemoryUse.resetPeak(); // what was before does not count
    MemoryUse use = MemoryUse.begin(model.descriptor().device());
    plan.run().close();
    OptionalLong more = use.increase(); // bytes; empty where the system does not tell
    // @end
    assertThat(more.orElse(0)).isNotNegative();
    long resident = MemoryUse.resident().orElse(0);
    long batched = 1 << 20; // the system updates the peak in batches of pages
    assertThat(MemoryUse.peak().orElse(resident)).isGreaterThanOrEqualTo(resident - batched);
  }

  @Test
  void images() {
    NDManager manager = model.manager();
    NDArray latents = manager.zeros(new Shape(2, 3, 4, 6));
    LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
    // @start region="images"
    try (NDManager scope = manager.newSubManager()) {
      NDArray bytes = Images.decode(codec, latents, 4, scope); // (n, 3, h, w), uint8
      List<BufferedImage> images = Images.images(bytes);
      NDArray signed = Images.toSigned(Images.array(images, scope)); // -1..1
      NDArray again = codec.encode(signed, null);
      assertThat(again.getShape()).isEqualTo(latents.getShape());
    }
    // @end
  }

  @Test
  void imageFile() throws IOException {
    Path photograph = folder.resolve("photograph.png");
    ImageIO.write(new BufferedImage(12, 8, BufferedImage.TYPE_INT_RGB), "png", photograph.toFile());
    // @start region="image-file"
    BufferedImage upright = ImageFile.read(photograph); // PNG, JPEG or WebP, in sRGB
    // @end
    assertThat(upright.getWidth()).isEqualTo(12);
  }

  // Numbers and files

  @Test
  void schedule() {
    NDManager manager = model.manager();
    NDArray latents = manager.zeros(new Shape(2, 3, 4, 6));
    NDArray noise = manager.ones(new Shape(2, 3, 4, 6));
    // @start region="schedule"
    NoiseSchedule schedule = NoiseSchedule.stableDiffusion();
    NDArray timesteps = manager.create(new long[] {0, 999});
    NDArray noised = schedule.addNoise(latents, noise, timesteps);
    NDArray target = schedule.target(PredictionType.V_PREDICTION, latents, noise, timesteps);
    // @end
    float[] values = noised.toFloatArray();
    assertThat(values[0]).isLessThan(0.1f);
    assertThat(values[values.length - 1]).isGreaterThan(0.99f);
    assertThat(target.getShape()).isEqualTo(latents.getShape());
  }

  @Test
  void randomStreams() {
    // @start region="random"
    int step = 3;
    RandomGenerator timesteps = RandomStreams.stream(42, "timesteps", step);
    int timestep = timesteps.nextInt(1000); // the same whatever was drawn before
    // @end
    assertThat(RandomStreams.stream(42, "timesteps", 3).nextInt(1000)).isEqualTo(timestep);
  }

  @Test
  void safetensors() throws IOException {
    NDManager manager = model.manager();
    Path file = folder.resolve("weights.safetensors");
    // @start region="safetensors-write"
    NDArray bias = manager.create(new float[] {1, 2, 3});
    SafetensorsWriter.write(file, Map.of("bias", bias), Map.of("author", "me"));
    // @end
    // @start region="safetensors-read"
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      String author = weights.metadata().get("author");
      NDArray again = weights.readFloat32("bias", manager); // stays valid when the file is closed
      assertThat(author).isEqualTo("me");
      assertThat(again).isEqualTo(bias);
    }
    // @end
  }

  // Evaluation

  @Test
  void resize() {
    BufferedImage image = new BufferedImage(640, 480, BufferedImage.TYPE_INT_RGB);
    // @start region="resize"
    BufferedImage small = Resampling.LANCZOS.resize(image, 64, 48);
    // @end
    assertThat(small.getWidth()).isEqualTo(64);
  }

  @Test
  void imageTransform() {
    NDManager manager = model.manager();
    List<BufferedImage> images = List.of(new BufferedImage(640, 480, BufferedImage.TYPE_INT_RGB));
    // @start region="image-transform"
    NDArray input = ImageTransform.clip(224).apply(images, manager); // (n, 3, 224, 224)
    // @end
    assertThat(input.getShape()).isEqualTo(new Shape(1, 3, 224, 224));
  }

  @Test
  void featureExtractor() throws IOException {
    List<BufferedImage> images = List.of(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB));
    // @start region="feature-extractor"
    FeatureExtractor extractor = new PooledPixels();
    FeatureMatrix features =
        extractor.extract(
            ImageSource.of(images),
            16,
            progress -> System.out.printf("%.0f %%%n", 100 * progress.fraction()));
    // @end
    assertThat(features.dimension()).isEqualTo(extractor.info().dimension());
  }

  @Test
  void copies() {
    BufferedImage original = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
    original.setRGB(3, 3, 0xffffff);
    List<BufferedImage> images = List.of(original);
    // @start region="copies"
    CopyDetection detection = new CopyDetection(new PooledPixels(), 0.9);
    CopyScores scores = detection.score(images, List.of(original));
    double memorised = scores.percentage(); // of the images, 0..100
    // @end
    assertThat(memorised).isEqualTo(100);
  }

  @Test
  void memorizationSurvey() throws IOException {
    Path file = folder.resolve("galaxy-case.png");
    ImageIO.write(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB), "png", file.toFile());
    SamplingSettings sampling = SamplingSettings.defaults().steps(2);
    PromptSource chatModel =
        request -> List.of("a case with a galaxy", "stars on a case", "a house on a case");
    // @start region="memorization-survey"
    MemorizedImage image = Concept.memorized("New Orleans House Galaxy Case").image(file);
    SurveyResult surveyed =
        MemorizationSurvey.of(image, chatModel.keptIn(folder.resolve("wordings")))
            .sampling(sampling)
            .rules(SurveyRules.defaults().anchors(3, 3).imagesPerPrompt(2))
            .keptIn(folder.resolve("rates")) // an interrupted survey resumes from here
            .run(model, System.out::println, () -> false);
    System.out.println(surveyed); // a table of all prompts
    Ablation plan = surveyed.plan(model); // with surveyed.target() and surveyed.anchor()
    // @end
    assertThat(plan.toString()).contains("New Orleans House Galaxy Case");

    Ablation small =
        quick(
            Ablator.of(model)
                .target(surveyed.target())
                .anchor(surveyed.anchor().images(2).sampling(sampling)));
    try (AblationResult result = small.run()) {
      assertThat(result.provenance().settings()).containsEntry("anchor.copies.rounds", "4");
      WeightDelta delta = result.delta();
      // @start region="memorization-percentage"
      MemorizationPercentage percentage = surveyed.survey().percentage(20);
      double before = percentage.of(model).percentage(); // 0..100
      double after = delta.applied(model, () -> percentage.of(model)).percentage();
      // @end
      assertThat(before).isZero();
      assertThat(after).isZero();
    }
  }

  private static FeatureMatrix features(int rows, long seed) {
    RandomGenerator random = RandomStreams.stream(seed, "features", rows);
    float[] values = new float[4 * rows];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat();
    }
    return FeatureMatrix.of(values, 4);
  }

  @Test
  void kid() {
    FeatureMatrix after = features(40, 1);
    FeatureMatrix before = features(30, 2);
    ExtractorInfo extractor = new ExtractorInfo("inception", "0".repeat(64), 4);
    // @start region="kid"
    MetricResult kid =
        KernelInceptionDistance.defaults().measure(after, before, extractor, progress -> {});
    double published = 1000 * kid.value(); // as papers print it
    // @end
    assertThat(published).isFinite();
  }

  @Test
  void fid() {
    FeatureMatrix a = features(40, 1);
    FeatureMatrix b = features(30, 2);
    // @start region="fid"
    double distance = FrechetInceptionDistance.distance(a, b); // any number of rows
    // @end
    assertThat(distance).isPositive();
    FeatureMatrix reference = features(2048, 2);
    ExtractorInfo extractor = new ExtractorInfo("inception", "0".repeat(64), 4);
    List<FeatureMatrix> batches = List.of(features(2000, 3), features(100, 4));
    // @start region="fid-streaming"
    FeatureStatistics images = new FeatureStatistics(extractor.dimension());
    for (FeatureMatrix batch : batches) {
      images.add(batch);
    }
    MetricResult fid =
        FrechetInceptionDistance.measure(images, FeatureStatistics.of(reference), extractor);
    // @end
    assertThat(fid.counts()).containsEntry("images", 2100);
  }

  @Test
  void bootstrap() {
    double[] scores = {0.7, 0.8, 0.9, 0.6};
    // @start region="bootstrap"
    ConfidenceInterval interval = Bootstrap.defaults().ofMean(scores);
    String shown = "%.2f to %.2f".formatted(interval.low(), interval.high());
    // @end
    assertThat(shown).startsWith("0.6");
  }

  @Test
  void perceptual() throws IOException {
    List<BufferedImage> before = List.of(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB));
    List<BufferedImage> after = before;
    // @start region="perceptual"
    PerceptualDistance distance = new PerceptualDistance(new PooledPixels(), Bootstrap.defaults());
    MetricResult change =
        distance.measure(ImageSource.of(after), ImageSource.of(before), 16, progress -> {});
    // @end
    assertThat(change.value()).isZero();
  }

  @Test
  void clipScore() {
    TextImageEncoder clip = new ConstantEncoder();
    List<BufferedImage> images = List.of(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB));
    // @start region="clip-score"
    ClipScore metric = new ClipScore(clip, Bootstrap.defaults());
    FeatureMatrix features = clip.extract(images);
    String target = ClipScore.text("grumpy cat", "cat"); // "A photo depicts grumpy cat"
    String anchor = ClipScore.text("cat", "cat");
    MetricResult score = metric.score(features, target);
    MetricResult accuracy = metric.accuracy(features, target, anchor); // low: ablated
    // @end
    assertThat(score.value()).isEqualTo(2.5);
    assertThat(accuracy.value()).isZero();
  }

  /** Everything means the same. */
  private static final class ConstantEncoder implements TextImageEncoder {
    @Override
    public ExtractorInfo info() {
      return new ExtractorInfo("constant", "0".repeat(64), 1);
    }

    @Override
    public FeatureMatrix extract(List<BufferedImage> images) {
      return FeatureMatrix.of(new float[][] {{1}});
    }

    @Override
    public FeatureMatrix encode(List<String> texts) {
      float[] ones = new float[texts.size()];
      java.util.Arrays.fill(ones, 1);
      return FeatureMatrix.of(ones, 1);
    }

    @Override
    public double logitScale() {
      return 1;
    }
  }
}
