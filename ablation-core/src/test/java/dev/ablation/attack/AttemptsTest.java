package dev.ablation.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.concept.PromptPair;
import dev.ablation.delta.WeightDelta;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.model.Differentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import dev.ablation.testing.TinyFlow;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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
  private static final class Bright implements ConceptDetector {
    private final TinyEncoder encoder = new TinyEncoder();

    @Override
    public String name() {
      return "bright";
    }

    @Override
    public FeatureExtractor extractor() {
      return encoder;
    }

    @Override
    public double[] shows(FeatureMatrix features) {
      double[] shown = new double[features.rows()];
      for (int i = 0; i < shown.length; i++) {
        shown[i] = features.get(i, 0) > 0.5 ? 1 : 0;
      }
      return shown;
    }
  }

  private static final AttackSettings TRIAL = new AttackSettings(new Bright(), QUICK, 4, 9);

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
        new GuidanceAttack(UP, 1, List.of("a cat"), TRIAL));
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
          .anyMatch(pair -> !java.util.Arrays.equals(pixels(pair.base()), pixels(pair.ablated())));
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
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false)
            .draw(PROMPTS);
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
        new DdimWalk(MODEL, settings, NoiseSource.ofSeed(3), () -> false).guide(UP, strength)
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
      TextualInversion none =
          inversion("a {}", new InversionBudget(1, 2, 1e-9), TRIAL);
      TextualInversion much =
          inversion("a {}", new InversionBudget(8, 2, 0.5), TRIAL);
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
        .isThrownBy(
            () -> inversion("a cat", new InversionBudget(1, 1, 1), TRIAL))
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
      assertThatThrownBy(() ->
              inversion("{}", new InversionBudget(1, 1, 1), TRIAL)
                  .check(other))
          .isInstanceOf(UnsupportedCapabilityException.class);
    }
  }
}
