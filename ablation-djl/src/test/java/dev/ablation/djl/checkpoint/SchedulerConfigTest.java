package dev.ablation.djl.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.gson.JsonParser;
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
  void theConfigurationOfStableDiffusion1() {
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
  void theFactoriesAreThePublishedSettings() {
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
  void absentKeysTakeTheDefaultsOfTheClass() {
    assertThat(parse("DDIMScheduler", "").sampler())
        .isEqualTo(new Ddim(0, true, 1, TimestepSpacing.LEADING, 0));
    assertThat(parse("DDPMScheduler", "").sampler())
        .isEqualTo(new Ddpm(1, TimestepSpacing.LEADING, 0));
    assertThat(parse("DDPMScheduler", "").schedule())
        .isEqualTo(NoiseSchedule.linear(1000, 0.0001, 0.02));
    assertThat(parse("DDPMScheduler", "").forStableDiffusion().sampler()).isEqualTo(Sampler.ddpm());
  }

  @Test
  void schedulesOfEveryKind() {
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

  @Test
  void infiniteNumbersInPythonsSpelling() {
    for (String infinity : new String[] {"-Infinity", "'-inf'"}) {
      assertThat(
              parse("DPMSolverMultistepScheduler", "'lambda_min_clipped': " + infinity).sampler())
          .isEqualTo(Sampler.dpmSolverPlusPlus());
    }
  }

  @Test
  void leftoversOfOtherClassesAreIgnored() {
    assertThat(
            parse("EulerDiscreteScheduler", "'thresholding': true, 'solver_order': 9, 'new': {}")
                .sampler())
        .isEqualTo(Sampler.euler());
  }

  @Test
  void flowMatchingGivesARectifiedFlow() {
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
          DDPMScheduler | 'thresholding': true | thresholding: only false is supported, was true
          DDPMScheduler | 'variance_type': 'learned' | variance_type: 'learned' is not supported; supported are [fixed_small]
          DDIMScheduler | 'beta_schedule': 'sigmoid' | beta_schedule: 'sigmoid' is not supported; supported are [linear, scaled_linear, squaredcos_cap_v2]
          DDIMScheduler | 'prediction_type': 'flow_prediction' | prediction_type: 'flow_prediction' is not supported; supported are [epsilon, sample, v_prediction]
          DDIMScheduler | 'timestep_spacing': 3 | timestep_spacing: expected a string, was 3
          DDIMScheduler | 'steps_offset': 1.5 | steps_offset: expected a whole number, was 1.5
          DDIMScheduler | 'beta_start': 'x' | beta_start: expected a number, was "x"
          DDIMScheduler | 'clip_sample': 1 | clip_sample: expected true or false, was 1
          PNDMScheduler | 'skip_prk_steps': false | skip_prk_steps: only true is supported, was false
          DPMSolverMultistepScheduler | 'algorithm_type': 'dpmsolver' | algorithm_type: 'dpmsolver' is not supported; supported are [dpmsolver++, sde-dpmsolver++]
          DPMSolverMultistepScheduler | 'use_beta_sigmas': true | use_beta_sigmas: only false is supported, was true
          DPMSolverMultistepScheduler | 'solver_type': 'heun' | solver_type: 'heun' is not supported; supported are [midpoint, logrho, bh1, bh2]
          DPMSolverMultistepScheduler | 'lambda_min_clipped': -5.1 | lambda_min_clipped: only -Infinity is supported, was -5.1
          DPMSolverMultistepScheduler | 'solver_order': 4 | order must be 1, 2 or 3, was 4
          EulerDiscreteScheduler | 'sigma_min': 0.1 | sigma_min: only null is supported, was 0.1
          EulerDiscreteScheduler | 'interpolation_type': 'log_linear' | interpolation_type: 'log_linear' is not supported; supported are [linear]
          FlowMatchEulerDiscreteScheduler | 'use_beta_sigmas': true | use_beta_sigmas: only false is supported, was true
          FlowMatchEulerDiscreteScheduler | 'time_shift_type': 'cubic' | time_shift_type: 'cubic' is not supported; supported are [exponential, linear]
          FlowMatchEulerDiscreteScheduler | 'shift': 0 | factor must be positive, was 0.0
          UniPCMultistepScheduler | 'predict_x0': false | predict_x0: only true is supported, was false
          UniPCMultistepScheduler | 'disable_corrector': [0] | disable_corrector: only [] is supported, was [0]
          """)
  void whatIsNotSupportedIsNamed(String className, String keys, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> parse(className, keys))
        .withMessage(message);
  }

  @ParameterizedTest
  @CsvSource({"LMSDiscreteScheduler", "LCMScheduler", "''"})
  void otherClassesAreRefused(String className) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> parse(className, ""))
        .withMessage(
            "scheduler class '"
                + className
                + "' is not supported; supported are [DDIMScheduler, DDPMScheduler,"
                + " DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,"
                + " EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, PNDMScheduler,"
                + " UniPCMultistepScheduler]");
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

  private static SchedulerConfig parse(String className, String keys) {
    return SchedulerConfig.of(
        className, JsonParser.parseString("{" + keys.replace('\'', '"') + "}").getAsJsonObject());
  }
}
