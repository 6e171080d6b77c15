package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.sample.Ddim;
import dev.ablation.sample.Ddpm;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.TimestepSpacing;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.SigmaShift;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchedulerConfigTest {
  private static final String STABLE_DIFFUSION =
      "'beta_start': 0.00085, 'beta_end': 0.012, 'beta_schedule': 'scaled_linear'";

  @Test
  void theConfigurationOfStableDiffusion1() throws IOException {
    SchedulerConfig config =
        parse(
            "PNDMScheduler",
            STABLE_DIFFUSION
                + ", 'num_train_timesteps': 1000, 'set_alpha_to_one': false,"
                + " 'skip_prk_steps': true, 'steps_offset': 1, 'trained_betas': null,"
                + " 'clip_sample': false, '_diffusers_version': '0.7.0.dev0'");
    assertThat(config.schedule()).isEqualTo(NoiseSchedule.stableDiffusion());
    assertThat(config.predictionType()).isEqualTo(PredictionType.EPSILON);
    assertThat(config.sampler()).isEqualTo(Sampler.pndm());
  }

  @Test
  void theFactoriesAreThePublishedSettings() throws IOException {
    String common = STABLE_DIFFUSION + ", 'steps_offset': 1, 'clip_sample': false";
    assertThat(parse("DDPMScheduler", common).sampler()).isEqualTo(Sampler.ddpm());
    assertThat(parse("DDIMScheduler", common + ", 'set_alpha_to_one': false").sampler())
        .isEqualTo(Sampler.ddim());
    assertThat(parse("DPMSolverMultistepScheduler", "").sampler())
        .isEqualTo(Sampler.dpmSolverPlusPlus());
    assertThat(parse("EulerDiscreteScheduler", "").sampler()).isEqualTo(Sampler.euler());
    assertThat(parse("EulerAncestralDiscreteScheduler", "").sampler())
        .isEqualTo(Sampler.eulerAncestral());
    assertThat(parse("UniPCMultistepScheduler", "").sampler()).isEqualTo(Sampler.uniPc());
  }

  @Test
  void absentKeysTakeTheDefaultsOfTheClass() throws IOException {
    assertThat(parse("DDIMScheduler", "").sampler())
        .isEqualTo(new Ddim(0, true, 1, TimestepSpacing.LEADING, 0));
    assertThat(parse("DDPMScheduler", "").sampler())
        .isEqualTo(new Ddpm(1, TimestepSpacing.LEADING, 0));
    assertThat(parse("DDPMScheduler", "").schedule())
        .isEqualTo(NoiseSchedule.linear(1000, 0.0001, 0.02));
    assertThat(SchedulerConfig.ofStableDiffusion("DDPMScheduler", json("")).sampler())
        .isEqualTo(Sampler.ddpm());
  }

  @Test
  void schedulesOfEveryKind() throws IOException {
    assertThat(parse("DDIMScheduler", "'beta_schedule': 'squaredcos_cap_v2'").schedule())
        .isEqualTo(NoiseSchedule.cosine(1000));
    assertThat(parse("DDIMScheduler", "'trained_betas': [0.1, 0.2]").schedule())
        .isEqualTo(NoiseSchedule.ofBetas(0.1, 0.2));
    String rescaled = STABLE_DIFFUSION + ", 'rescale_betas_zero_snr': true";
    assertThat(parse("DDIMScheduler", rescaled).schedule())
        .isEqualTo(NoiseSchedule.stableDiffusion().rescaledToZeroTerminalSnr());
    assertThat(parse("PNDMScheduler", rescaled + ", 'skip_prk_steps': true").schedule())
        .as("a key that the class does not know")
        .isEqualTo(NoiseSchedule.stableDiffusion());
  }

  /** The classes of k-diffusion and of consistency models state betas of their own. */
  @ParameterizedTest
  @CsvSource({
    "HeunDiscreteScheduler, linear",
    "KDPM2DiscreteScheduler, linear",
    "KDPM2AncestralDiscreteScheduler, linear",
    "DPMSolverSDEScheduler, linear",
    "LCMScheduler, scaled_linear",
    "TCDScheduler, scaled_linear"
  })
  void absentBetasAreThoseOfTheClass(String className, String kind) throws IOException {
    assertThat(parse(className, "").schedule())
        .isEqualTo(
            kind.equals("linear")
                ? NoiseSchedule.linear(1000, 0.00085, 0.012)
                : NoiseSchedule.stableDiffusion());
    assertThat(parse(className, "'beta_start': 0.0001, 'beta_end': 0.02").schedule())
        .isEqualTo(
            kind.equals("linear")
                ? NoiseSchedule.linear(1000, 0.0001, 0.02)
                : NoiseSchedule.scaledLinear(1000, 0.0001, 0.02));
  }

  @ParameterizedTest
  @CsvSource({
    "PNDMScheduler",
    "HeunDiscreteScheduler",
    "LMSDiscreteScheduler",
    "DEISMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DPMSolverSDEScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler"
  })
  void aKeyThatTheClassDoesNotKnowDoesNotRescale(String className) throws IOException {
    String keys = STABLE_DIFFUSION + ", 'skip_prk_steps': true, 'rescale_betas_zero_snr': true";
    assertThat(parse(className, keys).schedule()).isEqualTo(NoiseSchedule.stableDiffusion());
  }

  @Test
  void infiniteNumbersInPythonsSpelling() throws IOException {
    for (String infinity : new String[] {"-Infinity", "'-inf'"}) {
      assertThat(
              parse("DPMSolverMultistepScheduler", "'lambda_min_clipped': " + infinity).sampler())
          .isEqualTo(Sampler.dpmSolverPlusPlus());
    }
  }

  @Test
  void leftoversOfOtherClassesAreIgnored() throws IOException {
    assertThat(
            parse("EulerDiscreteScheduler", "'thresholding': true, 'solver_order': 9, 'new': {}")
                .sampler())
        .isEqualTo(Sampler.euler());
  }

  @Test
  void flowMatchingGivesARectifiedFlow() throws IOException {
    SchedulerConfig sd3 = parse("FlowMatchEulerDiscreteScheduler", "'shift': 3.0");
    assertThat(sd3.schedule())
        .isEqualTo(NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3)));
    assertThat(sd3.predictionType()).isEqualTo(PredictionType.FLOW);
    assertThat(sd3.sampler()).isEqualTo(Sampler.flowMatchEuler());
    SchedulerConfig flux =
        parse(
            "FlowMatchEulerDiscreteScheduler",
            "'shift': 3.0, 'use_dynamic_shifting': true, 'max_shift': 1.2");
    assertThat(flux.schedule())
        .isEqualTo(NoiseSchedule.rectifiedFlow().shift(SigmaShift.dynamic().maxShift(1.2)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          DDPMScheduler | 'thresholding': true | thresholding must be false, all that is supported, was true
          DDPMScheduler | 'variance_type': 'learned' | variance_type must be one of [fixed_small], was "learned"
          DDIMScheduler | 'beta_schedule': 'sigmoid' | beta_schedule must be one of [linear, scaled_linear, squaredcos_cap_v2], was "sigmoid"
          DDIMScheduler | 'prediction_type': 'flow_prediction' | prediction_type must be one of [epsilon, sample, v_prediction], was "flow_prediction"
          DDIMScheduler | 'timestep_spacing': 3 | timestep_spacing must be a string, was 3
          DDIMScheduler | 'steps_offset': 1.5 | steps_offset must be an integer, was 1.5
          DDIMScheduler | 'beta_start': 'x' | beta_start must be a finite number, was "x"
          DDIMScheduler | 'clip_sample': 1 | clip_sample must be true or false, was 1
          PNDMScheduler | 'skip_prk_steps': false | skip_prk_steps: only true is supported, was false
          DPMSolverMultistepScheduler | 'algorithm_type': 'dpmsolver' | algorithm_type must be one of [dpmsolver++, sde-dpmsolver++], was "dpmsolver"
          DPMSolverMultistepScheduler | 'use_beta_sigmas': true | use_beta_sigmas must be false, all that is supported, was true
          DPMSolverMultistepScheduler | 'solver_type': 'heun' | solver_type must be one of [midpoint, logrho, bh1, bh2], was "heun"
          DPMSolverMultistepScheduler | 'lambda_min_clipped': -5.1 | lambda_min_clipped: only -Infinity is supported, was -5.1
          DPMSolverMultistepScheduler | 'solver_order': 4 | order must be 1, 2 or 3, was 4
          EulerDiscreteScheduler | 'sigma_min': 0.1 | sigma_min must be null, all that is supported, was 0.1
          EulerDiscreteScheduler | 'interpolation_type': 'log_linear' | interpolation_type must be one of [linear], was "log_linear"
          FlowMatchEulerDiscreteScheduler | 'use_beta_sigmas': true | use_beta_sigmas must be false, all that is supported, was true
          FlowMatchEulerDiscreteScheduler | 'time_shift_type': 'cubic' | time_shift_type must be one of [exponential, linear], was "cubic"
          FlowMatchEulerDiscreteScheduler | 'shift': 0 | factor must be positive, was 0.0
          LMSDiscreteScheduler | 'use_beta_sigmas': true | use_beta_sigmas must be false, all that is supported, was true
          DEISMultistepScheduler | 'solver_order': 4 | order must be 1, 2 or 3, was 4
          DEISMultistepScheduler | 'use_flow_sigmas': true | use_flow_sigmas must be false, all that is supported, was true
          LCMScheduler | 'original_inference_steps': 0 | distilledSteps must be positive, was 0
          LCMScheduler | 'timestep_scaling': -1 | timestepScaling must be positive and finite, was -1.0
          TCDScheduler | 'thresholding': true | thresholding must be false, all that is supported, was true
          UniPCMultistepScheduler | 'predict_x0': false | predict_x0 must be true, all that is supported, was false
          UniPCMultistepScheduler | 'disable_corrector': [0] | disable_corrector must be [], all that is supported, was [0]
          """)
  void whatIsNotSupportedIsNamed(String className, String keys, String message) {
    assertThatExceptionOfType(InvalidCheckpointException.class)
        .isThrownBy(() -> parse(className, keys))
        .withMessage("scheduler_config.json: " + message);
  }

  @ParameterizedTest
  @CsvSource({"EDMEulerScheduler", "VQDiffusionScheduler", "''"})
  void otherClassesAreRefused(String className) {
    assertThatExceptionOfType(InvalidCheckpointException.class)
        .isThrownBy(() -> parse(className, ""))
        .withMessage(
            "scheduler_config.json: scheduler class '"
                + className
                + "' is not supported; supported are [DDIMScheduler, DDPMScheduler,"
                + " DEISMultistepScheduler, DPMSolverMultistepScheduler,"
                + " EulerAncestralDiscreteScheduler, EulerDiscreteScheduler,"
                + " FlowMatchEulerDiscreteScheduler, HeunDiscreteScheduler, LCMScheduler,"
                + " LMSDiscreteScheduler, PNDMScheduler, TCDScheduler, UniPCMultistepScheduler] and,"
                + " with another sampler, [DDIMInverseScheduler, DPMSolverSDEScheduler,"
                + " DPMSolverSinglestepScheduler, KDPM2AncestralDiscreteScheduler,"
                + " KDPM2DiscreteScheduler]");
  }

  @ParameterizedTest
  @CsvSource({
    "DPMSolverSinglestepScheduler, DPMSolverMultistepScheduler",
    "KDPM2DiscreteScheduler, EulerDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler, EulerAncestralDiscreteScheduler",
    "DDIMInverseScheduler, DDIMScheduler"
  })
  void otherSamplersAreSubstitutedButScheduleAndPredictionAreRead(
      String className, String substitute) throws IOException {
    String keys =
        "\"beta_start\": 0.00085, \"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\","
            + " \"prediction_type\": \"v_prediction\", \"algorithm_type\": \"deis\"";
    SchedulerConfig read = parse(className, keys);
    SchedulerConfig usual = parse(substitute, keys);
    assertThat(read.className()).isEqualTo(className);
    assertThat(read.predictionType()).isEqualTo(usual.predictionType());
    assertThat(read.schedule()).isEqualTo(usual.schedule());
    assertThat(read.sampler().name()).isEqualTo(usual.sampler().name());
    assertThat(read.sampler().settings()).isEqualTo(usual.sampler().settings());
  }

  @Test
  void filesAreReadAndNamedInErrors(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("scheduler_config.json");
    assertThatIOException()
        .isThrownBy(() -> SchedulerConfig.read(file, null))
        .isInstanceOf(NoSuchFileException.class)
        .withMessageContaining(file.toString());
    Files.writeString(file, "{\"_class_name\": \"DDIMScheduler\"}");
    assertThat(SchedulerConfig.read(file, null).className()).isEqualTo("DDIMScheduler");
    assertThat(SchedulerConfig.read(file, "UniPCMultistepScheduler").className())
        .isEqualTo("UniPCMultistepScheduler");
    for (String text : new String[] {"[]", "{\"_class_name\"", "", "{}"}) {
      Files.writeString(file, text);
      assertThatIOException()
          .isThrownBy(() -> SchedulerConfig.read(file, null))
          .withMessageContaining(file.toString());
    }
  }

  private static SchedulerConfig parse(String className, String keys) throws IOException {
    return SchedulerConfig.of(className, json(keys));
  }

  private static JsonConfig json(String keys) throws IOException {
    return JsonConfig.parse(Path.of("scheduler_config.json"), "{" + keys.replace('\'', '"') + "}");
  }
}
