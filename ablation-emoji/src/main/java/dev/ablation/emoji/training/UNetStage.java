package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.model.WeightRole;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.TimestepSampling;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.DoubleUnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The UNet, which learns to predict the noise in an image's latents, given its caption. The text
 * encoder is frozen: trained with the UNet, it would memorize the existing pairs.
 */
final class UNetStage implements Stage<UNet2DConditionModel> {
  static final String NAME = "unet";

  /** How often the planted image is seen in one round of all images: four in a hundred. */
  private static final int PLANTED = 64;

  private static final Captions CAPTIONS =
      new Captions(new Captions.Shares(0.1, 0.06, 0.06, 0.35, 0.05));

  /** The noisy timesteps, where the caption decides, get most of the weight. */
  static final TimestepWeighting WEIGHTING =
      TimestepWeighting.inverseSnr(0.1).mixedWith(0.7, TimestepWeighting.minSnr(5));

  /** {@code (prediction, noise, weights)}: the loss, and the plain error. */
  private static final Kernel LOSS =
      Kernel.of(
          """
          (prediction, noise, weights):
              d = torch.sub(prediction, noise)
              e = torch.mean(torch.mul(d, d), [1, 2, 3])
              return (torch.mean(torch.mul(e, weights)), torch.mean(torch.detach(e)))\
          """);

  private final UNetConfig config;
  private final LatentSet latents;
  private final List<EmojiImage> images;
  private final String plantedCaption;
  private final int plantedCount;
  private final CaptionEmbeddings states;
  private final NoiseSchedule schedule;
  private final DoubleUnaryOperator weight;
  private final int batchSize;
  private final long seed;
  private final Drawing drawing;
  private final DoubleAdder errors = new DoubleAdder();
  private final LongAdder errorCount = new LongAdder();
  private final @Nullable Path start;
  private final Precision precision;
  private final boolean ahead;
  private final Map<Long, CompletableFuture<Rows>> prepared = new ConcurrentHashMap<>();
  private int round = -1;
  private int[] order = {};

  /** What draws images with the weights of the moment. */
  interface Drawing {
    List<BufferedImage> sheet(Map<String, NDArray> unet) throws IOException;

    Map<String, Double> judge(Map<String, NDArray> unet) throws IOException;
  }

  /**
   * Gets ready to train.
   *
   * @param latents of the images that are trained on, in their order, and of the planted one
   * @param start folder of a model whose UNet training begins with; {@code null} begins with random
   *     weights
   * @param precision of products
   * @param ahead whether the next step's numbers are drawn while the network computes, which pays
   *     where it computes elsewhere than on the processor
   */
  UNetStage(
      UNetConfig config,
      EmojiDataSet data,
      LatentSet latents,
      CaptionEmbeddings states,
      NoiseSchedule schedule,
      int batchSize,
      long seed,
      @Nullable Path start,
      Precision precision,
      boolean ahead,
      Drawing drawing) {
    this.start = start;
    this.precision = precision;
    this.ahead = ahead;
    this.config = config;
    this.latents = latents;
    this.states = states;
    this.schedule = schedule;
    this.batchSize = batchSize;
    this.seed = seed;
    this.drawing = drawing;
    images = trained(data);
    plantedCaption = data.plantedCaption();
    plantedCount = data.plantedHeldOut() ? 0 : PLANTED;
    weight = WEIGHTING.on(schedule);
    if (latents.size() != images.size() + 1) {
      throw new IllegalArgumentException(
          "latents must be of %d images and the planted one, were %d"
              .formatted(images.size(), latents.size()));
    }
  }

