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
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * DDIM sampling (Song et al. 2021, arXiv 2010.02502, equation 12, with any alpha and sigma) from
 * any noise level down to none, with options that only attacks need and the library's samplers do
 * not offer: an initial image, a part of the steps, more noise than the process has, a guide.
 * Configured before it walks; not for reuse.
 */
final class DdimWalk {
  private final DiffusionModel model;
  private final SamplingSettings sampling;
  private final NoiseSource noise;
  private final BooleanSupplier cancelled;
  private double start = 1;
  private int firstStep;
  private int lastStep = Integer.MAX_VALUE;
  private Spread spread = (now, next) -> new Noise(0, 0);
  private Guide guide = (latents, clean, level) -> null;
  private UnaryOperator<Conditioning> states = UnaryOperator.identity();
  private int @Nullable [] images;
  private @Nullable Kept kept;

  /**
   * Begins without any of the options.
   *
   * @param model model to sample
   * @param sampling steps, guidance, negative prompt, batch size; its sampler is not used
   * @param noise of each image
   * @param cancelled checked before every step
   */
  DdimWalk(
      DiffusionModel model,
      SamplingSettings sampling,
      NoiseSource noise,
      BooleanSupplier cancelled) {
    this.model = model;
    this.sampling = sampling;
    this.noise = noise;
    this.cancelled = cancelled;
  }

  /**
   * The factors of clean sample and noise.
   *
   * @param alpha of the clean sample
   * @param sigma of the noise
   * @param time of the schedule; NaN without noise
   */
  record Level(double alpha, double sigma, double time) {
    /** The deviation that DDPM's posterior has between two levels: equation 16 for eta 1. */
    double posterior(Level next) {
      double shrunk = alpha / next.alpha * next.sigma / sigma;
      return next.sigma * Math.sqrt(Math.max(0, 1 - shrunk * shrunk));
    }
  }

  /**
   * What a step adds.
   *
   * @param fresh factor of fresh noise
   * @param taken deviation that the predicted noise gives up for it
   */
  record Noise(double fresh, double taken) {}

  /** Decides how much fresh noise a step adds. */
  @FunctionalInterface
  interface Spread {
    Noise of(Level now, Level next);
  }

  /** Changes the predicted noise. */
  @FunctionalInterface
  interface Guide {
    /**
     * Returns what is subtracted from the predicted noise, or null for nothing.
     *
     * @param latents noised, (B, C, H, W)
     * @param clean predicted
     * @param level of the latents
     */
    @Nullable NDArray pull(NDArray latents, NDArray clean, Level level);
  }

  /** A part of the images that is known. */
  private record Kept(NDArray mask, NDArray clean) {}

  /** Starts at a share of the schedule, above 0, at most 1. */
  DdimWalk start(double share) {
    start = share;
    return this;
  }

  /** Makes the steps from {@code first}, to before {@code end}. */
  DdimWalk steps(int first, int end) {
    firstStep = first;
    lastStep = end;
    return this;
  }

  /**
   * Adds fresh noise, cut at the level of the step, so that the variance stays that of the process.
   */
  DdimWalk eta(double eta) {
    spread =
        (now, next) -> {
          double deviation = Math.min(eta * now.posterior(next), next.sigma);
          return new Noise(deviation, deviation);
        };
    return this;
  }

  /**
   * Adds fresh noise beyond the process's variance (Lu et al. 2025): what is taken from the
   * predicted noise is sqrt(|sigma^2 - s^2|), and the fresh noise is scaled further.
   */
  DdimWalk eta(double eta, double scale) {
    spread =
        (now, next) -> {
          double deviation = eta * now.posterior(next);
          return new Noise(deviation * scale, deviation);
        };
    return this;
  }

  DdimWalk guide(Guide changed) {
    guide = changed;
    return this;
  }

  /** Pulls the predicted clean latents, with a strength in units of the noise. */
  DdimWalk guide(LatentGuide gradient, double strength) {
    return guide((latents, clean, level) -> pull(gradient, clean).muli(strength * level.sigma));
  }

  DdimWalk conditioning(UnaryOperator<Conditioning> change) {
    states = change;
    return this;
  }

  /** Draws some of the images: prompt i is that of image {@code indices[i]}. */
  DdimWalk images(int... indices) {
    images = indices;
    return this;
  }

