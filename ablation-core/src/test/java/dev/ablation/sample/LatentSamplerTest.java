package dev.ablation.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentCodec;
import dev.ablation.schedule.NoiseSchedule;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LatentSamplerTest {
  private static final int SIZE = 4 * 3 * 2;

  private final FakeModel model = new FakeModel();
  private final NDManager owner = model.manager().newSubManager();
  private final SamplingSettings settings = SamplingSettings.defaults().steps(4);

  @AfterEach
  void free() {
    model.close();
  }

  static Stream<Sampler> samplers() {
    return SamplerTest.samplers();
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void anImageDoesNotDependOnItsBatch(Sampler sampler) {
    List<String> prompts = List.of("a", "bb", "ccc", "dddd", "eeeee");
    SamplingSettings own = settings.sampler(sampler);
    float[] together = sample(own.batchSize(5), prompts, 10);
    assertThat(sample(own.batchSize(2), prompts, 10)).containsExactly(together);
    assertThat(sample(own.batchSize(1), prompts, 10)).containsExactly(together);
    assertThat(sample(own, prompts.subList(3, 4), 13))
        .containsExactly(Arrays.copyOfRange(together, 3 * SIZE, 4 * SIZE));
    assertThat(sample(own, prompts, 10)).as("again").containsExactly(together);
    assertThat(sample(own, prompts, 11)).as("another seed").isNotEqualTo(together);
  }

  private static Conditioning limited(Conditioning batch, int most) {
    if (batch.batchSize() > most) {
      throw new IllegalStateException("CUDA out of memory. Tried to allocate 2.00 GiB");
    }
    return batch;
  }

  @Test
  void aBatchThatDoesNotFitIsHalved() {
    List<String> prompts = List.of("a", "bb", "ccc", "dddd", "eeeee");
    List<String> warnings = new ArrayList<>();
    LatentSampler sampler = LatentSampler.of(model).settings(settings.batchSize(5));
    float[] halved =
        sampler
            .conditioning(batch -> limited(batch, 2))
            .warnings(warnings::add)
            .sample(prompts, 10, owner)
            .toFloatArray();
    assertThat(halved).containsExactly(sampler.sample(prompts, 10, owner).toFloatArray());
    assertThat(warnings)
        .containsExactly("a batch of 5 images does not fit into memory; drawing 2 at a time");
    assertThatIllegalStateException()
        .isThrownBy(
            () -> sampler.conditioning(batch -> limited(batch, 0)).sample(prompts, 10, owner))
        .withMessageContainingAll("out of memory", "one image at a time", "half precision");
  }

  @Test
  void eachImageMayHaveASeedOfItsOwn() {
    LatentSampler sampler = sampler(settings.sampler(Sampler.ddim(1)));
    float[] latents =
        sampler.sample(List.of("a", "a", "a"), NoiseSource.ofSeeds(7, 9, 7), owner).toFloatArray();
    float[] first = Arrays.copyOf(latents, SIZE);
    assertThat(Arrays.copyOfRange(latents, 2 * SIZE, 3 * SIZE)).containsExactly(first);
    assertThat(Arrays.copyOfRange(latents, SIZE, 2 * SIZE)).isNotEqualTo(first);
    assertThatThrownBy(() -> sampler.sample(List.of("a", "b"), NoiseSource.ofSeeds(7), owner))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void guidanceTakesOneCallWithTheNegativePromptFirst() {
    sample(settings.negativePrompt("no"), List.of("abc", "abcde"), 1);
    assertThat(model.encoded).containsExactly(List.of("abc", "abcde"), List.of("no"));
    assertThat(model.calls).hasSize(4);
    FakeModel.Call call = model.calls.get(0);
    assertThat(call.latents()).isEqualTo(new Shape(4, 4, 3, 2));
    assertThat(call.conditions()).containsExactly(2, 2, 3, 5);
    assertThat(call.timesteps()).isEqualTo("int64 999.0");
  }

  @Test
  void guidanceMovesFromTheNegativePredictionThroughThePositiveOne() {
    // Predictions are 0.5 x + length: guided, 0.5 x + negative + g (positive - negative).
    SamplingSettings plain = settings.sampler(Sampler.ddim()).guidanceScale(1);
    float[] guided = sample(plain.guidanceScale(3).negativePrompt("n"), List.of("ppp"), 1);
    float[] equal = sample(plain, List.of("1234567"), 1);
    assertThat(guided).containsExactly(equal, Offset.offset(1e-4f));
  }

  @Test
  void withoutGuidanceThereIsNoUnconditionalPass() {
    for (double scale : new double[] {0, 0.5, 1}) {
      model.encoded.clear();
      model.calls.clear();
      sample(settings.guidanceScale(scale), List.of("abc"), 1);
      assertThat(model.encoded).containsExactly(List.of("abc"));
      assertThat(model.calls.get(0).latents()).isEqualTo(new Shape(1, 4, 3, 2));
    }
  }

  @Test
  void fractionalTimestepsAreFloats() {
    sample(settings.sampler(Sampler.euler()).steps(5), List.of("a"), 1);
    assertThat(model.calls.stream().map(FakeModel.Call::timesteps))
        .containsExactly(
            "int64 999.0", "float32 749.25", "float32 499.5", "float32 249.75", "int64 0.0");
  }

  @Test
  void latentsMayHaveAnotherSize() {
    NDArray latents = sampler(settings).latentSize(5, 7).sample(List.of("a"), 1, owner);
    assertThat(latents.getShape()).isEqualTo(new Shape(1, 4, 5, 7));
    assertThat(latents.getManager()).isSameAs(owner);
  }

  @Test
  void theCallerMayGiveTheNoise() {
    NDArray initial = owner.randomNormal(new Shape(2, 4, 3, 2));
    NoiseSource noise = NoiseSource.ofInitial(initial, NoiseSource.ofSeed(1));
    Sampler euler = Sampler.euler().spacing(TimestepSpacing.TRAILING, 0);
    SamplingSettings one = settings.batchSize(1).guidanceScale(1);
    float[] latents =
        sampler(one.sampler(euler).steps(1)).sample(List.of("", ""), noise, owner).toFloatArray();
    // One step from the largest sigma s to 0: x - s e, with e = 0.5 x / sqrt(s^2 + 1).
    double sigma = NoiseSchedule.stableDiffusion().noiseLevel(999);
    double factor = sigma - sigma * 0.5 * sigma / Math.hypot(sigma, 1);
    float[] expected = initial.mul(factor).toFloatArray();
    assertThat(latents).containsExactly(expected, Offset.offset(1e-4f));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler(one).latentSize(5, 5).sample(List.of("", ""), noise, owner))
        .withMessage("noise: expected (4, 5, 5), was (4, 3, 2)");
  }

  @Test
  void progressIsToldAfterEachStep() {
    List<SamplingProgress> told = new ArrayList<>();
    sampler(settings.steps(2).batchSize(2))
        .listener(told::add)
        .sample(List.of("a", "b", "c"), 1, owner);
    assertThat(told)
        .containsExactly(
            new SamplingProgress(1, 2, 0, 2, 3),
            new SamplingProgress(2, 2, 0, 2, 3),
            new SamplingProgress(1, 2, 2, 1, 3),
            new SamplingProgress(2, 2, 2, 1, 3));
    assertThat(told.get(0).fraction()).isCloseTo(1 / 3., Offset.offset(1e-12));
    assertThat(told.get(3).fraction()).isEqualTo(1);
  }

  @Test
  void cancellingEndsBetweenStepsAndFreesEverything() {
    int before = arrays(model.manager());
    List<SamplingProgress> told = new ArrayList<>();
    LatentSampler sampler =
        sampler(settings).listener(told::add).cancellation(() -> told.size() == 2);
    assertThatThrownBy(() -> sampler.sample(List.of("a"), 1, owner))
        .isInstanceOf(CancellationException.class)
        .hasMessageContaining("before step 3 of 4");
    assertThat(model.calls).hasSize(2);
    assertThat(arrays(model.manager())).isEqualTo(before);
  }

  @Test
  void anInterruptCancelsAndStays() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> sampler(settings).sample(List.of("a"), 1, owner))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void onlyTheResultIsLeft(Sampler sampler) {
    int before = arrays(model.manager());
    List<Integer> during = new ArrayList<>();
    sampler(settings.sampler(sampler).steps(8).batchSize(2))
        .listener(progress -> during.add(arrays(model.manager())))
        .sample(List.of("a", "b", "c"), 1, owner);
    assertThat(arrays(model.manager())).isEqualTo(before + 1);
    // Memory is flat once the method remembers as much as it ever will; Heun forgets every other
    // time.
    assertThat(during.get(5)).isLessThanOrEqualTo(during.get(4));
    assertThat(during.get(6)).isEqualTo(during.get(4));
  }

  @Test
  void imagesNeedACodec() {
    assertThatThrownBy(() -> sampler(settings).draw(List.of("a"), 1))
        .isInstanceOf(UnsupportedCapabilityException.class)
        .hasMessageContaining("'fake'")
        .hasMessageContaining("LatentCodec");
  }

  @Test
  void imagesAreDecodedInBatches() {
    List<Shape> decoded = new ArrayList<>();
    model.codec =
        new LatentCodec() {
          @Override
          public int downscaling() {
            return 1;
          }

          @Override
          public NDArray decode(NDArray latents) {
            decoded.add(latents.getShape());
            return latents.get(":, :3").mul(0);
          }

          @Override
          public NDArray encode(NDArray images, @Nullable NDArray noise) {
            throw new UnsupportedOperationException();
          }
        };
    int before = arrays(model.manager());
    List<BufferedImage> images = sampler(settings.batchSize(2)).draw(List.of("a", "b", "c"), 1);
    assertThat(decoded).containsExactly(new Shape(2, 4, 3, 2), new Shape(1, 4, 3, 2));
    assertThat(images).hasSize(3);
    assertThat(images.get(2).getRGB(1, 2)).isEqualTo(0xff808080);
    assertThat(arrays(model.manager())).isEqualTo(before);
  }

  @Test
  void wrongArgumentsAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler(settings).sample(List.of(), 1, owner))
        .withMessage("prompts must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.steps(0))
        .withMessage("steps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.batchSize(-1))
        .withMessage("batchSize must be positive, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.guidanceScale(Double.NaN))
        .withMessage("guidanceScale must be finite and not negative, was NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler(settings).latentSize(0, 1))
        .withMessage("height must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler(settings.steps(2000)).sample(List.of("a"), 1, owner))
        .withMessage("steps must be at most the schedule's 1000, was 2000");
    LatentSampler sampler = sampler(settings);
    model.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> sampler.sample(List.of("a"), 1, owner))
        .withMessage("model 'fake' is closed");
  }

  @Test
  void defaultsAreDpmSolverWith25Steps() {
    assertThat(SamplingSettings.defaults())
        .isEqualTo(new SamplingSettings(Sampler.dpmSolverPlusPlus(), 25, 7.5, "", 4));
  }

  private LatentSampler sampler(SamplingSettings settings) {
    return LatentSampler.of(model).settings(settings);
  }

  private float[] sample(SamplingSettings settings, List<String> prompts, long seed) {
    return sampler(settings).sample(prompts, seed, owner).toFloatArray();
  }

  /** Arrays of a manager and of all below it. */
  private static int arrays(NDManager manager) {
    return manager.getManagedArrays().size();
  }
}
