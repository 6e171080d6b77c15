package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.model.AdamW;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.train.LearningRateSchedule;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The stages in their order, with the settings that made the embedded model.
 *
 * <p>Between the first and the third, the scale of the latents is folded into the autoencoder and
 * all images are encoded.
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

  static final StageSettings EVALUATOR =
      new StageSettings(
          10_000,
          96,
          1e-3,
          LearningRateSchedule.cosine(300, 0.01),
          new AdamW(0.9, 0.99, 1e-8, 0.05),
          1,
          0.999,
          4,
          0);

  private static final int VARIANTS = 12;
  private static final int DRAWING_STEPS = 16;
  private static final String LATENTS = "latents.safetensors";
  private static final int MOST_NAMES = 12;
  private static final Duration MINUTES_3 = Duration.ofMinutes(3);
  private static final String EVALUATOR_RESOURCES = "/dev/ablation/emoji/evaluator/";

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
   * @param evaluator settings of the evaluator
   * @param variants of each image that the UNet sees
   * @param drawingSteps sampling steps of the images that show how far the UNet is
   * @param unetStart folder of a model whose UNet training begins with; {@code null} begins with
   *     random weights
   * @param frozen folder of a model whose autoencoder and text encoder the UNet is trained with;
   *     {@code null} takes the ones that were trained
   * @param precision of products; {@code null} chooses by the device
   * @param seed of all random numbers
   */
  record Plan(
      StageSettings vae,
      StageSettings text,
      StageSettings unet,
      StageSettings evaluator,
      int variants,
      int drawingSteps,
      @Nullable Path unetStart,
      @Nullable Path frozen,
      @Nullable Precision precision,
      long seed) {
    static Plan published() {
      return new Plan(VAE, TEXT, UNET, EVALUATOR, VARIANTS, DRAWING_STEPS, null, null, null, 0);
    }
  }

  /** What is trained. */
  enum Part {
    /** The autoencoder. */
    VAE,
    /** The text encoder. */
    TEXT,
    /** The UNet; needs the two before. */
    UNET,
    /** The evaluator; needs the autoencoder. */
    EVALUATOR
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

  /**
   * Trains some parts, in their order.
   *
   * @param manager on the device to train on
   * @return whether all of them were trained to their ends
   */
  boolean run(Set<Part> parts, NDManager manager) throws IOException {
    if (parts.contains(Part.UNET)) {
      checkWithheld(folder, data.withheld());
    }
    for (Part part : new TreeSet<>(parts)) {
      boolean done =
          switch (part) {
            case VAE -> trainVae(manager);
            case TEXT -> trainText(manager);
            case UNET -> trainUNet(manager);
            case EVALUATOR -> trainEvaluator(manager);
          };
      if (!done) {
        return false;
      }
    }
    return true;
  }

  /**
   * Checks that a UNet is not trained further with images that it has not seen so far, or without
   * some that it has.
   *
   * @param folder of the training
   * @param withheld what it is not to see
   * @throws IllegalArgumentException if it began with other images
   */
  static void checkWithheld(Path folder, Set<String> withheld) throws IOException {
    Path cache = folder.resolve(LATENTS);
    if (!Files.exists(cache)) {
      return;
    }
    Optional<Set<String>> begun = LatentSet.withheld(cache);
    if (begun.isPresent() && !begun.get().equals(withheld)) {
      throw new IllegalArgumentException(
          "the UNet in %s is trained without %s, not without %s; withhold the same or choose another folder"
              .formatted(folder, named(begun.get()), named(withheld)));
    }
  }

  private static String named(Set<String> names) {
    String some = names.stream().limit(MOST_NAMES).collect(Collectors.joining(", "));
    int more = names.size() - MOST_NAMES;
    return names.isEmpty() ? "nothing" : more > 0 ? some + " and %d more".formatted(more) : some;
  }

  private static boolean onGpu(NDManager manager) {
    return manager.getDevice().isGpu();
  }

  /** Processors have instructions for bfloat16; on a GPU the conversions would take longer. */
  private Precision precision(NDManager manager) {
    if (plan.precision() != null) {
      return plan.precision();
    }
    return onGpu(manager) ? Precision.FLOAT32 : Precision.BF16_MATMUL;
  }

  private <N> boolean train(
      Stage<N> stage, StageSettings settings, StageRun.Pace pace, NDManager manager)
      throws IOException {
    StageRun<N> run = new StageRun<>(stage, settings, folder, pace);
    return run.isFinished() || run.run(workers, manager, progress, stop);
  }

  private boolean trainVae(NDManager manager) throws IOException {
    return train(
        new VaeStage(shapes.vae(1), data, plan.seed(), precision(manager)),
        plan.vae(),
        new StageRun.Pace(200, 1000, MINUTES_3, MINUTES_3),
        manager);
  }

  private boolean trainText(NDManager manager) throws IOException {
    try (ClipTokenizer tokenizer = shapes.tokenizer()) {
      return train(
          new TextStage(shapes.text(), tokenizer, data, plan.seed()),
          plan.text(),
          new StageRun.Pace(100, 1000, MINUTES_3, MINUTES_3),
          manager);
    }
  }

  private boolean trainUNet(NDManager parent) throws IOException {
    try (NDManager manager = parent.newSubManager();
        ClipTokenizer tokenizer = shapes.tokenizer()) {
      Path frozen = plan.frozen();
      Map<String, NDArray> vae =
          frozen == null
              ? StageRun.averages(checkpoint(VaeStage.NAME), manager)
              : ModelFolder.weights(frozen, ModelFolder.VAE, manager);
      Path cache = folder.resolve(LATENTS);
      LatentScale scale;
      if (Files.exists(cache)) {
        scale = LatentSet.scale(cache);
      } else if (frozen == null) {
        scale = measure(vae, manager);
      } else {
        double factor = new ModelFolder(frozen).scalingFactor();
        scale = LatentScale.folded(factor, shapes.vae(factor).latentChannels());
      }
      scale.fold(vae, manager);
      double scalingFactor = scale.scalingFactor();
      if (!Files.exists(cache)) {
        encode(vae, scalingFactor, plan.variants(), manager)
            .save(cache, scale, data.withheld(), manager);
      }
      LatentSet latents = LatentSet.read(cache, manager);
      Map<String, NDArray> text =
          frozen == null
              ? trainedText(manager)
              : ModelFolder.weights(frozen, ModelFolder.TEXT_ENCODER, manager);
      ClipTextModel encoder = new ClipTextModel(shapes.text());
      ModelFolder.load(encoder, text);
      CaptionEmbeddings states = new CaptionEmbeddings(encoder, tokenizer, manager);
      if (onGpu(manager)) {
        states.prepare(UNetStage.captions(data));
      }
      UNetStage unet =
          new UNetStage(
              shapes.unet(),
              data,
              latents,
              states,
              NoiseSchedule.stableDiffusion(),
              plan.unet().batchSize(),
              plan.seed(),
              plan.unetStart(),
              precision(manager),
              onGpu(manager),
              new Drawings(
                  shapes,
                  new ModelFolder.Networks(vae, scalingFactor, text, Map.of()),
                  data,
                  plan.drawingSteps(),
                  folder.resolve("model"),
                  manager.getDevice()));
      return train(
          unet,
          plan.unet(),
          new StageRun.Pace(100, 2000, Duration.ofMinutes(5), Duration.ofMinutes(10)),
          parent);
    }
  }

  private Map<String, NDArray> trainedText(NDManager manager) throws IOException {
    Map<String, NDArray> text = new LinkedHashMap<>();
    StageRun.averages(checkpoint(TextStage.NAME), manager)
        .forEach((name, array) -> {
          if (name.startsWith(TextStage.TEXT_PREFIX)) {
            text.put(name.substring(TextStage.TEXT_PREFIX.length()), array);
          }
        });
    return text;
  }

  private boolean trainEvaluator(NDManager parent) throws IOException {
    try (NDManager manager = parent.newSubManager()) {
      AutoencoderKL vae = new AutoencoderKL(shapes.vae(1));
      ModelFolder.load(vae, StageRun.averages(checkpoint(VaeStage.NAME), manager));
      try (EvaluatorStage stage =
          GradMode.with(
              false,
              () ->
                  new EvaluatorStage(
                      evaluatorTemplate(),
                      shapes.template().resolve("tokenizer"),
                      data,
                      VaeStage.reconstruct(vae, EvaluatorStage.real(data), manager),
                      plan.evaluator().batchSize(),
                      plan.seed(),
                      precision(manager),
                      manager))) {
        boolean done =
            train(
                stage,
                plan.evaluator(),
                new StageRun.Pace(200, 1000, MINUTES_3, Duration.ofMinutes(10)),
                manager);
        if (done) {
          Path target = folder.resolve(EvaluatorStage.NAME);
          ModelFolder.delete(target);
          stage.export(
              StageRun.averages(checkpoint(EvaluatorStage.NAME), manager), manager, target);
        }
        return done;
      }
    }
  }

  /** The configuration of the evaluator, which comes with the examples. */
  private Path evaluatorTemplate() {
    Path template = folder.resolve("evaluator-shapes");
    try {
      Files.createDirectories(template);
      for (String file : List.of("config.json", "preprocessor_config.json")) {
        try (InputStream in = EmojiTraining.class.getResourceAsStream(EVALUATOR_RESOURCES + file)) {
          AtomicFiles.writeBytes(
              template.resolve(file),
              Existing.REPLACE,
              Objects.requireNonNull(in, "resource " + file).readAllBytes());
        }
      }
      return template;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path checkpoint(String stage) throws IOException {
    Path checkpoint = folder.resolve(stage + ".safetensors");
    if (!Files.exists(checkpoint)) {
      throw new NoSuchFileException(checkpoint.toString(), null, "train " + stage + " first");
    }
    return checkpoint;
  }

  /** Measures the latents of all images. */
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
    List<EmojiImage> images = UNetStage.trained(data);
    float[] planted = Planes.of(data.planted());
    return GradMode.with(
        false, () -> LatentSet.encode(vae, images, planted, variants, plan.seed(), manager));
  }
}