  /**
   * Keeps a part of given images: after each step it is theirs, noised to the step's level.
   *
   * @param mask (H, W) of the latents, 1 where an image is drawn anew
   * @param clean (n, C, H, W), one for each prompt
   */
  DdimWalk keeping(NDArray mask, NDArray clean) {
    kept = new Kept(mask, clean);
    return this;
  }

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
    return decoded(prompts, clean, false);
  }

  /** Draws from latents that are noised already, (n, C, H, W), one per prompt. */
  List<BufferedImage> drawFrom(List<String> prompts, NDArray noised) {
    return decoded(prompts, noised, true);
  }

  private List<BufferedImage> decoded(
      List<String> prompts, @Nullable NDArray begin, boolean noised) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "drawing images");
    List<BufferedImage> drawn = new ArrayList<>();
    for (int from = 0; from < prompts.size(); from += sampling.batchSize()) {
      try (NDManager scope = model.newScope()) {
        NDArray latents = batch(prompts, from, begin, noised, scope);
        drawn.addAll(Images.images(Images.decode(codec, latents, sampling.batchSize(), scope)));
      }
    }
    return drawn;
  }

  /** Returns the latents after the chosen steps from pure noise, (n, C, H, W). */
  NDArray latents(List<String> prompts, NDManager owner) {
    NDList parts = new NDList();
    for (int from = 0; from < prompts.size(); from += sampling.batchSize()) {
      try (NDManager scope = model.newScope()) {
        NDArray latents = batch(prompts, from, null, false, scope);
        latents.attach(owner);
        parts.add(latents);
      }
    }
    NDArray all = parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
    all.attach(owner);
    return all;
  }

  private NDArray batch(
      List<String> prompts, int from, @Nullable NDArray begin, boolean noised, NDManager scope) {
    int to = Math.min(prompts.size(), from + sampling.batchSize());
    String rows = from + ":" + to;
    NDArray some = begin == null ? null : begin.get(rows);
    if (some != null) {
      some.attach(scope);
    }
    int[] seeds = images;
    int[] indices = IntStream.range(from, to).map(i -> seeds == null ? i : seeds[i]).toArray();
    NDArray own = kept == null ? null : kept.clean.get(rows);
    return walk(prompts.subList(from, to), some, noised, indices, own, scope);
  }

  /** {@code alpha x + sigma e}. */
  static NDArray noised(NDArray clean, NDArray noise, double alpha, double sigma) {
    return clean.mul(alpha).addi(noise.mul(sigma));
  }

  private NDArray walk(
      List<String> prompts,
      @Nullable NDArray begin,
      boolean noised,
      int[] indices,
      @Nullable NDArray own,
      NDManager scope) {
    NoiseSchedule schedule = model.schedule();
    double[] times = schedule.descendingTimes(start, sampling.steps());
    GuidedModel guided = GuidedModel.of(model, sampling);
    Conditioning asked =
        states.apply(model.encode(prompts, model.descriptor().latentSize(), scope));
    Conditioning conditioning = guided.condition(asked, model.descriptor().latentSize(), scope);
    Shape shape = model.descriptor().latentShape();
    NDArray initial = stack(indices.length, scope, i -> noise.initial(indices[i], shape, scope));
    NDArray latents =
        begin == null
            ? initial.duplicate() // a kept part is noised with it at every step
            : noised
                ? begin
                : noised(begin, initial, schedule.alpha(times[0]), schedule.sigma(times[0]));
    int end = Math.min(times.length, lastStep);
    for (int i = firstStep; i < end; i++) {
      if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
        throw new CancellationException("the attack was cancelled at step " + (i + 1));
      }
      int index = i;
      try (NDManager step = scope.newSubManager()) {
        latents.attach(step);
        NDArray output = guided.predict(latents, times[i], conditioning, step);
        Level now = level(schedule, times[i]);
        Level next =
            i + 1 < times.length ? level(schedule, times[i + 1]) : new Level(1, 0, Double.NaN);
        Supplier<NDArray> fresh =
            () -> stack(indices.length, step, k -> noise.step(indices[k], index, shape, step));
        latents = step(latents, output, now, next, fresh);
        if (own != null && kept != null) {
          NDArray known = noised(own, initial, next.alpha, next.sigma);
          latents = latents.mul(kept.mask).add(known.mul(kept.mask.neg().add(1)));
        }
        latents.attach(scope);
      }
    }
    return latents;
  }

  private static Level level(NoiseSchedule schedule, double time) {
    return new Level(schedule.alpha(time), schedule.sigma(time), time);
  }

  private NDArray step(
      NDArray latents, NDArray output, Level now, Level next, Supplier<NDArray> fresh) {
    PredictionType type = model.predictionType();
    NDArray clean =
        latents
            .mul(type.sampleWeight(now.alpha, now.sigma))
            .addi(output.mul(type.predictionWeight(now.alpha, now.sigma)));
    NDArray predicted = latents.sub(clean.mul(now.alpha)).divi(now.sigma);
    // At pure noise, a guided clean sample does not determine the noise.
    NDArray pulled = now.alpha > 0 ? guide.pull(latents, clean, now) : null;
    if (pulled != null) {
      predicted = predicted.sub(pulled);
      clean = latents.sub(predicted.mul(now.sigma)).divi(now.alpha);
    }
    Noise added = spread.of(now, next);
    double rest = Math.sqrt(Math.abs(next.sigma * next.sigma - added.taken * added.taken));
    NDArray result = clean.mul(next.alpha).addi(predicted.mul(rest));
    if (added.fresh > 0) {
      result.addi(fresh.get().mul(added.fresh));
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
