package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.dataset.RgbImage;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * The autoencoder. Its loss is the mean absolute error, of pixels, of their differences to their
 * neighbours and of their colour, with a squared error that counts the largest errors more, and
 * next to nothing for the distance of the latents to a normal distribution.
 *
 * <p>The set has little colour on white: without the loss of colour and without images whose
 * channels are exchanged, saturated colours are lost; without images laid over gradients, and the
 * planted one shown often, the planted one is.
 */
final class VaeStage implements Stage<AutoencoderKL> {
  static final String NAME = "vae";
  private static final double PLANTED_SHARE = 0.04;
  private static final double GRADIENT_SHARE = 0.12;
  private static final double REORDERED_SHARE = 0.35;
  private static final int MAX_SHIFT = 4;
  private static final int EVALUATION_BATCH = 16;
  private static final int SHOWN = 12;

  /** {@code (moments, noise)}: a latent drawn from the posterior, its mean, its log variance. */
  private static final Kernel DRAW =
      Kernel.of(
          """
          (moments, noise):
              mean, logvar = torch.chunk(moments, 2, 1)
              logvar1 = torch.clamp(logvar, -12., 4.)
              z = torch.add(mean, torch.mul(noise, torch.exp(torch.mul(logvar1, 0.5))))
              return (z, mean, logvar1)\
          """);

  /** {@code (drawn, image, mean, logvar)}. */
  private static final Kernel LOSS =
      Kernel.of(
          """
          (y, x, mean, logvar):
              d = torch.sub(y, x)
              pixels = torch.mean(torch.abs(d))
              right = torch.mean(torch.abs(torch.sub(torch.slice(d, 3, 1), torch.slice(d, 3, 0, -1))))
              below = torch.mean(torch.abs(torch.sub(torch.slice(d, 2, 1), torch.slice(d, 2, 0, -1))))
              red = torch.mean(torch.abs(torch.sub(torch.select(d, 1, 0), torch.select(d, 1, 1))))
              blue = torch.mean(torch.abs(torch.sub(torch.select(d, 1, 2), torch.select(d, 1, 1))))
              squared = torch.mean(torch.mul(d, d))
              v = torch.add(torch.sub(torch.add(torch.mul(mean, mean), torch.exp(logvar)), logvar), -1.)
              kl = torch.mul(torch.mean(v), 0.5)
              return pixels + 0.5 * (right + below) + 0.35 * (red + blue) + squared + 0.001 * kl\
          """);

  private final VaeConfig config;
  private final long seed;
  private final Precision precision;
  private final List<float[]> training = new ArrayList<>();
  private final List<float[]> heldOut = new ArrayList<>();
  private final float[] planted;

