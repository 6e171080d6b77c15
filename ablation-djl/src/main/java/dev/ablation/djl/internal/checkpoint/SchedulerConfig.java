package dev.ablation.djl.internal.checkpoint;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.sample.Ddim;
import dev.ablation.sample.Ddpm;
import dev.ablation.sample.Deis;
import dev.ablation.sample.DpmSolverPlusPlus;
import dev.ablation.sample.Euler;
import dev.ablation.sample.EulerAncestral;
import dev.ablation.sample.FinalSigma;
import dev.ablation.sample.FlowSigmas;
import dev.ablation.sample.Heun;
import dev.ablation.sample.Lcm;
import dev.ablation.sample.Lms;
import dev.ablation.sample.Pndm;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.Tcd;
import dev.ablation.sample.TimestepSpacing;
import dev.ablation.sample.UniPc;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.RectifiedFlow;
import dev.ablation.schedule.SigmaShift;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The content of a checkpoint's {@code scheduler_config.json}: the schedule that the network was
 * trained with, what it predicts, and the sampler that its publisher chose.
 *
 * <p>Keys that are absent or null take the default of the published class; keys that the class does
 * not know are ignored, as configurations carry leftovers of other classes. An option that this
 * library does not have is an error that names it. A class whose sampler it does not have is read
 * for its schedule and prediction type; a warning in the log names the sampler that takes its
 * place.
 *
 * @param className the published class, such as {@code PNDMScheduler}
 * @param schedule the noise schedule
 * @param predictionType what the network predicts
 * @param sampler the publisher's sampler with its settings
 */
