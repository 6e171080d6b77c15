package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.InversionBudget;
import dev.ablation.attack.TextualInversion;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDetector;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class InversionStepTest {
  private static final TinyDiffusion MODEL = TinyDiffusion.open(1);

  /** Of the second image, a colour for each of the latents' pixels, before the step was shared. */
  private static final int[] BASE = {
    0xff00fd, 0x0052ff, 0x004fff, 0xff00fb, 0xff00e1, 0x3f00ff, 0xff00a5, 0xffcd00, 0xfc0bbc,
    0xff00ff, 0x0079ff, 0x0051fa, 0x0053ff, 0xff8a53, 0x0073fb, 0x00ffff, 0x00ccf3, 0xff00e1,
    0xff00c5, 0x007cc2, 0x006edf, 0x0067f4, 0xff0035, 0x0072ff
  };

  private static final int[] ABLATED = {
    0xff00ff, 0x7700ff, 0x00ffff, 0xff00ff, 0xff00f7, 0x64d0ff, 0xff59dd, 0x00ff00, 0xff00d7,
    0xff00ff, 0x3c00ff, 0x8f10ff, 0x9700ff, 0x00ff63, 0x00ffcb, 0x00ffff, 0x00ffff, 0xff00ff,
    0xff00c3, 0x00ffeb, 0x8a00e5, 0x00dd60, 0xff001b, 0x00d8b0
  };

  @AfterAll
  static void close() {
    MODEL.close();
  }

  /** The attack of a seed draws what it drew before it shared its step with training. */
  @Test
  void theAttackIsWhatItWas() {
    SamplingSettings sampling = new SamplingSettings(Sampler.ddim(), 3, 2, "", 2);
    List<BufferedImage> originals =
        LatentSampler.of(MODEL)
            .settings(sampling)
            .draw(List.of("a grumpy cat", "the grumpy cat asleep"), 50);
    try (WeightDelta delta = TinyDelta.of(MODEL, 0.5)) {
      AttackResult result =
          TextualInversion.of(
                  originals,
                  "sks",
                  "cat",
                  List.of("a {}"),
                  new InversionBudget(12, 2, 0.2),
                  new AttackSettings(
                      new TinyDetector("never", (features, row) -> false), sampling, 2, 9))
              .run(MODEL, delta, () -> false);
      ImagePair second = result.shown().get(1);
      assertSame(second.base(), BASE);
      assertSame(second.ablated(), ABLATED);
    }
  }

  private static void assertSame(BufferedImage image, int[] colours) {
    int width = MODEL.descriptor().latentWidth();
    int scale = image.getWidth() / width;
    for (int i = 0; i < colours.length; i++) {
      int drawn = image.getRGB(i % width * scale, i / width * scale);
      for (int shift = 0; shift < 24; shift += 8) {
        assertThat(drawn >> shift & 255)
            .as("pixel %s", i)
            .isCloseTo(colours[i] >> shift & 255, within(2));
      }
    }
  }

  /** Words that are learned beside training make the very same step. */
  @Test
  void wordsBesideTrainingLowerTheSameLoss() {
    List<String> prompts = List.of("a sks", "the sks asleep");
    LearnedWords words = new LearnedWords(MODEL, "sks", 1, 2e-2, List.of("cat"), 3);
    try (NDManager scope = MODEL.newScope()) {
      NDArray images =
          RandomStreams.gaussian(
              scope, new Shape(2, 3, 4, 6), RandomStreams.stream(1, "images", 0));
      double alone =
          words.with(
              0,
              scope,
              () ->
                  InversionStep.of(2e-2).loss(MODEL, images, prompts, random(), scope).getFloat());
      double before = words.learn(0, images, prompts, random(), scope);
      assertThat(before).isCloseTo(alone, within(1e-6));
      double after = before;
      for (int i = 0; i < 20; i++) {
        after = words.learn(0, images, prompts, random(), scope);
      }
      assertThat(after).isLessThan(before);
    }
  }

  private static RandomGenerator random() {
    return RandomStreams.stream(1, "step", 1);
  }

  /** By the formula, on the numbers that the stream gives. */
  @Test
  void theLossIsTheWeightedMeanSquare() {
    try (NDManager scope = MODEL.newScope()) {
      NDArray images =
          RandomStreams.gaussian(
              scope, new Shape(2, 3, 4, 6), RandomStreams.stream(1, "images", 0));
      List<String> prompts = List.of("a cat", "the dog");
      double loss = InversionStep.of(1e-3).loss(MODEL, images, prompts, random(), scope).getFloat();
      RandomGenerator random = random();
      double[] times = TimestepSampling.uniform(0.2, 1).draw(2, MODEL.schedule(), random);
      NDArray noise = RandomStreams.gaussian(scope, images.getShape(), random);
      double sum = 0;
      for (int i = 0; i < 2; i++) {
        double alpha = MODEL.schedule().alpha(times[i]);
        double sigma = MODEL.schedule().sigma(times[i]);
        NDArray one = noise.get(i + ":" + (i + 1));
        NDArray noised = images.get(i + ":" + (i + 1)).mul(alpha).add(one.mul(sigma));
        NDArray at = MODEL.schedule().toArray(new double[] {times[i]}, scope);
        NDArray error =
            MODEL.predict(noised, at, MODEL.encode(List.of(prompts.get(i)), scope)).sub(one);
        double weight = 1 / (alpha * alpha / (sigma * sigma) + 0.1);
        sum += error.square().mean().getFloat() * weight / 2;
      }
      double all = 0; // the weights have mean 1 over the schedule
      for (int t = 0; t < MODEL.schedule().steps(); t++) {
        double ratio = MODEL.schedule().alpha(t) / MODEL.schedule().sigma(t);
        all += 1 / (ratio * ratio + 0.1) / MODEL.schedule().steps();
      }
      sum /= all;
      assertThat(loss).isCloseTo(sum, within(1e-4 * sum));
    }
  }

  @Test
  void wrongRatesAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new InversionStep(0, TimestepSampling.uniform(), TimestepWeighting.uniform()))
        .withMessage("learningRate must be positive, was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new InversionBudget(1, 1, -1))
        .withMessage("learningRate must be positive, was -1.0");
  }
}
