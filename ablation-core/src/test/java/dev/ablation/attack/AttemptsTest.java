package dev.ablation.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.concept.PromptPair;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.model.Differentiable;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDetector;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import dev.ablation.testing.TinyFlow;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AttemptsTest {
  private static final SamplingSettings QUICK = new SamplingSettings(Sampler.ddim(), 3, 2, "", 2);
  private static final List<String> PROMPTS = List.of("a grumpy cat", "the grumpy cat asleep");

  private static final TinyDiffusion MODEL = TinyDiffusion.open(1);

  private final int arrays = MODEL.manager().getManagedArrays().size();
  private final String weights = MODEL.weights().sha256();

  @AfterEach
  void theModelIsAsItWas() {
    assertThat(MODEL.weights().sha256()).isEqualTo(weights);
    assertThat(MODEL.weights().boundSha256()).isEmpty();
    assertThat(MODEL.manager().getManagedArrays()).hasSize(arrays);
  }

  /** Says that bright images show the concept. */
  private static TinyDetector bright() {
    return new TinyDetector("bright", (features, row) -> features.get(row, 0) > 0.5);
  }

  private static final AttackSettings TRIAL = new AttackSettings(bright(), QUICK, 4, 9);

  private static List<BufferedImage> originals() {
    return LatentSampler.of(MODEL).settings(QUICK).draw(PROMPTS, 50);
  }

  /** The sampler of discrete timesteps takes no part in these attempts, or is exchanged. */
  @ParameterizedTest
  @MethodSource("attempts")
  void everyAttemptIsMadeOnARectifiedFlowToo(Attack attempt) {
    try (TinyFlow flow = TinyFlow.open(3);
        WeightDelta delta = TinyDelta.of(flow, 0.5)) {
      Attack suited = onFlow(attempt);
      suited.check(flow);
      AttackResult result = suited.run(flow, delta, () -> false);
      AttackResult again = suited.run(flow, delta, () -> false);
      for (int i = 0; i < result.shown().size(); i++) {
        assertThat(pixels(result.shown().get(i).ablated()))
            .isEqualTo(pixels(again.shown().get(i).ablated()));
      }
      assertThat(result.shown()).isNotEmpty();
    }
  }

  private static AdversarialPrompt adversarial(boolean projected) {
    return new AdversarialPrompt(
        originals().stream()
            .map(image -> new InversionExample(image, List.of("{} a grumpy cat")))
            .toList(),
        List.of("one", "two"),
        projected,
        List.of("{} a grumpy cat"),
        new InversionBudget(3, 2, 0.1),
        TRIAL);
  }

  private static RelearningAttack relearning(@Nullable Lora lora, double rate) {
    return new RelearningAttack(
        "harmful fine-tuning",
        originals().stream()
            .map(image -> new DescribedImage(image, List.of("a grumpy cat")))
            .toList(),
        new RelearningAttack.Budget(3, 2, rate, WeightGroup.crossAttention(), lora),
        PROMPTS,
        TRIAL);
  }

  private static TextualInversion inversion(
      String template, InversionBudget budget, AttackSettings trial) {
    return TextualInversion.of(originals(), "sks", "cat", List.of(template), budget, trial);
  }

  private static Attack onFlow(Attack attempt) {
    AttackSettings trial =
        new AttackSettings(TRIAL.detector(), QUICK.sampler(Sampler.flowMatchEuler()), 4, 9);
    if (attempt instanceof WordingAttack wording) {
      return new WordingAttack(wording.name(), wording.prompts(), trial);
    } else if (attempt instanceof EmbeddingAttack embedding) {
      return new EmbeddingAttack(embedding.pairs(), embedding.prompts(), 0.9, trial);
    } else if (attempt instanceof AdversarialPrompt prompt) {
      return new AdversarialPrompt(
          prompt.examples(),
          prompt.placeholders(),
          prompt.projected(),
          prompt.asked(),
          prompt.budget(),
          trial);
    } else if (attempt instanceof RelearningAttack tuning) {
      return new RelearningAttack(
          tuning.name(), tuning.examples(), tuning.budget(), tuning.prompts(), trial);
    } else if (attempt instanceof TextualInversion) {
      return inversion("a {}", new InversionBudget(3, 2, 0.1), trial);
    }
    return attempt;
  }

  /** Pulls every latent up. */
  private static final LatentGuide UP =
      new LatentGuide() {
        @Override
        public String name() {
          return "up";
        }

        @Override
        public NDArray gradient(NDArray latents) {
          return latents.onesLike();
        }
      };

  static List<Attack> attempts() {
    return List.of(
        WordingAttack.of("grumpy cat", PROMPTS, TRIAL).get(0),
        new EmbeddingAttack(
            List.of(new PromptPair("a cat", "a grumpy cat")), List.of("a cat"), 0.9, TRIAL),
        inversion("a {}", new InversionBudget(3, 2, 0.1), TRIAL),
        new SdEditAttack(originals(), 0.5, List.of("a cat"), TRIAL),
        new NoiseAttack(1.5, PROMPTS, TRIAL),
        new GuidanceAttack(UP, 1, List.of("a cat"), TRIAL),
        new CompletionAttack(1, 3, PROMPTS, TRIAL),
        new NoiseSweep(List.of(1.0, 1.85), List.of(1.0, 1.04), PROMPTS, TRIAL),
        new InpaintingAttack(originals(), 0.5, List.of("a cat"), TRIAL),
        new LatentInversion(originals(), 3, 2, 1e-3, TRIAL),
        adversarial(false),
        adversarial(true),
        new ClassifierGuidance(
            originals(), originals(), List.of(1.0, 30.0), 2, List.of("a cat"), TRIAL),
        relearning(null, 1e-2),
        relearning(Lora.rank(2), 1e-2));
  }

  @ParameterizedTest
  @MethodSource("attempts")
  void isMadeOnBothModelsAndTellsTheSameAgain(Attack attempt) {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      attempt.check(MODEL);
      AttackResult result = attempt.run(MODEL, delta, () -> false);
      assertThat(result.name()).isEqualTo(attempt.name());
      assertThat(result.recovered().metric()).isEqualTo(AttackSettings.RECOVERED);
      assertThat(result.recovered().base().counts()).containsEntry("images", 4);
      assertThat(result.settings()).containsEntry("seed", "9").containsEntry("steps", "3");
      assertThat(result.recovered().control()).isNull();
      assertThat(result.shown()).hasSize(4);
      AttackResult again = attempt.run(MODEL, delta, () -> false);
      assertThat(again.recovered()).isEqualTo(result.recovered());
      for (int i = 0; i < 4; i++) {
        ImagePair one = result.shown().get(i);
        ImagePair other = again.shown().get(i);
        assertThat(pixels(one.ablated())).isEqualTo(pixels(other.ablated()));
        assertThat(pixels(one.base())).isEqualTo(pixels(other.base()));
      }
      assertThat(result.shown())
          .anyMatch(pair -> !Arrays.equals(pixels(pair.base()), pixels(pair.ablated())));
    }
  }

  @ParameterizedTest
  @MethodSource("attempts")
  void isMadeOnTheControlAsOnTheBaseModel(Attack attempt) {
    try (TinyDiffusion same = TinyDiffusion.open(1);
        WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      String before = same.weights().sha256();
      List<String> roles = new ArrayList<>();
      AttackResult result =
          attempt.run(
              new AttackModels(MODEL, delta, same)
                  .drawn((role, images) -> {
                    roles.add(role);
                    assertThat(images).isNotEmpty();
                  }),
              () -> false);
      assertThat(roles).containsExactly("base", "ablated", "control");
      assertThat(result.recovered().control()).isEqualTo(result.recovered().base());
      assertThat(result.recovered().excess()).isNotNull();
      assertThat(same.weights().sha256()).isEqualTo(before);
      assertThat(same.weights().boundSha256()).isEmpty();
    }
  }

  /** Its share is that of an attack on all models. */
  @ParameterizedTest
  @MethodSource("attempts")
  void canBeMadeOnTheAblatedModelAlone(Attack attempt) {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      AttackResult all = attempt.run(MODEL, delta, () -> false);
      List<String> roles = new ArrayList<>();
      AttackResult alone =
          attempt.run(
              AttackModels.ofAblated(MODEL, delta).drawn((role, images) -> roles.add(role)),
              () -> false);
      assertThat(roles).containsExactly("ablated");
      assertThat(alone.recovered().ablated()).isEqualTo(all.recovered().ablated());
      assertThat(alone.recovered().base()).isNull();
      assertThat(alone.recovered().isEvidence()).isFalse();
      assertThat(alone.shown()).isEmpty();
      assertThat(alone.settings().keySet()).noneMatch(name -> name.endsWith("base model"));
    }
  }

  /**
   * Starts where the ablation ended: with hardly any step it draws what the ablated model draws.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fineTuningBeginsAtTheAblatedWeights(boolean lowRank) {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      ImagePair tuned =
          relearning(lowRank ? Lora.rank(2) : null, 1e-12)
              .run(MODEL, delta, () -> false)
              .shown()
              .get(0);
      ImagePair plain =
          new WordingAttack("name", PROMPTS, TRIAL).run(MODEL, delta, () -> false).shown().get(0);
      assertThat(pixels(tuned.base())).isEqualTo(pixels(plain.base()));
      assertThat(pixels(tuned.ablated())).isEqualTo(pixels(plain.ablated()));
      assertThat(pixels(tuned.base())).isNotEqualTo(pixels(tuned.ablated()));
    }
  }

  /** Users of a service meet the gate; whoever has the weights takes the delta without it. */
  @Test
  void aGateStandsBeforeThoseWhoAskByPromptsAlone() {
    ConceptGate gate = ConceptGate.of("zebra").threshold(1);
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5);
        WeightDelta closed = delta.gatedBy(gate)) {
      AttackResult words =
          new WordingAttack("name", PROMPTS, TRIAL).run(MODEL, closed, () -> false);
      ImagePair asked = words.shown().get(0);
      assertThat(pixels(asked.ablated())).isEqualTo(pixels(asked.base()));
      assertThat(words.settings()).containsEntry("gate", gate.toJson());
      NoiseAttack noise = new NoiseAttack(1.5, PROMPTS, TRIAL);
      AttackResult noised = noise.run(MODEL, closed, () -> false);
      assertThat(pixels(noised.shown().get(0).ablated()))
          .isNotEqualTo(pixels(noised.shown().get(0).base()))
          .isEqualTo(pixels(noise.run(MODEL, delta, () -> false).shown().get(0).ablated()));
      assertThat(noised.settings()).containsEntry("gate", "open");
    }
  }

  @Test
  void everyOtherJudgeCountsTheSameImages() {
    TinyDetector bright = bright();
    ConceptDetector dark =
        new ConceptDetector() {
          @Override
          public String name() {
            return "dark";
          }

          @Override
          public FeatureExtractor extractor() {
            return bright.extractor();
          }

          @Override
          public double[] shows(FeatureMatrix features) {
            return Arrays.stream(bright.shows(features)).map(hit -> 1 - hit).toArray();
          }
        };
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      AttackResult result =
          new WordingAttack("name", PROMPTS, TRIAL.otherJudges(List.of(dark)))
              .run(MODEL, delta, () -> false);
      assertThat(result.judged()).hasSize(2);
      assertThat(result.judged().get(1).ablated().value())
          .isEqualTo(1 - result.recovered().ablated().value());
      assertThat(result.judged().get(1).ablated().settings()).containsEntry("detector", "dark");
    }
  }

  @Test
  void theBestOfSeveralSettingsIsTheFirstThatShowsTheTarget() {
    AttackSettings three = new AttackSettings(bright(), QUICK, 3, 9);
    List<String> asked = new ArrayList<>();
    // Image 0 shows the target at once, image 1 at the third setting, image 2 never.
    List<BufferedImage> best =
        three.bestOf(
            4,
            (setting, images) -> {
              asked.add(setting + Arrays.toString(images));
              return Arrays.stream(images)
                  .mapToObj(image -> plain(image == 0 || (image == 1 && setting == 2), setting))
                  .toList();
            });
    assertThat(asked).containsExactly("0[0, 1, 2]", "1[1, 2]", "2[1, 2]", "3[2]");
    assertThat(three.hits(best)).containsExactly(1, 1, 0);
    assertThat(pixels(best.get(1))).isEqualTo(pixels(plain(true, 2)));
    assertThat(pixels(best.get(2))).isEqualTo(pixels(plain(false, 0)));
  }

  private static BufferedImage plain(boolean bright, int shade) {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    int value = (bright ? 250 : 10) + shade;
    for (int i = 0; i < 64; i++) {
      image.setRGB(i % 8, i / 8, value << 16 | value << 8 | value);
    }
    return image;
  }

  /** The base model's own image, whoever begins it; and the ablated model's part shows. */
  @Test
  void aCompletionByTheSameModelIsItsOwnImage() {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      ImagePair completed =
          new CompletionAttack(2, 5, PROMPTS, TRIAL).run(MODEL, delta, () -> false).shown().get(0);
      DdimWalk whole = new DdimWalk(MODEL, QUICK.steps(5), NoiseSource.ofSeed(9), () -> false);
      assertThat(pixels(completed.base())).isEqualTo(pixels(whole.draw(PROMPTS).get(0)));
      BufferedImage own =
          delta.applied(
              MODEL,
              () ->
                  new DdimWalk(MODEL, QUICK.steps(5), NoiseSource.ofSeed(9), () -> false)
                      .draw(PROMPTS)
                      .get(0));
      assertThat(pixels(completed.ablated())).isNotEqualTo(pixels(own));
      assertThat(pixels(completed.ablated())).isNotEqualTo(pixels(completed.base()));
    }
  }

  /**
   * What a step adds: eta times the posterior's deviation, and the published scale on the noise.
   */
  @Test
  void theNoiseOfTheSweepIsNotCut() {
    DdimWalk.Level now = new DdimWalk.Level(0.6, 0.8, 50);
    DdimWalk.Level next = new DdimWalk.Level(0.8, 0.6, 40);
    // Song et al., equation 16: sqrt((1 - a') / (1 - a)) sqrt(1 - a / a'), a and a' cumulative.
    double ddpm = Math.sqrt((1 - 0.64) / (1 - 0.36)) * Math.sqrt(1 - 0.36 / 0.64);
    assertThat(now.posterior(next)).isCloseTo(ddpm, within(1e-12));
    SamplingSettings settings = new SamplingSettings(Sampler.ddim(), 4, 1, "", 4);
    List<BufferedImage> cut =
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false).eta(1).draw(PROMPTS);
    List<BufferedImage> same =
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false).eta(1, 1).draw(PROMPTS);
    List<BufferedImage> more =
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false)
            .eta(1, 1.04)
            .draw(PROMPTS);
    assertThat(pixels(same.get(0))).isEqualTo(pixels(cut.get(0)));
    assertThat(pixels(more.get(0))).isNotEqualTo(pixels(cut.get(0)));
    assertThat(NoiseSweep.published(PROMPTS, TRIAL).name()).isEqualTo("best of 24 noises");
  }

  @Test
  void theMarginOfAnInpaintedImageStays() {
    try (NDManager scope = MODEL.manager().newSubManager()) {
      Shape shape = MODEL.descriptor().latentShape(); // (3, 4, 6)
      assertThat(InpaintingAttack.mask(shape, 0.5, scope).toFloatArray())
          .containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
      List<BufferedImage> originals = originals();
      try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
        BufferedImage drawn =
            new InpaintingAttack(originals, 0.5, List.of("a cat"), TRIAL)
                .run(MODEL, delta, () -> false)
                .shown()
                .get(0)
                .ablated();
        BufferedImage original = originals.get(0);
        for (int x = 0; x < original.getWidth(); x++) {
          int difference = (drawn.getRGB(x, 0) & 255) - (original.getRGB(x, 0) & 255);
          assertThat(Math.abs(difference)).isLessThanOrEqualTo(1);
        }
        int middle = original.getWidth() / 2;
        assertThat(drawn.getRGB(middle, original.getHeight() / 2))
            .isNotEqualTo(original.getRGB(middle, original.getHeight() / 2));
      }
    }
  }

  /** The optimiser leads back to the original, much closer than DDIM run backwards alone. */
  @Test
  void theLatentsOfAnInversionLeadBackToTheOriginal() {
    double plain = distanceAfterInversion(0, 1);
    double found = distanceAfterInversion(60, 0.02);
    assertThat(found).isLessThan(0.5 * plain);
  }

  private static double distanceAfterInversion(int iterations, double rate) {
    AttackSettings one = new AttackSettings(bright(), QUICK, 1, 9);
    List<BufferedImage> originals = originals();
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      BufferedImage drawn =
          new LatentInversion(originals, 6, iterations, rate, one)
              .run(MODEL, delta, () -> false)
              .shown()
              .get(0)
              .ablated();
      int[] before = pixels(originals.get(0));
      int[] after = pixels(drawn);
      double sum = 0;
      for (int i = 0; i < before.length; i++) {
        double difference = (before[i] & 255) - (after[i] & 255);
        sum += difference * difference;
      }
      return sum;
    }
  }

  @Test
  void theClassifierKnowsWhatItWasTrainedOnAndItsGradientPointsThere() {
    try (NDManager scope = MODEL.manager().newSubManager()) {
      InputDifferentiable gradients = MODEL.capability(InputDifferentiable.class).orElseThrow();
      NDArray bright = scope.ones(new Shape(4, 3, 4, 6));
      NDArray dark = bright.neg();
      LatentClassifier classifier =
          LatentClassifier.trained(
              MODEL.schedule(),
              gradients,
              bright,
              dark,
              new LatentClassifier.Training(60, 16, 5e-3, 1),
              scope,
              () -> false);
      double time = MODEL.schedule().timeAt(0.2);
      assertThat(classifier.logits(bright, time, scope)[0]).isGreaterThan(2);
      assertThat(classifier.logits(dark, time, scope)[0]).isLessThan(-2);
      NDArray middle = dark.mul(0.1).get("0:1");
      NDArray gradient = classifier.gradient(middle, time);
      double along = gradient.sum().getFloat();
      float step = 1e-2F;
      double up = logProbability(classifier.logits(middle.add(step), time, scope)[0]);
      double down = logProbability(classifier.logits(middle.sub(step), time, scope)[0]);
      assertThat(along).isPositive().isCloseTo((up - down) / (2 * step), within(0.1 * along));
    }
  }

  private static double logProbability(double logit) {
    return -Math.log1p(Math.exp(-logit));
  }

  @Test
  void aProjectedPromptIsOfWordsOfTheVocabulary() {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      AttackResult result = adversarial(true).run(MODEL, delta, () -> false);
      assertThat(result.settings().get("learned from, ablated model"))
          .matches("tokens \\[\\d+, \\d+]");
      AttackResult soft = adversarial(false).run(MODEL, delta, () -> false);
      assertThat(soft.settings()).containsEntry("learned from, ablated model", "random words");
    }
  }

  /** Each model's attack ends when it succeeds; of several starts the best counts. */
  @Test
  void aLearnedWordThatSucceedsIsNotTrainedFurther() {
    ConceptDetector all =
        new ConceptDetector() {
          @Override
          public String name() {
            return "everything";
          }

          @Override
          public FeatureExtractor extractor() {
            return new TinyEncoder();
          }

          @Override
          public double[] shows(FeatureMatrix features) {
            double[] shown = new double[features.rows()];
            Arrays.fill(shown, 1);
            return shown;
          }
        };
    AttackSettings easy = new AttackSettings(all, QUICK, 2, 9);
    TextualInversion attack =
        new TextualInversion(
            List.of(new InversionExample(originals().get(0), List.of("a {}"))),
            "sks",
            List.of("cat", "dog"),
            List.of("a {}"),
            new InversionBudget(150, 1, 0.1),
            easy);
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      assertThat(attack.run(MODEL, delta, () -> false).settings())
          .containsEntry("learned from, base model", "cat")
          .containsEntry("learned in steps, base model", "100");
    }
  }

  @ParameterizedTest
  @MethodSource("attempts")
  void canBeCancelled(Attack attempt) {
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      assertThatThrownBy(() -> attempt.run(MODEL, delta, () -> true))
          .isInstanceOf(CancellationException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("attempts")
  void aModelThatCannotDrawIsRefused(Attack attempt) {
    try (TinyDiffusion other = TinyDiffusion.open(2).without(LatentCodec.class)) {
      assertThatThrownBy(() -> attempt.check(other))
          .isInstanceOf(UnsupportedCapabilityException.class)
          .hasMessageContaining("LatentCodec");
    }
  }

  private static int[] pixels(BufferedImage image) {
    return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
  }

  @Test
  void aWordingTakesThePlaceOfTheName() {
    WordingAttack attempt =
        WordingAttack.replacing(
            "translated", "grumpy cat", PROMPTS, List.of("chat grincheux", "gato"), TRIAL);
    assertThat(attempt.prompts()).containsExactly("a chat grincheux", "the gato asleep");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WordingAttack.replacing("x", "dog", PROMPTS, List.of("hound"), TRIAL))
        .withMessageContaining("must contain the target's name 'dog'");
  }

  @Test
  void theWalkFromNoiseWithoutExtrasIsThatOfDdim() {
    // DDIM of the library on the same timesteps, eta 0.
    SamplingSettings settings = new SamplingSettings(Sampler.ddim(), 1, 1, "", 4);
    List<BufferedImage> walked =
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false).draw(PROMPTS);
    assertThat(walked).hasSize(2);
    double[] timesteps = MODEL.schedule().descendingTimes(1, 5);
    assertThat(timesteps[0]).isEqualTo(MODEL.schedule().steps() - 1);
    assertThat(timesteps[4]).isZero();
    assertThat(MODEL.schedule().descendingTimes(0.5, 2)[0])
        .isEqualTo(Math.rint(0.5 * (MODEL.schedule().steps() - 1)));
  }

  @Test
  void anImageIsNoisedByTheClosedForm() {
    NoiseSchedule schedule = MODEL.schedule();
    try (NDManager scope = MODEL.manager().newSubManager()) {
      NDArray clean =
          RandomStreams.gaussian(scope, new Shape(2, 3), RandomStreams.stream(1, "clean", 0));
      NDArray noise =
          RandomStreams.gaussian(scope, new Shape(2, 3), RandomStreams.stream(1, "noise", 0));
      double time = schedule.timeAt(0.5);
      double alpha = schedule.alpha(time);
      double sigma = schedule.sigma(time);
      float[] noised = DdimWalk.noised(clean, noise, alpha, sigma).toFloatArray();
      float[] x = clean.toFloatArray();
      float[] e = noise.toFloatArray();
      for (int i = 0; i < noised.length; i++) {
        assertThat((double) noised[i]).isCloseTo(alpha * x[i] + sigma * e[i], within(1e-6));
      }
    }
  }

  @Test
  void littleNoiseLeavesTheImageAsItWas() {
    List<BufferedImage> originals = originals();
    try (NDManager scope = MODEL.manager().newSubManager()) {
      LatentCodec codec = MODEL.capability(LatentCodec.class).orElseThrow();
      NDArray clean = codec.encode(Images.toSigned(Images.array(originals, scope)), null);
      SamplingSettings settings = new SamplingSettings(Sampler.ddim(), 1, 1, "", 4);
      double step = 1.0 / (MODEL.schedule().steps() - 1);
      List<BufferedImage> finished =
          new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false)
              .start(step / 4)
              .draw(PROMPTS, clean);
      int[] before = pixels(originals.get(0));
      int[] after = pixels(finished.get(0));
      double difference = 0;
      for (int i = 0; i < before.length; i++) {
        difference += Math.abs((before[i] & 255) - (after[i] & 255));
      }
      assertThat(difference / before.length).isLessThan(16);
    }
  }

  @Test
  void aGuideMovesImagesItsWay() {
    SamplingSettings settings = new SamplingSettings(Sampler.ddim(), 4, 1, "", 4);
    double plain = brightness(settings, 0);
    assertThat(brightness(settings, 2)).isGreaterThan(plain);
    assertThat(brightness(settings, 4)).isGreaterThan(brightness(settings, 2));
  }

  private static double brightness(SamplingSettings settings, double strength) {
    List<BufferedImage> drawn =
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false)
            .guide(UP, strength)
            .draw(PROMPTS);
    double sum = 0;
    for (BufferedImage image : drawn) {
      for (int pixel : pixels(image)) {
        sum += (pixel >> 16 & 255) + (pixel >> 8 & 255) + (pixel & 255);
      }
    }
    return sum;
  }

  @Test
  void textualInversionLearnsOneRowAlone() {
    String table =
        MODEL.weights().list().stream()
            .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
            .findFirst()
            .orElseThrow()
            .name();
    String before = MODEL.weights().sha256(table);
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      TextualInversion none = inversion("a {}", new InversionBudget(1, 2, 1e-9), TRIAL);
      TextualInversion much = inversion("a {}", new InversionBudget(8, 2, 0.5), TRIAL);
      BufferedImage one = none.run(MODEL, delta, () -> false).shown().get(0).ablated();
      BufferedImage other = much.run(MODEL, delta, () -> false).shown().get(0).ablated();
      assertThat(pixels(one)).isNotEqualTo(pixels(other));
      // With the initializer's row the placeholder draws what the initializer draws.
      BufferedImage cat =
          delta.applied(
              MODEL,
              () -> LatentSampler.of(MODEL).settings(QUICK).draw(List.of("a cat"), 9).get(0));
      assertThat(pixels(one)).isEqualTo(pixels(cat));
    }
    assertThat(MODEL.weights().sha256(table)).isEqualTo(before);
  }

  @Test
  void wrongValuesAreNamedBeforeAnyWork() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NoiseAttack(1, PROMPTS, TRIAL))
        .withMessage("eta must be above 1, was 1.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SdEditAttack(originals(), 0, PROMPTS, TRIAL))
        .withMessageContaining("start must be above 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new SdEditAttack(
                    List.of(new BufferedImage(3, 5, BufferedImage.TYPE_INT_RGB)),
                    0.5,
                    PROMPTS,
                    TRIAL)
                .check(MODEL))
        .withMessageContaining("one was 3 x 5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> inversion("a cat", new InversionBudget(1, 1, 1), TRIAL))
        .withMessageContaining("templates must have {}");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            TextualInversion.of(
                    originals(),
                    "two words",
                    "cat",
                    List.of("{}"),
                    new InversionBudget(1, 1, 1),
                    TRIAL)
                .check(MODEL))
        .withMessageContaining("'two words' must be one token");
    try (TinyDiffusion other = TinyDiffusion.open(2).without(Differentiable.class)) {
      assertThatThrownBy(() -> inversion("{}", new InversionBudget(1, 1, 1), TRIAL).check(other))
          .isInstanceOf(UnsupportedCapabilityException.class);
    }
  }
}