public record SchedulerConfig(
    String className, NoiseSchedule schedule, PredictionType predictionType, Sampler sampler) {

  private static final String LINEAR = "linear";
  private static final String SCALED_LINEAR = "scaled_linear";
  private static final int DISTILLED_STEPS = 50;
  private static final String FLOW_MATCH_EULER = "FlowMatchEulerDiscreteScheduler";

  /** Classes that do not know {@code rescale_betas_zero_snr}. */
  private static final Set<String> NOT_RESCALED =
      Set.of(
          "PNDMScheduler",
          "HeunDiscreteScheduler",
          "LMSDiscreteScheduler",
          "DEISMultistepScheduler",
          "DPMSolverSinglestepScheduler",
          "DPMSolverSDEScheduler",
          "KDPM2DiscreteScheduler",
          "KDPM2AncestralDiscreteScheduler");

  /** Classes whose betas are those of Stable Diffusion if the file does not state them. */
  private static final Map<String, String> BETAS_OF_STABLE_DIFFUSION =
      Map.of(
          "HeunDiscreteScheduler", LINEAR,
          "KDPM2DiscreteScheduler", LINEAR,
          "KDPM2AncestralDiscreteScheduler", LINEAR,
          "DPMSolverSDEScheduler", LINEAR,
          "LCMScheduler", SCALED_LINEAR,
          "TCDScheduler", SCALED_LINEAR);

  private static final Map<String, Function<Keys, Sampler>> CLASSES =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("HeunDiscreteScheduler", SchedulerConfig::heun),
              Map.entry("DDPMScheduler", SchedulerConfig::ddpm),
              Map.entry("DDIMScheduler", SchedulerConfig::ddim),
              Map.entry("PNDMScheduler", SchedulerConfig::pndm),
              Map.entry("DPMSolverMultistepScheduler", SchedulerConfig::dpmSolver),
              Map.entry("EulerDiscreteScheduler", SchedulerConfig::euler),
              Map.entry("EulerAncestralDiscreteScheduler", SchedulerConfig::eulerAncestral),
              Map.entry("UniPCMultistepScheduler", SchedulerConfig::uniPc),
              Map.entry("LMSDiscreteScheduler", SchedulerConfig::lms),
              Map.entry("DEISMultistepScheduler", SchedulerConfig::deis),
              Map.entry("LCMScheduler", SchedulerConfig::lcm),
              Map.entry("TCDScheduler", SchedulerConfig::tcd),
              Map.entry(FLOW_MATCH_EULER, SchedulerConfig::flowMatchEuler)));

  /**
   * Published classes whose sampler this library does not have, with the nearest one that it has.
   * Schedule and prediction type, on which training depends, are in their files all the same.
   */
  private static final Map<String, Function<Keys, Sampler>> SUBSTITUTES =
      new TreeMap<>(
          Map.of(
              "DPMSolverSinglestepScheduler",
              keys -> substituteSolver(keys, false),
              "DPMSolverSDEScheduler",
              keys -> substituteSolver(keys, true),
              "KDPM2DiscreteScheduler",
              SchedulerConfig::substituteEuler,
              "KDPM2AncestralDiscreteScheduler",
              SchedulerConfig::eulerAncestral,
              "DDIMInverseScheduler",
              SchedulerConfig::substituteDdim));

  private static final Logger LOG = LoggerFactory.getLogger(SchedulerConfig.class);

  /** Checks that nothing is null. */
  public SchedulerConfig {
    Objects.requireNonNull(className, "className");
    Objects.requireNonNull(schedule, "schedule");
    Objects.requireNonNull(predictionType, "predictionType");
    Objects.requireNonNull(sampler, "sampler");
  }

  /**
   * Reads a file.
   *
   * @param file a {@code scheduler_config.json}
   * @param className the class that the pipeline's index gives, which outranks the file's; {@code
   *     null} takes the file's {@code _class_name}
   * @return the configuration
   * @throws IOException with the path in its message, if the file cannot be read or understood
   */
  public static SchedulerConfig read(Path file, @Nullable String className) throws IOException {
    return of(className, JsonConfig.read(file));
  }

  /**
   * Reads a configuration as the published pipelines of Stable Diffusion 1 and 2 use it: they set
   * the timestep offset to 1 and never limit the predicted latents, regardless of the file.
   *
   * @param className the class that the pipeline's index gives; {@code null} takes the
   *     configuration's {@code _class_name}
   * @param json the configuration
   * @return the configuration
   * @throws InvalidCheckpointException naming the class or the key and what is supported
   */
  public static SchedulerConfig ofStableDiffusion(@Nullable String className, JsonConfig json)
      throws InvalidCheckpointException {
    return of(className, json.with("steps_offset", 1).with("clip_sample", false));
  }

  /**
   * Reads a parsed configuration.
   *
   * @param className the class that the pipeline's index gives, which outranks the configuration's;
   *     {@code null} takes its {@code _class_name}
   * @param json the configuration
   * @return the configuration
   * @throws InvalidCheckpointException naming the class or the key and what is supported
   */
  public static SchedulerConfig of(@Nullable String className, JsonConfig json)
      throws InvalidCheckpointException {
    try {
      return of(className, new Keys(json));
    } catch (InvalidKey e) {
      throw e.problem;
    } catch (IllegalArgumentException e) {
      throw new InvalidCheckpointException(json.path(), String.valueOf(e.getMessage()));
    }
  }

  private static SchedulerConfig of(@Nullable String className, Keys keys) {
    String type = className != null ? className : keys.string("_class_name", "");
    Function<Keys, Sampler> reader = CLASSES.getOrDefault(type, SUBSTITUTES.get(type));
    if (reader == null) {
      throw new IllegalArgumentException(
          "scheduler class '"
              + type
              + "' is not supported; supported are "
              + CLASSES.keySet()
              + " and, with another sampler, "
              + SUBSTITUTES.keySet());
    }
    if (type.equals(FLOW_MATCH_EULER)) {
      return new SchedulerConfig(type, flow(keys), PredictionType.FLOW, reader.apply(keys));
    }
    PredictionType prediction =
        keys.choice(
            "prediction_type",
            "epsilon",
            Map.of(
                "epsilon", PredictionType.EPSILON,
                "v_prediction", PredictionType.V_PREDICTION,
                "sample", PredictionType.SAMPLE));
    NoiseSchedule schedule = schedule(keys, type);
    Sampler sampler = reader.apply(keys);
    if (SUBSTITUTES.containsKey(type)) {
      LOG.warn(
          "{}: the sampler of {} is not implemented; images are drawn with {} {} unless the sampling"
              + " settings choose another sampler",
          keys.json().path(),
          type,
          sampler.name(),
          sampler.settings());
    }
    return new SchedulerConfig(type, schedule, prediction, sampler);
  }

  private static NoiseSchedule schedule(Keys keys, String type) {
    String usual = BETAS_OF_STABLE_DIFFUSION.get(type);
    double[] trained = keys.numbers("trained_betas");
    VariancePreservingSchedule schedule;
    if (trained != null) {
      schedule = NoiseSchedule.ofBetas(trained);
    } else {
      int steps = keys.integer("num_train_timesteps", 1000);
      double start = keys.number("beta_start", usual == null ? 0.0001 : 0.00085);
      double end = keys.number("beta_end", usual == null ? 0.02 : 0.012);
      String kind =
          keys.oneOf(
              "beta_schedule",
              usual == null ? LINEAR : usual,
              LINEAR,
              SCALED_LINEAR,
              "squaredcos_cap_v2");
      schedule =
          switch (kind) {
            case LINEAR -> NoiseSchedule.linear(steps, start, end);
            case SCALED_LINEAR -> NoiseSchedule.scaledLinear(steps, start, end);
            default -> NoiseSchedule.cosine(steps);
          };
    }
    boolean rescale = !NOT_RESCALED.contains(type) && keys.flag("rescale_betas_zero_snr", false);
    return rescale ? schedule.rescaledToZeroTerminalSnr() : schedule;
  }

  private static RectifiedFlow flow(Keys keys) {
    int steps = keys.integer("num_train_timesteps", 1000);
    boolean dynamic = keys.flag("use_dynamic_shifting", false);
    String form = keys.oneOf("time_shift_type", "exponential", "exponential", "linear");
    SigmaShift shift =
        dynamic
            ? SigmaShift.dynamic()
                .baseShift(keys.number("base_shift", 0.5))
                .maxShift(keys.number("max_shift", 1.15))
                .tokens(
                    keys.integer("base_image_seq_len", 256),
                    keys.integer("max_image_seq_len", 4096))
                .linear(form.equals("linear"))
            : SigmaShift.constant(keys.number("shift", 1));
    return NoiseSchedule.rectifiedFlow().timeScale(steps).steps(steps).shift(shift);
  }

  /** Spacing is not in the file: the published pipelines choose it. */
  private static Sampler flowMatchEuler(Keys keys) {
    for (String key : List.of("invert_sigmas", "use_beta_sigmas", "stochastic_sampling")) {
      keys.mustBe(key, false);
    }
    boolean karras = keys.flag("use_karras_sigmas", false);
    boolean exponential = keys.flag("use_exponential_sigmas", false);
    if (karras && exponential) {
      throw new IllegalArgumentException(
          "use_exponential_sigmas: must be false with use_karras_sigmas, was true");
    }
    FlowSigmas spacing =
        karras ? FlowSigmas.KARRAS : exponential ? FlowSigmas.EXPONENTIAL : FlowSigmas.TRAINED;
    return Sampler.flowMatchEuler().spacing(spacing).terminal(keys.number("shift_terminal", 0));
  }

  private static Sampler ddpm(Keys keys) {
    keys.mustBe("thresholding", false);
    keys.oneOf("variance_type", "fixed_small", "fixed_small");
    return new Ddpm(clipRange(keys), spacing(keys, "leading"), offset(keys));
  }

  private static Sampler ddim(Keys keys) {
    keys.mustBe("thresholding", false);
    return new Ddim(
        0,
        keys.flag("set_alpha_to_one", true),
        clipRange(keys),
        spacing(keys, "leading"),
        offset(keys));
  }

  private static Sampler pndm(Keys keys) {
    if (!keys.flag("skip_prk_steps", false)) {
      throw new IllegalArgumentException("skip_prk_steps: only true is supported, was false");
    }
    return new Pndm(keys.flag("set_alpha_to_one", false), spacing(keys, "leading"), offset(keys));
  }

  private static Sampler dpmSolver(Keys keys) {
    for (String key :
        List.of(
            "thresholding",
            "use_exponential_sigmas",
            "use_beta_sigmas",
            "use_lu_lambdas",
            "use_flow_sigmas",
            "use_dynamic_shifting")) {
      keys.mustBe(key, false);
    }
    keys.mustBeAbsent("variance_type");
    // The published class reads the names of other solvers as its own.
    keys.oneOf("solver_type", "midpoint", "midpoint", "logrho", "bh1", "bh2");
    double clipped = keys.extendedNumber("lambda_min_clipped", Double.NEGATIVE_INFINITY);
    if (clipped != Double.NEGATIVE_INFINITY) {
      throw new IllegalArgumentException(
          "lambda_min_clipped: only -Infinity is supported, was " + clipped);
    }
    // The published class reads the algorithm of another solver as its own default.
    String algorithm =
        keys.string("algorithm_type", "").equals("deis")
            ? "dpmsolver++"
            : keys.oneOf("algorithm_type", "dpmsolver++", "dpmsolver++", "sde-dpmsolver++");
    return new DpmSolverPlusPlus(
        keys.integer("solver_order", 2),
        keys.flag("use_karras_sigmas", false),
        algorithm.equals("sde-dpmsolver++"),
        keys.flag("lower_order_final", true),
        keys.flag("euler_at_final", false),
        finalSigma(keys),
        spacing(keys, "linspace"),
        offset(keys));
  }

  private static Sampler euler(Keys keys) {
    keys.mustBe("use_exponential_sigmas", false);
    keys.mustBe("use_beta_sigmas", false);
    keys.mustBeAbsent("sigma_min");
    keys.mustBeAbsent("sigma_max");
    keys.oneOf("interpolation_type", "linear", "linear");
    if (keys.string("prediction_type", "epsilon").equals("v_prediction")) {
      // For the other prediction types the published class ignores this key.
      keys.oneOf("timestep_type", "discrete", "discrete");
    }
    return new Euler(
        keys.flag("use_karras_sigmas", false),
        finalSigma(keys),
        spacing(keys, "linspace"),
        offset(keys));
  }

  private static Sampler heun(Keys keys) {
    keys.mustBe("use_exponential_sigmas", false);
    keys.mustBe("use_beta_sigmas", false);
    keys.mustBe("clip_sample", false);
    return new Heun(keys.flag("use_karras_sigmas", false), spacing(keys, "linspace"), offset(keys));
  }

  private static Sampler lms(Keys keys) {
    keys.mustBe("use_exponential_sigmas", false);
    keys.mustBe("use_beta_sigmas", false);
    return new Lms(keys.flag("use_karras_sigmas", false), spacing(keys, "linspace"), offset(keys));
  }

  private static Sampler deis(Keys keys) {
    for (String key :
        List.of(
            "thresholding",
            "use_exponential_sigmas",
            "use_beta_sigmas",
            "use_flow_sigmas",
            "use_dynamic_shifting")) {
      keys.mustBe(key, false);
    }
    // The published class reads the names of other solvers as its own.
    keys.oneOf("algorithm_type", "deis", "deis", "dpmsolver", "dpmsolver++");
    keys.oneOf("solver_type", "logrho", "logrho", "midpoint", "heun", "bh1", "bh2");
    return new Deis(
        keys.integer("solver_order", 2),
        keys.flag("use_karras_sigmas", false),
        keys.flag("lower_order_final", true),
        spacing(keys, "linspace"),
        offset(keys));
  }

  private static Sampler lcm(Keys keys) {
    keys.mustBe("thresholding", false);
    return new Lcm(
        keys.integer("original_inference_steps", DISTILLED_STEPS),
        keys.number("timestep_scaling", 10),
        keys.flag("clip_sample", false) ? keys.number("clip_sample_range", 1) : 0);
  }

  /** Gamma is not in the file: the published pipelines give 0, as "eta", unless told otherwise. */
  private static Sampler tcd(Keys keys) {
    keys.mustBe("thresholding", false);
    return new Tcd(0, keys.integer("original_inference_steps", DISTILLED_STEPS));
  }

  private static Sampler eulerAncestral(Keys keys) {
    return new EulerAncestral(spacing(keys, "linspace"), offset(keys));
  }

  private static Sampler uniPc(Keys keys) {
    for (String key :
        List.of(
            "thresholding",
            "use_exponential_sigmas",
            "use_beta_sigmas",
            "use_flow_sigmas",
            "use_dynamic_shifting")) {
      keys.mustBe(key, false);
    }
    for (String key : List.of("sigma_min", "sigma_max", "shift_terminal", "solver_p")) {
      keys.mustBeAbsent(key);
    }
    keys.mustBe("predict_x0", true);
    keys.mustBeEmpty("disable_corrector");
    // The published class reads the names of other solvers as its own.
    keys.oneOf("solver_type", "bh2", "bh2", "midpoint", "heun", "logrho");
    return new UniPc(
        keys.integer("solver_order", 2),
        keys.flag("use_karras_sigmas", false),
        keys.flag("lower_order_final", true),
        finalSigma(keys),
        spacing(keys, "linspace"),
        offset(keys));
  }

  private static Sampler substituteSolver(Keys keys, boolean stochastic) {
    return new DpmSolverPlusPlus(
        2,
        keys.flag("use_karras_sigmas", false),
        stochastic,
        true,
        false,
        FinalSigma.ZERO,
        spacing(keys, "linspace"),
        offset(keys));
  }

  private static Sampler substituteEuler(Keys keys) {
    return new Euler(
        keys.flag("use_karras_sigmas", false),
        FinalSigma.ZERO,
        spacing(keys, "linspace"),
        offset(keys));
  }

  private static Sampler substituteDdim(Keys keys) {
    return new Ddim(
        0,
        keys.flag("set_alpha_to_one", true),
        clipRange(keys),
        spacing(keys, "leading"),
        offset(keys));
  }

  private static TimestepSpacing spacing(Keys keys, String absent) {
    return keys.choice(
        "timestep_spacing",
        absent,
        Map.of(
            "leading", TimestepSpacing.LEADING,
            "trailing", TimestepSpacing.TRAILING,
            "linspace", TimestepSpacing.LINSPACE));
  }

  private static int offset(Keys keys) {
    return keys.integer("steps_offset", 0);
  }

  private static FinalSigma finalSigma(Keys keys) {
    return keys.choice(
        "final_sigmas_type",
        "zero",
        Map.of("zero", FinalSigma.ZERO, "sigma_min", FinalSigma.SIGMA_MIN));
  }

  private static double clipRange(Keys keys) {
    return keys.flag("clip_sample", true) ? keys.number("clip_sample_range", 1) : 0;
  }

  /** A value that cannot be used, on its way out of the readers. */
  private static final class InvalidKey extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient InvalidCheckpointException problem;

    InvalidKey(InvalidCheckpointException problem) {
      super(problem);
      this.problem = problem;
    }
  }

  /** The keys of a configuration, read with their defaults. */
  private record Keys(JsonConfig json) {

    private interface Read<T> {
      T value() throws InvalidCheckpointException;
    }

    private static <T> T of(Read<T> read) {
      try {
        return read.value();
      } catch (InvalidCheckpointException e) {
        throw new InvalidKey(e);
      }
    }

    String string(String key, String absent) {
      return of(() -> json.stringOr(key, absent));
    }

    boolean flag(String key, boolean absent) {
      return of(() -> json.boolOr(key, absent));
    }

    double number(String key, double absent) {
      return of(() -> json.doubleOr(key, absent));
    }

    double extendedNumber(String key, double absent) {
      return of(() -> json.extendedDoubleOr(key, absent));
    }

    int integer(String key, int absent) {
      return of(() -> json.intOr(key, absent));
    }

    double @Nullable [] numbers(String key) {
      return json.has(key)
          ? of(() -> json.requireDoubles(key)).stream().mapToDouble(Double::doubleValue).toArray()
          : null;
    }

    /** {@return the string under a key, which must be one of those allowed} */
    String oneOf(String key, String absent, String... allowed) {
      String value = string(key, absent);
      if (!List.of(allowed).contains(value)) {
        throw new InvalidKey(json.invalid(key, "one of " + List.of(allowed)));
      }
      return value;
    }

    <T> T choice(String key, String absent, Map<String, T> choices) {
      return of(() -> json.choiceOr(key, absent, choices));
    }

    void mustBe(String key, boolean supported) {
      if (flag(key, supported) != supported) {
        throw new InvalidKey(json.invalid(key, supported + ", all that is supported"));
      }
    }

    void mustBeAbsent(String key) {
      if (json.has(key)) {
        throw new InvalidKey(json.invalid(key, "null, all that is supported"));
      }
    }

    void mustBeEmpty(String key) {
      if (json.has(key) && !List.of().equals(json.value(key))) {
        throw new InvalidKey(json.invalid(key, "[], all that is supported"));
      }
    }
  }
}
