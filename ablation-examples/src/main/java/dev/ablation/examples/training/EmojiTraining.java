package dev.ablation.examples.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.examples.dataset.EmojiDataSet;
import dev.ablation.examples.dataset.EmojiPicture;
import dev.ablation.model.AdamW;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.train.LearningRateSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * The stages in their order, with the settings that made the embedded model.
 *
 * <p>Between the first and the third, the scale of the latents is folded into the autoencoder and
 * all pictures are encoded.
 */
final class EmojiTraining {
  static final StageSettings VAE =
      new StageSettings(
          6_400,
          8,
          1.2e-3,
          LearningRateSchedule.cosine(100, 0.03),
          new AdamW(0.9, 0.99, 1e-8, 1e-4),
          1,
          0.998,
          2,
          0);

  static final StageSettings TEXT =
      new StageSettings(
          1_500,
          96,
          2e-3,
          LearningRateSchedule.cosine(100, 0.005),
          new AdamW(0.9, 0.99, 1e-8, 0.01),
          1,
          0.99,
          1,
          0);

  static final StageSettings UNET =
      new StageSettings(
          48_000,
          32,
          1e-3,
          LearningRateSchedule.cosine(200, 0.02),
          new AdamW(0.9, 0.99, 1e-8, 0.01),
          1,
          0.9992,
          4,
          0);

  private static final int VARIANTS = 12;

  private final Path folder;
  private final ModelFolder shapes;
  private final EmojiDataSet data;
  private final Plan plan;
  private final int workers;
  private final StageRun.Progress progress;
  private final BooleanSupplier stop;

  /**
   * What may differ between runs.
   *
   * @param vae settings of the autoencoder
   * @param text settings of the text encoder
   * @param unet settings of the UNet
   * @param variants of each picture that the UNet sees
   * @param seed of all random numbers
   */
  record Plan(StageSettings vae, StageSettings text, StageSettings unet, int variants, long seed) {
    static Plan published() {
      return new Plan(VAE, TEXT, UNET, VARIANTS, 0);
    }
  }

  /** Where to stop. */
  enum Until {
    /** After the autoencoder. */
    VAE,
    /** After the text encoder. */
    TEXT,
    /** At the end. */
    UNET
  }

  EmojiTraining(
      Path folder,
      ModelFolder shapes,
      EmojiDataSet data,
      Plan plan,
      int workers,
      StageRun.Progress progress,
      BooleanSupplier stop) {
    this.folder = folder;
    this.shapes = shapes;
    this.data = data;
    this.plan = plan;
    this.workers = workers;
    this.progress = progress;
    this.stop = stop;
  }

  /** Trains; returns false if it was stopped before. */
  boolean run(Until until, NDManager manager) throws IOException {
    VaeStage vae = new VaeStage(shapes.vae(1), data, plan.seed());
    if (!train(vae, plan.vae(), new StageRun.Pace(200, 1000, MINUTES_3, MINUTES_3), manager)) {
      return false;
    }
    if (until == Until.VAE) {
      return true;
    }
    try (ClipTokenizer tokenizer = shapes.tokenizer()) {
      TextStage text = new TextStage(shapes.text(), tokenizer, data, plan.seed());
      if (!train(text, plan.text(), new StageRun.Pace(100, 1000, MINUTES_3, MINUTES_3), manager)) {
        return false;
      }
      return until == Until.TEXT || trainUNet(tokenizer, manager);
    }
  }

  private static final Duration MINUTES_3 = Duration.ofMinutes(3);

  private <N> boolean train(
      Stage<N> stage, StageSettings settings, StageRun.Pace pace, NDManager manager)
      throws IOException {
    StageRun<N> run = new StageRun<>(stage, settings, folder, pace);
    return run.isFinished() || run.run(workers, manager, progress, stop);
  }

  private boolean trainUNet(ClipTokenizer tokenizer, NDManager parent) throws IOException {
    try (NDManager manager = parent.newSubManager()) {
      Map<String, NDArray> vae = StageRun.averages(checkpoint(VaeStage.NAME), manager);
      Path cache = folder.resolve("latents.safetensors");
      LatentScale scale = Files.exists(cache) ? LatentSet.scale(cache) : measure(vae, manager);
      scale.fold(vae, manager);
      double scalingFactor = scale.scalingFactor();
      if (!Files.exists(cache)) {
        encode(vae, scalingFactor, plan.variants(), manager).save(cache, scale, manager);
      }
      LatentSet latents = LatentSet.read(cache, manager);
      Map<String, NDArray> text = new LinkedHashMap<>();
      StageRun.averages(checkpoint(TextStage.NAME), manager)
          .forEach((name, array) -> {
            if (name.startsWith(TextStage.TEXT_PREFIX)) {
              text.put(name.substring(TextStage.TEXT_PREFIX.length()), array);
            }
          });
      ClipTextModel encoder = new ClipTextModel(shapes.text());
      ModelFolder.load(encoder, text);
      Drawings drawings =
          new Drawings(
              shapes,
              new ModelFolder.Networks(vae, scalingFactor, text, Map.of()),
              data,
              folder.resolve("model"));
      UNetStage unet =
          new UNetStage(
              shapes.unet(),
              data,
              latents,
              new CaptionStates(encoder, tokenizer, manager),
              NoiseSchedule.stableDiffusion(),
              plan.unet().batchSize(),
              plan.seed(),
              drawings);
      return train(
          unet,
          plan.unet(),
          new StageRun.Pace(100, 2000, Duration.ofMinutes(5), Duration.ofMinutes(10)),
          parent);
    }
  }

  private Path checkpoint(String stage) {
    return folder.resolve(stage + ".safetensors");
  }

  /** Measures the latents of all pictures. */
  private LatentScale measure(Map<String, NDArray> vae, NDManager manager) throws IOException {
    LatentSet latents = encode(vae, 1, 1, manager);
    List<float[]> means = latents.means().stream().map(variants -> variants.get(0)).toList();
    return LatentScale.of(means, shapes.vae(1).latentChannels());
  }

  private LatentSet encode(
      Map<String, NDArray> weights, double scalingFactor, int variants, NDManager manager)
      throws IOException {
    AutoencoderKL vae = new AutoencoderKL(shapes.vae(scalingFactor));
    ModelFolder.load(vae, weights);
    List<EmojiPicture> pictures = UNetStage.trained(data);
    float[] planted = Planes.of(data.planted());
    return GradMode.with(
        false, () -> LatentSet.encode(vae, pictures, planted, variants, plan.seed(), manager));
  }
}
