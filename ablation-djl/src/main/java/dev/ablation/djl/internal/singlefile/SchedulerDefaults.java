package dev.ablation.djl.internal.singlefile;

import com.google.gson.JsonObject;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.schedule.PredictionType;

/** The published scheduler of a family. */
final class SchedulerDefaults {
  private static final String FLOW = "FlowMatchEulerDiscreteScheduler";

  private SchedulerDefaults() {}

  /** The content of {@code scheduler_config.json}. */
  static JsonObject of(ModelFamily family, Prediction prediction, boolean zeroSnr) {
    JsonObject json = new JsonObject();
    json.addProperty("_diffusers_version", "0.30.0");
    json.addProperty("num_train_timesteps", 1000);
    switch (family) {
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5 -> {
        json.addProperty("_class_name", FLOW);
        json.addProperty("shift", 3.0);
      }
      case FLUX_1_SCHNELL -> addFlux(json, 1, false);
      case FLUX_1_DEV -> addFlux(json, 3, true);
      default -> addNoise(json, family, prediction, zeroSnr);
    }
    return json;
  }

  private static void addFlux(JsonObject json, double shift, boolean dynamic) {
    json.addProperty("_class_name", FLOW);
    json.addProperty("base_image_seq_len", 256);
    json.addProperty("max_image_seq_len", 4096);
    json.addProperty("base_shift", 0.5);
    json.addProperty("max_shift", 1.15);
    json.addProperty("shift", shift);
    json.addProperty("use_dynamic_shifting", dynamic);
  }

  private static void addNoise(
      JsonObject json, ModelFamily family, Prediction prediction, boolean zeroSnr) {
    json.addProperty("_class_name", className(family, prediction));
    json.addProperty("beta_start", 0.00085);
    json.addProperty("beta_end", 0.012);
    json.addProperty("beta_schedule", "scaled_linear");
    json.addProperty("clip_sample", false);
    json.addProperty("set_alpha_to_one", false);
    json.addProperty("skip_prk_steps", true);
    json.addProperty("steps_offset", 1);
    json.addProperty("timestep_spacing", "leading");
    json.addProperty("prediction_type", prediction.text());
    if (zeroSnr) {
      json.addProperty("rescale_betas_zero_snr", true);
    }
  }

  /** PNDM does not start from noise alone, as a network with velocities is trained for. */
  private static String className(ModelFamily family, Prediction prediction) {
    if (family == ModelFamily.STABLE_DIFFUSION_XL) {
      return "EulerDiscreteScheduler";
    }
    return prediction.type() == PredictionType.V_PREDICTION ? "DDIMScheduler" : "PNDMScheduler";
  }
}
