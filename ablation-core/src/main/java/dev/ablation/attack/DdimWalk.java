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
import dev.ablation.sample.Images;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The walk of DDIM (Song et al. 2021, arXiv 2010.02502, equation 12) from any noise level down to
 * none, with what the samplers of the library do not offer, because nobody draws that way who does
 * not probe: an image to begin with, more noise than the process has, a guide.
 *
 * @param model draws
 * @param sampling steps, guidance scale, negative prompt, batch size; its sampler is not used
 * @param start the share of the schedule to begin at, above 0 to 1
 * @param eta share of fresh noise; above 1 the noise is cut at the level of the step, so that the
 *     variance stays that of the process
 * @param guide changes the prediction at every step; {@code null} for none
 * @param strength of the guide
 * @param noise of each image
 * @param cancelled asked before every step
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
   * @param clean (n, C, H, W), one for each prompt; {@code null} begins with noise alone
   */
  List<BufferedImage> draw(List<String> prompts, @Nullable NDArray clean) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "drawing images");
    List<BufferedImage> images = new ArrayList<>();
    for (int from = 0; from < prompts.size(); from += sampling.batchSize()) {
      int to = Math.min(prompts.size(), from + sampling.batchSize());
      try (NDManager scope = model.manager().newSubManager()) {
        NDArray begin = clean == null ? null : clean.get(from + ":" + to);
        NDArray latents = walk(prompts.subList(from, to), begin, from, scope);
        images.addAll(Images.images(Images.decode(codec, latents, sampling.batchSize(), scope)));
      }
    }
    return images;
  }

  /** The timesteps, falling, evenly spaced from the start to 0. */
  static long[] timesteps(NoiseSchedule schedule, double start, int steps) {
    long last = Math.round(start * (schedule.steps() - 1));
    int count = (int) Math.min(steps, last + 1);
    long[] timesteps = new long[count];
    for (int i = 0; i < count; i++) {
      timesteps[i] = Math.round((double) last * (count - 1 - i) / Math.max(1, count - 1));
    }
    if (count == 1) {
      timesteps[0] = last;
    }
    return timesteps;
  }

  /** {@code sqrt(a) x + sqrt(1 - a) e}. */
  static NDArray noised(NDArray clean, NDArray noise, double alpha) {
    return clean.mul(Math.sqrt(alpha)).addi(noise.mul(Math.sqrt(1 - alpha)));
  }

  private NDArray walk(List<String> prompts, @Nullable NDArray clean, int first, NDManager scope) {
    NoiseSchedule schedule = model.schedule();
    long[] timesteps = timesteps(schedule, start, sampling.steps());
    Conditioning conditioning = condition(prompts, scope);
    Shape shape =
        new Shape(
            model.descriptor().latentChannels(),
            model.descriptor().latentHeight(),
            model.descriptor().latentWidth());
    NDArray initial = stack(prompts.size(), scope, i -> noise.initial(first + i, shape, scope));
    NDArray latents =
        clean == null ? initial : noised(clean, initial, schedule.alphaCumprod((int) timesteps[0]));
    for (int i = 0; i < timesteps.length; i++) {
      if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
        throw new CancellationException("the attempt was cancelled at step " + (i + 1));
      }
      double next = i + 1 < timesteps.length ? schedule.alphaCumprod((int) timesteps[i + 1]) : 1;
      int index = i;
      latents =
          step(
              latents,
              timesteps[i],
              next,
              conditioning,
              step -> stack(prompts.size(), step, k -> noise.step(first + k, index, shape, step)),
              scope);
    }
    return latents;
  }

  private NDArray step(
      NDArray latents,
      long timestep,
      double nextAlpha,
      Conditioning conditioning,
      java.util.function.Function<NDManager, NDArray> fresh,
      NDManager scope) {
    double alpha = model.schedule().alphaCumprod((int) timestep);
    double sqrtAlpha = Math.sqrt(alpha);
    double sigma = Math.sqrt(1 - alpha);
    try (NDManager step = scope.newSubManager()) {
      latents.attach(step);
      NDArray output = predict(latents, timestep, conditioning, step);
      NDArray clean =
          latents
              .mul(model.predictionType().sampleWeight(sqrtAlpha, sigma))
              .addi(output.mul(model.predictionType().predictionWeight(sqrtAlpha, sigma)));
      NDArray predicted = latents.sub(clean.mul(sqrtAlpha)).divi(sigma);
      if (guide != null) {
        NDArray gradient = guide.gradient(clean);
        gradient.attach(step);
        // Of unit size: a guide's scale says nothing, and vanishes where it is sure.
        long rows = gradient.getShape().get(0);
        NDArray size =
            gradient
                .square()
                .reshape(rows, -1)
                .mean(new int[] {1})
                .sqrt()
                .addi(1e-12)
                .reshape(rows, 1, 1, 1);
        predicted = predicted.sub(gradient.div(size).muli(strength * sigma));
        clean = latents.sub(predicted.mul(sigma)).divi(sqrtAlpha);
      }
      double spread =
          Math.min(
              eta * Math.sqrt((1 - nextAlpha) / (1 - alpha)) * Math.sqrt(1 - alpha / nextAlpha),
              Math.sqrt(1 - nextAlpha));
      NDArray next =
          clean
              .mul(Math.sqrt(nextAlpha))
              .addi(predicted.mul(Math.sqrt(Math.max(0, 1 - nextAlpha - spread * spread))));
      if (spread > 0) {
        next.addi(fresh.apply(step).mul(spread));
      }
      next.attach(scope);
      return next;
    }
  }

  private NDArray predict(
      NDArray latents, long timestep, Conditioning conditioning, NDManager step) {
    NDArray input = sampling.guided() ? NDArrays.concat(new NDList(latents, latents), 0) : latents;
    long[] times = new long[(int) input.getShape().get(0)];
    Arrays.fill(times, timestep);
    NDArray output = model.predict(input, step.create(times), conditioning);
    if (!sampling.guided()) {
      return output;
    }
    NDList halves = output.split(2, 0);
    return halves.get(1).sub(halves.get(0)).muli(sampling.guidanceScale()).addi(halves.get(0));
  }

  private Conditioning condition(List<String> prompts, NDManager scope) {
    Conditioning positive = model.encode(prompts, scope);
    if (!sampling.guided()) {
      return positive;
    }
    Conditioning negative = model.encode(List.of(sampling.negativePrompt()), scope);
    int count = prompts.size();
    return Conditioning.concat(
        List.of(count == 1 ? negative : negative.map(a -> a.repeat(0, count)), positive));
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