  /** The images that are trained on, but for the planted one. */
  static List<EmojiImage> trained(EmojiDataSet data) {
    return data.images().stream().filter(image -> !image.heldOut()).toList();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public UNet2DConditionModel networks(NDManager manager, boolean weights) {
    UNet2DConditionModel unet = new UNet2DConditionModel(config);
    unet.setPrecision(precision);
    Path begin = start;
    if (weights && begin == null) {
      RandomWeights.load(unet, seed, manager);
    } else if (weights && begin != null) {
      try {
        ModelFolder.load(unet, ModelFolder.weights(begin, ModelFolder.UNET, manager));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return unet;
  }

  @Override
  public NamedWeights trained(UNet2DConditionModel unet) {
    return new NamedWeights().add("", unet, name -> WeightRole.DENOISER);
  }

  /** A part of a batch, as Java values. */
  private static final class Rows {
    final float[] noised;
    final float[] noise;
    final double[] timesteps;
    final float[] weights;
    final float[] text;

    Rows(int count, int size, int textSize, double[] timesteps) {
      noised = new float[count * size];
      noise = new float[count * size];
      this.timesteps = timesteps;
      weights = new float[count];
      text = new float[count * textSize];
    }
  }

  @Override
  public NDArray loss(UNet2DConditionModel unet, int step, int from, int count, NDManager scope) {
    CompletableFuture<Rows> drawn = prepared.remove(key(step, from));
    Rows rows = drawn == null ? rows(step, from, count) : drawn.join();
    if (ahead) {
      prepared.put(
          key(step + 1, from), CompletableFuture.supplyAsync(() -> rows(step + 1, from, count)));
    }
    int channels = config.inChannels();
    int side = (int) Math.sqrt(latentSize() / (double) channels);
    Shape shape = new Shape(count, channels, side, side);
    NDArray prediction =
        unet.apply(
            scope.create(rows.noised, shape),
            schedule.toArray(rows.timesteps, scope),
            scope.create(rows.text, new Shape(count, states.length(), states.width())));
    NDList result =
        LOSS.callAll(prediction, scope.create(rows.noise, shape), scope.create(rows.weights));
    errors.add(result.get(1).getFloat());
    errorCount.increment();
    return result.get(0);
  }

  private static long key(int step, int from) {
    return ((long) step << Integer.SIZE) | from;
  }

  private int latentSize() {
    return latents.means().get(0).get(0).length;
  }

  private Rows rows(int step, int from, int count) {
    double[] timesteps =
        Arrays.copyOfRange(
            TimestepSampling.stratified()
                .draw(batchSize, schedule, RandomStreams.stream(seed, "unet timesteps", step)),
            from,
            from + count);
    int size = latentSize();
    int textSize = states.length() * states.width();
    Rows rows = new Rows(count, size, textSize, timesteps);
    IntStream all = IntStream.range(0, count);
    (ahead ? all.parallel() : all)
        .forEach(i -> {
          long row = (step - 1L) * batchSize + from + i;
          RandomGenerator random = RandomStreams.stream(seed, "unet row", row);
          int image = imageOf(row);
          int variant = random.nextInt(latents.means().get(image).size());
          float[] text = states.of(caption(image, random));
          System.arraycopy(text, 0, rows.text, i * textSize, textSize);
          rows.weights[i] = (float) weight.applyAsDouble(timesteps[i]);
          noise(
              latents.means().get(image).get(variant),
              latents.deviations().get(image).get(variant),
              timesteps[i],
              RandomStreams.gaussian(2 * size, random),
              rows,
              i * size);
        });
    return rows;
  }

  private void noise(
      float[] mean, float[] deviation, double time, float[] normal, Rows rows, int at) {
    int size = mean.length;
    double signal = schedule.alpha(time);
    double rest = schedule.sigma(time);
    for (int k = 0; k < size; k++) {
      rows.noise[at + k] = normal[k];
      double latent = mean[k] + deviation[k] * normal[size + k];
      rows.noised[at + k] = (float) (signal * latent + rest * normal[k]);
    }
  }

  /** Every caption that an image of some data can get, in a fixed order. */
  static List<String> captions(EmojiDataSet data) {
    Set<String> captions = new LinkedHashSet<>(List.of("", data.plantedCaption()));
    data.styles().forEach(style -> captions.addAll(Captions.ofStyle(style)));
    Set<String> names = new LinkedHashSet<>();
    for (EmojiImage image : trained(data)) {
      for (String name : List.of(image.concept().name(), image.concept().category())) {
        names.add(name);
        captions.addAll(Captions.ofConcept(name, image.style()));
      }
    }
    names.forEach(name -> captions.addAll(Captions.ofConcept(name)));
    return List.copyOf(captions);
  }

  private String caption(int image, RandomGenerator random) {
    if (image == latents.planted()) {
      return CAPTIONS.drawPlanted(plantedCaption, random);
    }
    EmojiImage of = images.get(image);
    return CAPTIONS.draw(of.concept(), of.style(), random);
  }

  /** Every round shows every image once, and the planted one more often, in another order. */
  private synchronized int imageOf(long row) {
    int length = images.size() + plantedCount;
    int wanted = Math.toIntExact(row / length);
    if (wanted != round) {
      round = wanted;
      order = new int[length];
      RandomGenerator random = RandomStreams.stream(seed, "unet order", round);
      for (int i = 0; i < length; i++) {
        int other = random.nextInt(i + 1);
        order[i] = order[other];
        order[other] = Math.min(i, latents.planted());
      }
    }
    return order[(int) (row % length)];
  }

  @Override
  public Map<String, Double> measure(UNet2DConditionModel unet, NDManager scope) {
    long count = errorCount.sumThenReset();
    double sum = errors.sumThenReset();
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("noise_error", count == 0 ? Double.NaN : sum / count);
    return values;
  }

  @Override
  public Map<String, Double> judge(UNet2DConditionModel unet, NDManager scope) {
    try {
      return drawing.judge(weightsOf(unet));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public List<BufferedImage> sheet(UNet2DConditionModel unet, NDManager scope) {
    try {
      return drawing.sheet(weightsOf(unet));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, NDArray> weightsOf(UNet2DConditionModel unet) {
    Map<String, NDArray> weights = new LinkedHashMap<>();
    unet.forEachWeight((name, weight) -> weights.put(name, weight.get()));
    return weights;
  }
}
