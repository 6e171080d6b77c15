package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.GuidedModel;
import dev.ablation.sample.Images;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * DDIM sampling (Song et al. 2021, arXiv 2010.02502, equation 12, with any alpha and sigma) from
 * any noise level down to none, with options that only attacks need and the library's samplers do
 * not offer: an initial image, more noise than the process has, a guide.
 *
 * @param model model to sample
 * @param sampling steps, guidance, negative prompt, batch size; its sampler is not used
 * @param start the share of the schedule to start at, above 0, at most 1
 * @param eta share of fresh noise; above 1 the noise is cut at the level of the step, so that the
 *     variance stays that of the process
 * @param guide changes the prediction at every step; {@code null} for none
 * @param strength strength of the guide
 * @param noise of each image
 * @param cancelled checked before every step
 */
record DdimWalk(
    DiffusionModel model,
    SamplingSettings sampling,
    double start,
    double eta,
    @Nullable LatentGuide guide,
    double strength,
    NoiseSource noise,
    BooleanSupplier cancelled) {

  /** Draws from pure noise. */
  List<BufferedImage> draw(List<String> prompts) {
    return draw(prompts, null);
  }

  /**
   * Draws from noised latents.
   *
   * @param clean (n, C, H, W), one per prompt; {@code null} starts from pure noise
   */
  List<BufferedImage> draw(List<String> prompts, @Nullable NDArray clean) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "drawing images");
    List<BufferedImage> images = new ArrayList<>();
    for (int from = 0; from < prompts.size(); from += sampling.batchSize()) {
      int to = Math.min(prompts.size(), from + sampling.batchSize());
      try (NDManager scope = model.newScope()) {
        NDArray begin = clean == null ? null : clean.get(from + ":" + to);
        NDArray latents = walk(prompts.subList(from, to), begin, from, scope);
        images.addAll(Images.images(Images.decode(codec, latents, sampling.batchSize(), scope)));
      }
    }
    return images;
  }

  /** {@code alpha x + sigma e}. */
  static NDArray noised(NDArray clean, NDArray noise, double alpha, double sigma) {
    return clean.mul(alpha).addi(noise.mul(sigma));
  }

  private NDArray walk(List<String> prompts, @Nullable NDArray clean, int first, NDManager scope) {
    NoiseSchedule schedule = model.schedule();
    double[] times = schedule.descendingTimes(start, sampling.steps());
    GuidedModel guided = GuidedModel.of(model, sampling);
    Conditioning conditioning = guided.encode(prompts, model.descriptor().latentSize(), scope);
    Shape shape = model.descriptor().latentShape();
    NDArray initial = stack(prompts.size(), scope, i -> noise.initial(first + i, shape, scope));
    NDArray latents =
        clean == null
            ? initial
            : noised(clean, initial, schedule.alpha(times[0]), schedule.sigma(times[0]));
    for (int i = 0; i < times.length; i++) {
      if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
        throw new CancellationException("the attack was cancelled at step " + (i + 1));
      }
      int index = i;
      try (NDManager step = scope.newSubManager()) {
        latents.attach(step);
        NDArray output = guided.predict(latents, times[i], conditioning, step);
        double next = i + 1 < times.length ? times[i + 1] : Double.NaN;
        latents =
            step(
                latents,
                output,
                new Level(schedule.alpha(times[i]), schedule.sigma(times[i])),
                Double.isNaN(next)
                    ? new Level(1, 0)
                    : new Level(schedule.alpha(next), schedule.sigma(next)),
                () -> stack(prompts.size(), step, k -> noise.step(first + k, index, shape, step)));
        latents.attach(scope);
      }
    }
    return latents;
  }

  /** The factors of clean sample and noise. */
  private record Level(double alpha, double sigma) {}

  private NDArray step(
      NDArray latents, NDArray output, Level now, Level next, Supplier<NDArray> fresh) {
    PredictionType type = model.predictionType();
    NDArray clean =
        latents
            .mul(type.sampleWeight(now.alpha, now.sigma))
            .addi(output.mul(type.predictionWeight(now.alpha, now.sigma)));
    NDArray predicted = latents.sub(clean.mul(now.alpha)).divi(now.sigma);
    // At pure noise, a guided clean sample does not determine the noise.
    if (guide != null && now.alpha > 0) {
      predicted = predicted.sub(pull(guide, clean).muli(strength * now.sigma));
      clean = latents.sub(predicted.mul(now.sigma)).divi(now.alpha);
    }
    double spread = spread(now, next);
    double rest = Math.sqrt(Math.max(0, next.sigma * next.sigma - spread * spread));
    NDArray result = clean.mul(next.alpha).addi(predicted.mul(rest));
    if (spread > 0) {
      result.addi(fresh.get().mul(spread));
    }
    return result;
  }

  /**
   * The guide's gradient, normalised: its scale carries no information, and vanishes where the
   * guide is certain.
   */
  private static NDArray pull(LatentGuide guide, NDArray clean) {
    NDArray gradient = guide.gradient(clean);
    gradient.attach(clean.getManager());
    long rows = gradient.getShape().get(0);
    NDArray size =
        gradient
            .square()
            .reshape(rows, -1)
            .mean(new int[] {1})
            .sqrt()
            .addi(1e-12)
            .reshape(rows, 1, 1, 1);
    return gradient.div(size);
  }

  /** The deviation of the fresh noise: equation 16 of the paper, for any alpha and sigma. */
  private double spread(Level now, Level next) {
    double shrunk = now.alpha / next.alpha * next.sigma / now.sigma;
    double posterior = next.sigma * Math.sqrt(Math.max(0, 1 - shrunk * shrunk));
    return Math.min(eta * posterior, next.sigma);
  }

  private static NDArray stack(int count, NDManager scope, IntFunction<NDArray> ofImage) {
    NDList items = new NDList();
    for (int i = 0; i < count; i++) {
      items.add(ofImage.apply(i));
    }
    NDArray stacked = NDArrays.stack(items, 0);
    stacked.attach(scope);
    return stacked;
  }
}