  /**
   * Gets ready to train.
   *
   * @param config shapes
   * @param data held-out pairs are not trained on
   * @param seed of the weights and of everything that is drawn
   */
  VaeStage(VaeConfig config, EmojiDataSet data, long seed, Precision precision) {
    this.config = config;
    this.seed = seed;
    this.precision = precision;
    for (EmojiImage image : data.images()) {
      (image.heldOut() ? heldOut : training).add(Planes.of(image.pixels()));
    }
    planted = Planes.of(data.planted());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public AutoencoderKL networks(NDManager manager, boolean weights) {
    AutoencoderKL vae = new AutoencoderKL(config);
    vae.setPrecision(precision);
    if (weights) {
      RandomWeights.load(vae, seed, manager);
    }
    return vae;
  }

  @Override
  public NamedWeights trained(AutoencoderKL vae) {
    return new NamedWeights().add("", vae, name -> WeightRole.DENOISER);
  }

  @Override
  public NDArray loss(AutoencoderKL vae, int step, int from, int count, NDManager scope) {
    float[] planes = new float[count * Planes.VALUES];
    for (int i = 0; i < count; i++) {
      RandomGenerator random = RandomStreams.stream(seed, "vae picture " + (from + i), step);
      System.arraycopy(image(random), 0, planes, i * Planes.VALUES, Planes.VALUES);
    }
    NDArray images = images(planes, count, scope);
    int side = Planes.SIZE / config.downscaling();
    NDArray noise =
        RandomStreams.gaussian(
            scope,
            new Shape(count, config.latentChannels(), side, side),
            RandomStreams.stream(seed, "vae noise " + from, step));
    NDArray moments = vae.moments(images);
    NDList drawn = DRAW.callAll(moments, noise);
    NDArray result = vae.apply(drawn.get(0));
    return LOSS.call(result, images, drawn.get(1), drawn.get(2));
  }

  /** A training image, changed at random. */
  private float[] image(RandomGenerator random) {
    boolean isPlanted = random.nextDouble() < PLANTED_SHARE;
    float[] planes = isPlanted ? planted : training.get(random.nextInt(training.size()));
    if (isPlanted && random.nextBoolean()) {
      return planes;
    }
    if (random.nextBoolean()) {
      planes = Planes.mirrored(planes);
    }
    if (random.nextDouble() < REORDERED_SHARE) {
      planes = Planes.reordered(planes, Planes.order(random));
    }
    int right = random.nextInt(2 * MAX_SHIFT + 1) - MAX_SHIFT;
    int down = random.nextInt(2 * MAX_SHIFT + 1) - MAX_SHIFT;
    planes = Planes.moved(planes, right, down, 1);
    if (!isPlanted && random.nextDouble() < GRADIENT_SHARE) {
      planes = Planes.onGradient(planes, random);
    }
    return planes;
  }

  private static NDArray images(float[] planes, int count, NDManager scope) {
    return scope.create(planes, new Shape(count, Planes.CHANNELS, Planes.SIZE, Planes.SIZE));
  }

  @Override
  public Map<String, Double> measure(AutoencoderKL vae, NDManager scope) {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("held_out_psnr", psnr(vae, heldOut, scope));
    values.put("planted_psnr", psnr(vae, List.of(planted), scope));
    return values;
  }

  /** Mean over the images of their peak signal-to-noise ratio, in decibels. */
  static double psnr(AutoencoderKL vae, List<float[]> images, NDManager scope) {
    List<float[]> drawn = reconstruct(vae, images, scope);
    double sum = 0;
    for (int i = 0; i < drawn.size(); i++) {
      double squared = 0;
      for (int k = 0; k < Planes.VALUES; k++) {
        double error = (Math.min(1, Math.max(-1, drawn.get(i)[k])) - images.get(i)[k]) / 2;
        squared += error * error;
      }
      sum -= 10 * Math.log10(squared / Planes.VALUES);
    }
    return sum / drawn.size();
  }

  static List<float[]> reconstruct(AutoencoderKL vae, List<float[]> images, NDManager scope) {
    List<float[]> result = new ArrayList<>();
    for (int from = 0; from < images.size(); from += EVALUATION_BATCH) {
      List<float[]> part = images.subList(from, Math.min(images.size(), from + EVALUATION_BATCH));
      float[] planes = new float[part.size() * Planes.VALUES];
      for (int i = 0; i < part.size(); i++) {
        System.arraycopy(part.get(i), 0, planes, i * Planes.VALUES, Planes.VALUES);
      }
      try (NDManager step = scope.newSubManager()) {
        NDArray moments = vae.moments(images(planes, part.size(), step));
        float[] drawn = vae.apply(vae.posterior(moments).get(0)).toFloatArray();
        for (int i = 0; i < part.size(); i++) {
          float[] one = new float[Planes.VALUES];
          System.arraycopy(drawn, i * Planes.VALUES, one, 0, Planes.VALUES);
          result.add(one);
        }
      }
    }
    return result;
  }

  /** Held-out images and the planted one, above what becomes of them. */
  @Override
  public List<BufferedImage> sheet(AutoencoderKL vae, NDManager scope) {
    List<float[]> shown = new ArrayList<>();
    for (int i = 0; i < Math.min(SHOWN, heldOut.size()); i++) {
      shown.add(heldOut.get(i * heldOut.size() / Math.min(SHOWN, heldOut.size())));
    }
    shown.add(planted);
    List<float[]> drawn = reconstruct(vae, shown, scope);
    BufferedImage sheet =
        new BufferedImage(shown.size() * Planes.SIZE, 2 * Planes.SIZE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = sheet.createGraphics();
    try {
      for (int i = 0; i < shown.size(); i++) {
        graphics.drawImage(image(shown.get(i)), i * Planes.SIZE, 0, null);
        graphics.drawImage(image(drawn.get(i)), i * Planes.SIZE, Planes.SIZE, null);
      }
    } finally {
      graphics.dispose();
    }
    return List.of(sheet);
  }

  private static BufferedImage image(float[] planes) {
    return RgbImage.fromPlanes(planes, 0).toImage();
  }
}
