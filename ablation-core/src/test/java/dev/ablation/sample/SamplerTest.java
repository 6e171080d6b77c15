package dev.ablation.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.SigmaShift;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SamplerTest {
  private static final Shape LATENTS = new Shape(4, 8, 8);
  private static final VariancePreservingSchedule SCHEDULE = NoiseSchedule.stableDiffusion();

  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void free() {
    manager.close();
  }

  static Stream<Sampler> samplers() {
    return Stream.of(
        Sampler.ddpm(),
        Sampler.ddim(),
        Sampler.ddim(1),
        Sampler.pndm(),
        Sampler.dpmSolverPlusPlus(),
        Sampler.dpmSolverPlusPlus().order(1),
        Sampler.dpmSolverPlusPlus().order(3),
        Sampler.dpmSolverPlusPlus().karrasSigmas(true),
        Sampler.dpmSolverPlusPlus().stochastic(true),
        Sampler.euler(),
        Sampler.euler().karrasSigmas(true),
        Sampler.heun(),
        Sampler.heun().karrasSigmas(true),
        Sampler.eulerAncestral(),
        Sampler.lms(),
        Sampler.lms().karrasSigmas(true),
        Sampler.deis(),
        Sampler.deis().order(3).karrasSigmas(true),
        Sampler.lcm(),
        Sampler.tcd(),
        Sampler.tcd().gamma(0),
        Sampler.uniPc(),
        Sampler.uniPc().order(3),
        Sampler.uniPc().karrasSigmas(true));
  }

  /** A network that always sees through to the same clean sample must lead there. */
  @ParameterizedTest
  @MethodSource("samplers")
  void aPerfectNetworkLeadsToTheCleanSample(Sampler sampler) {
    for (int steps : new int[] {1, 2, 3, 20}) {
      try (NDManager scope = manager.newSubManager();
          SamplerRun run = sampler.start(SCHEDULE, PredictionType.SAMPLE, steps, LATENTS)) {
        if (steps < 20 && run.timesteps()[0] < 700) {
          continue; // leading spacing with one step begins at timestep 1
        }
        NDArray clean = scope.create(new float[] {0.5f, -2, 1, 0}, new Shape(1, 4));
        NDArray x = scope.randomNormal(clean.getShape()).muli(run.initNoiseSigma());
        for (int i = 0; i < run.steps(); i++) {
          NDArray noise = run.drawsNoise(i) ? scope.randomNormal(clean.getShape()) : null;
          x = run.step(clean, i, x, noise);
        }
        // Methods on timesteps end at timestep 0 or 1, where a little noise is left.
        assertThat(x.toFloatArray()).containsExactly(clean.toFloatArray(), Offset.offset(0.2f));
      }
    }
  }

  /** Steps that are left out must not change where a perfect network leads. */
  @ParameterizedTest
  @MethodSource("samplers")
  void aRunMayStartFromANoisedImage(Sampler sampler) {
    if (sampler instanceof Pndm) {
      return;
    }
    for (int skipped : new int[] {0, 1, 7, 19}) {
      try (NDManager scope = manager.newSubManager();
          SamplerRun run = sampler.start(SCHEDULE, PredictionType.EPSILON, 20, LATENTS)) {
        NDArray clean = scope.create(new float[] {0.5f, -2, 1, 0}, new Shape(1, 4));
        NDArray noise = scope.create(new float[] {1, -0.5f, 0.3f, 2}, new Shape(1, 4));
        int first = run.skip(skipped);
        assertThat(first).isEqualTo(sampler instanceof Heun ? 2 * skipped : skipped);
        NDArray x = run.addNoise(clean, first, noise);
        assertThat(run.predictOriginal(noise, first, x).toFloatArray())
            .as("the network's input has the noise of the step")
            .containsExactly(clean.toFloatArray(), Offset.offset(2e-3f));
        for (int i = first; i < run.steps(); i++) {
          // What the network sees of the clean sample is exact, whatever noise was drawn.
          double t = run.timesteps()[i];
          NDArray seen = run.predictOriginal(scope.zeros(clean.getShape()), i, x);
          NDArray one = run.predictOriginal(scope.ones(clean.getShape()), i, x);
          NDArray exact = clean.sub(seen).div(one.sub(seen));
          NDArray fresh = run.drawsNoise(i) ? scope.randomNormal(clean.getShape()) : null;
          x = run.step(exact, i, x, fresh);
          assertThat(x.sum().getFloat()).as("after timestep %s", t).isFinite();
        }
        assertThat(x.toFloatArray()).containsExactly(clean.toFloatArray(), Offset.offset(0.2f));
      }
    }
  }

  @Test
  void aRunStartsLaterOnceAndOnlyWhereItCan() {
    try (SamplerRun run = Sampler.ddim().start(SCHEDULE, PredictionType.EPSILON, 4, LATENTS)) {
      assertThat(run.skip(2)).isEqualTo(2);
      NDArray x = manager.ones(new Shape(1, 4));
      assertThatIllegalStateException().isThrownBy(() -> run.step(x, 0, x, null));
      run.step(x, 2, x, null).close();
      assertThatIllegalStateException().isThrownBy(() -> run.skip(3));
    }
    try (SamplerRun run = Sampler.pndm().start(SCHEDULE, PredictionType.EPSILON, 4, LATENTS)) {
      assertThat(run.skip(0)).isZero();
      assertThatThrownBy(() -> run.skip(1))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("pndm")
          .hasMessageContaining("strength must be 1");
    }
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void timestepsFallWithinTheSchedule(Sampler sampler) {
    boolean distilled = sampler instanceof Lcm || sampler instanceof Tcd;
    for (int steps : distilled ? new int[] {1, 2, 7, 50} : new int[] {1, 2, 7, 61, 250, 999}) {
      try (SamplerRun run = sampler.start(SCHEDULE, PredictionType.V_PREDICTION, steps, LATENTS)) {
        double[] timesteps = run.timesteps();
        int calls =
            sampler instanceof Heun
                ? 2 * steps - 1
                : sampler instanceof Pndm && steps > 1 ? steps + 1 : steps;
        assertThat(timesteps).hasSize(calls);
        for (int i = 0; i < timesteps.length; i++) {
          assertThat(timesteps[i]).isBetween(0., 999.);
          assertThat(timesteps[i]).isLessThanOrEqualTo(timesteps[Math.max(0, i - 1)]);
        }
        if (run.sigmas().length > 0) {
          assertThat(run.sigmas()).hasSize((sampler instanceof Heun ? calls : steps) + 1);
          assertThat(run.sigmas()[run.sigmas().length - 1])
              .isBetween(0., sampler instanceof Deis ? 0.03 : 0);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void everySpacingGivesAsManyTimestepsAsStepsAndNoneOutside(TimestepSpacing spacing) {
    for (int steps = 1; steps <= 1000; steps++) {
      for (double[] timesteps :
          List.of(
              Timesteps.inclusive(spacing, 1, 1000, steps, false),
              Timesteps.inclusive(spacing, 1, 1000, steps, true),
              steps == 1000
                  ? Timesteps.exclusive(TimestepSpacing.TRAILING, 1, 1000, steps)
                  : Timesteps.exclusive(spacing, 1, 1000, steps))) {
        assertThat(timesteps).hasSize(steps);
        assertThat(timesteps[0]).isLessThanOrEqualTo(999);
        assertThat(timesteps[steps - 1]).isNotNegative();
        for (int i = 1; i < steps; i++) {
          assertThat(timesteps[i]).isLessThan(timesteps[i - 1]);
        }
      }
    }
  }

  @Test
  void asManyStepsAsTimestepsVisitEachOnce() {
    double[] all = new double[1000];
    Arrays.setAll(all, i -> 999 - i);
    for (TimestepSpacing spacing : TimestepSpacing.values()) {
      Sampler sampler = Sampler.ddpm().spacing(spacing, 1);
      try (SamplerRun run = sampler.start(SCHEDULE, PredictionType.EPSILON, 1000, LATENTS)) {
        assertThat(run.timesteps()).containsExactly(all);
        assertThat(run.drawsNoise(998)).isTrue();
        assertThat(run.drawsNoise(999)).isFalse();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void stepsMustFitTheSchedule(Sampler sampler) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.start(SCHEDULE, PredictionType.EPSILON, 0, LATENTS))
        .withMessage("steps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.start(SCHEDULE, PredictionType.EPSILON, 1001, LATENTS))
        .withMessage("steps must be at most the schedule's 1000, was 1001");
  }

  @Test
  void solversRefuseAsManyStepsAsTimesteps() {
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            Sampler.dpmSolverPlusPlus().start(SCHEDULE, PredictionType.EPSILON, 1000, LATENTS))
        .withMessage("steps must be below the schedule's 1000 with LINSPACE spacing, was 1000");
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void methodsOnDiscreteTimestepsRefuseAFlow(Sampler sampler) {
    NoiseSchedule flow = NoiseSchedule.rectifiedFlow();
    assertThat(sampler.supports(flow, PredictionType.FLOW)).isFalse();
    assertThat(sampler.supports(SCHEDULE, PredictionType.EPSILON)).isTrue();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.start(flow, PredictionType.FLOW, 4, LATENTS))
        .withMessageContaining(sampler.name() + " does not work with the model's schedule")
        .withMessageContaining("flow-match-euler");
  }

  @Test
  void aPerfectVelocityLeadsToTheCleanSampleInAnyNumberOfSteps() {
    NoiseSchedule flow = NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3));
    for (int steps : new int[] {1, 2, 28}) {
      for (FlowSigmas spacing : FlowSigmas.values()) {
        try (NDManager scope = manager.newSubManager();
            SamplerRun run =
                Sampler.flowMatchEuler()
                    .spacing(spacing)
                    .start(flow, PredictionType.FLOW, steps, LATENTS)) {
          NDArray clean = scope.create(new float[] {0.5f, -2, 1, 0}, new Shape(1, 4));
          NDArray noise = scope.randomNormal(clean.getShape());
          NDArray x = noise.mul(run.initNoiseSigma());
          for (int i = 0; i < run.steps(); i++) {
            NDArray velocity = noise.sub(clean);
            assertThat(run.predictOriginal(velocity, i, x).toFloatArray())
                .containsExactly(clean.toFloatArray(), Offset.offset(1e-5f));
            x = run.step(velocity, i, x, null);
          }
          assertThat(x.toFloatArray()).containsExactly(clean.toFloatArray(), Offset.offset(1e-5f));
        }
      }
    }
  }

  @Test
  void flowMatchingRefusesWhatItCannotDrawAndWrongSettings() {
    FlowMatchEuler sampler = Sampler.flowMatchEuler();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.start(SCHEDULE, PredictionType.EPSILON, 4, LATENTS))
        .withMessageContaining("flow-match-euler does not work with the model's schedule scaled");
    NoiseSchedule flow = NoiseSchedule.rectifiedFlow();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.start(flow, PredictionType.FLOW, 0, LATENTS))
        .withMessage("steps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.sigmas(1, 0.5).start(flow, PredictionType.FLOW, 3, LATENTS))
        .withMessage("steps must be as many as the given sigmas, 2, was 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.sigmas(0.5, 0.7))
        .withMessageContaining("falling, was 0.7 after 0.5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.terminal(1))
        .withMessage("terminal must be from 0 to below 1, was 1.0");
    assertThat(sampler.settings())
        .isEqualTo(Map.of("spacing", "trained", "shift", "of the schedule", "terminal", 0.0));
    assertThat(sampler.shift(SigmaShift.constant(3)))
        .isEqualTo(sampler.shift(SigmaShift.constant(3)))
        .isNotEqualTo(sampler);
  }

  @Test
  void withoutNoiseDdimIsEulerInTheNoiseLevel() {
    // Both integrate the same equation in the same variable (Karras et al. 2022, appendix C.3).
    Sampler ddim = new Ddim(0, true, 0, TimestepSpacing.LINSPACE, 0);
    VariancePreservingSchedule schedule = NoiseSchedule.scaledLinear(10, 0.01, 0.5);
    NDArray start = manager.randomNormal(new Shape(1, 8));
    float[] one = run(ddim, schedule, 10, start, 1);
    float[] two = run(Sampler.euler(), schedule, 10, start, Math.hypot(schedule.noiseLevel(9), 1));
    assertThat(one).containsExactly(two, Offset.offset(1e-4f));
  }

  @Test
  void etaZeroIsDeterministicAndDrawsNothing() {
    try (SamplerRun run = Sampler.ddim().start(SCHEDULE, PredictionType.EPSILON, 10, LATENTS)) {
      for (int i = 0; i < run.steps(); i++) {
        assertThat(run.drawsNoise(i)).isFalse();
      }
    }
    NDArray start = manager.randomNormal(new Shape(1, 8));
    assertThat(run(Sampler.ddim(0), SCHEDULE, 10, start, 1))
        .containsExactly(run(Sampler.ddim(), SCHEDULE, 10, start, 1));
  }

  @Test
  void aModelOfNoiseCannotStartFromNoiseAlone() {
    NoiseSchedule rescaled = SCHEDULE.rescaledToZeroTerminalSnr();
    Sampler trailing = Sampler.ddim().spacing(TimestepSpacing.TRAILING, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> trailing.start(rescaled, PredictionType.EPSILON, 10, LATENTS))
        .withMessageContaining("expected V_PREDICTION or SAMPLE, was EPSILON");
    trailing.start(rescaled, PredictionType.V_PREDICTION, 10, LATENTS).close();
  }

  @ParameterizedTest
  @MethodSource("samplers")
  void nothingIsLeftBehind(Sampler sampler) {
    NDArray x = manager.randomNormal(new Shape(2, 4));
    NDArray noise = manager.randomNormal(new Shape(2, 4));
    int before = manager.getManagedArrays().size();
    try (SamplerRun run = sampler.start(SCHEDULE, PredictionType.V_PREDICTION, 6, LATENTS)) {
      for (int i = 0; i < run.steps(); i++) {
        try (NDManager step = manager.newSubManager()) {
          NDArray sample = x.duplicate();
          sample.attach(step);
          NDArray input = run.scaleModelInput(sample, i);
          NDArray next = run.step(x, i, sample, noise);
          assertThat(next.getManager()).isSameAs(step);
          assertThat(step.getManagedArrays()).hasSize(input == sample ? 2 : 3);
        }
      }
    }
    assertThat(manager.getManagedArrays()).hasSize(before);
    assertThat(x.toFloatArray()).hasSize(8);
  }

  @Test
  void stepsAreMadeInOrderWithWhatTheyNeed() {
    NDArray x = manager.ones(new Shape(1, 2));
    try (SamplerRun run = Sampler.ddim(1).start(SCHEDULE, PredictionType.EPSILON, 3, LATENTS)) {
      assertThatIllegalStateException()
          .isThrownBy(() -> run.step(x, 1, x, x))
          .withMessage("steps are made once each, in order: the next is 0, was 1");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> run.step(x, 0, x, null))
          .withMessage("noise: step 0 draws noise, was null");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> run.step(manager.ones(new Shape(2)), 0, x, x))
          .withMessage("modelOutput: expected (1, 2), was (2)");
      run.step(x, 0, x, x);
      assertThatIllegalStateException().isThrownBy(() -> run.step(x, 0, x, x));
    }
  }

  @Test
  void aClosedRunMakesNoSteps() {
    NDArray x = manager.ones(new Shape(1, 2));
    SamplerRun run = Sampler.ddim().start(SCHEDULE, PredictionType.EPSILON, 3, LATENTS);
    run.close();
    run.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> run.step(x, 0, x, null))
        .withMessage("the run is closed");
  }

  @Test
  void settingsAreForProvenance() {
    Sampler sampler = Sampler.ddim(0.5).spacing(TimestepSpacing.TRAILING, 0);
    assertThat(sampler.name()).isEqualTo("ddim");
    assertThat(sampler.settings())
        .containsExactly(
            Map.entry("eta", 0.5),
            Map.entry("setAlphaToOne", false),
            Map.entry("clipRange", 0.0),
            Map.entry("spacing", "trailing"),
            Map.entry("stepsOffset", 0));
    assertThat(samplers().map(Sampler::name).distinct())
        .containsExactly(
            "ddpm",
            "ddim",
            "pndm",
            "dpm-solver++",
            "euler",
            "heun",
            "euler-ancestral",
            "lms",
            "deis",
            "lcm",
            "tcd",
            "unipc");
  }

  @Test
  void wrongSettingsAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sampler.ddim(1.5))
        .withMessage("eta must be in [0, 1], was 1.5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sampler.tcd().gamma(-0.1))
        .withMessage("gamma must be in [0, 1], was -0.1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sampler.lcm().start(SCHEDULE, PredictionType.EPSILON, 51, LATENTS))
        .withMessage("steps must be at most the 50 that the model was distilled on, was 51");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            Sampler.tcd().distilledSteps(1001).start(SCHEDULE, PredictionType.EPSILON, 4, LATENTS))
        .withMessage("distilledSteps must be at most the schedule's 1000, was 1001");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sampler.uniPc().order(4))
        .withMessage("order must be 1, 2 or 3, was 4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sampler.dpmSolverPlusPlus().stochastic(true).order(3))
        .withMessage("order must be 1 or 2 for the stochastic form, was 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Sampler.pndm().spacing(TimestepSpacing.LEADING, -1))
        .withMessage("stepsOffset must not be negative, was -1");
  }

  private static float[] run(
      Sampler sampler, NoiseSchedule schedule, int steps, NDArray start, double scale) {
    try (NDManager scope = start.getManager().newSubManager();
        SamplerRun run = sampler.start(schedule, PredictionType.EPSILON, steps, LATENTS)) {
      NDArray x = start.mul(scale);
      x.attach(scope);
      for (int i = 0; i < run.steps(); i++) {
        x = run.step(run.scaleModelInput(x, i).sin(), i, x, null);
      }
      return x.toFloatArray();
    }
  }
}
