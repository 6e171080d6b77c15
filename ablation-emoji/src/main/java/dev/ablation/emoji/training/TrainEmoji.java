package dev.ablation.emoji.training;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.nn.Precision;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.DeviceOption;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiDataSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Trains the embedded model from nothing: autoencoder, text encoder, UNet, one after the other, and
 * the evaluator that judges its images. Run again with the same folder, it continues where it was
 * stopped.
 *
 * <pre>{@code java -cp CLASS_PATH dev.ablation.emoji.training.TrainEmoji --folder FOLDER}</pre>
 */
@Command(
    name = "train-emoji",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Trains the embedded emoji model: autoencoder, text encoder, UNet; and",
      "the evaluator, which recognizes what its images show.",
      "Run it again with the same folder to continue where it stopped; the result is the same."
    })
public final class TrainEmoji implements Callable<Integer> {
  private static final String EMBEDDED = "embedded";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--folder",
      required = true,
      paramLabel = "FOLDER",
      description = "Where checkpoints, curves, sample sheets and the model are written.")
  private Path folder = Path.of("");

  @Option(
      names = "--parts",
      split = ",",
      paramLabel = "PART",
      defaultValue = "vae,text,unet,evaluator",
      description = "What is trained, in this order (default: ${DEFAULT-VALUE}).")
  private Set<EmojiTraining.Part> parts = Set.of();

  @Mixin private DeviceOption on = new DeviceOption();

  @Option(
      names = "--workers",
      paramLabel = "N",
      description =
          "Threads with one core each; a divisor of the batches (default: 2, on a GPU 1).")
  private @Nullable Integer workers;

  @Option(
      names = "--precision",
      paramLabel = "FORMAT",
      description =
          "Of products: float32 or bf16-matmul. On some processors float32 is twice as fast, on"
              + " others half as fast: measure a few steps (default: bf16-matmul, on a GPU float32).")
  private @Nullable String precision;

  @Option(
      names = "--seed",
      paramLabel = "SEED",
      defaultValue = "0",
      description = "Seed of all random numbers (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--vae-steps",
      paramLabel = "N",
      description = "Updates of the autoencoder (default: 6400, with 8 images each).")
  private @Nullable Integer vaeSteps;

  @Option(
      names = "--text-steps",
      paramLabel = "N",
      description = "Updates of the text encoder (default: 1500, with 96 captions each).")
  private @Nullable Integer textSteps;

  @Option(
      names = "--unet-steps",
      paramLabel = "N",
      description = "Updates of the UNet (default: 48000).")
  private @Nullable Integer unetSteps;

  @Option(
      names = "--unet-batch",
      paramLabel = "N",
      description = "Images per update of the UNet (default: 32).")
  private @Nullable Integer unetBatch;

  @Option(
      names = "--unet-rate",
      paramLabel = "RATE",
      description = "Largest learning rate of the UNet (default: 1e-3).")
  private @Nullable Double unetRate;

  @Option(
      names = "--unet-average",
      paramLabel = "DECAY",
      description = "Decay of the average of the UNet's weights, per step (default: 0.9992).")
  private @Nullable Double unetAverage;

  @Option(
      names = "--unet-start",
      paramLabel = "FOLDER",
      description = "A model whose UNet training starts from (default: random weights).")
  private @Nullable Path unetStart;

  @Option(
      names = "--frozen",
      paramLabel = "FOLDER",
      description =
          "A model whose autoencoder and text encoder the UNet is trained with, or 'embedded' for"
              + " the embedded one (default: those trained into --folder).")
  private @Nullable String frozen;

  @Option(
      names = "--withhold",
      split = ",",
      paramLabel = "NAME",
      description =
          "Styles and objects, or 'planted' for the planted image, that the UNet never sees, in"
              + " images or captions: a control that never knew them.")
  private Set<String> withheld = Set.of();

  @Option(
      names = "--core",
      description =
          "Withholds also the objects that are not in the core of the data set: with fewer objects"
              + " the images become clear sooner.")
  private boolean core;

  @Option(
      names = "--evaluator-steps",
      paramLabel = "N",
      description = "Updates of the evaluator (default: 10000, with 96 images each).")
  private @Nullable Integer evaluatorSteps;

  @Option(
      names = "--variants",
      paramLabel = "N",
      description =
          "How many variants of each image the UNet sees, moved, scaled and tinted a little"
              + " (default: 12).")
  private @Nullable Integer variants;

  @Mixin private ProgressOption progress = new ProgressOption();

  /** Only picocli makes it. */
  private TrainEmoji() {}

  /**
   * Runs the command and ends the JVM: exit code 0 when trained, 1 when stopped or failed, 2 when
   * the command line was wrong.
   *
   * @param args of the command line
   */
  public static void main(String[] args) {
    Startup.offline();
    System.exit(
        new CommandLine(new TrainEmoji()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    EmojiDataSet data = data();
    Device device = on.device();
    Files.createDirectories(folder);
    TorchRuntime.useThreads(1);
    AtomicBoolean stopped = new AtomicBoolean();
    CountDownLatch ended = new CountDownLatch(1);
    // The engine must not be in the middle of an operation when the JVM goes down.
    Thread hook =
        new Thread(() -> {
          stopped.set(true);
          try {
            ended.await(1, TimeUnit.MINUTES);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    Runtime.getRuntime().addShutdownHook(hook);
    boolean done;
    try (NDManager manager = TorchRuntime.engine().newBaseManager(device);
        ProgressBars bars = progress.bars()) {
      done =
          new EmojiTraining(
                  folder,
                  new ModelFolder(EmbeddedModel.folder()),
                  data,
                  plan(),
                  workers != null ? workers : device.isGpu() ? 1 : 2,
                  bars::show,
                  stopped::get)
              .run(parts, manager);
    } finally {
      ended.countDown();
    }
    if (!stopped.get()) {
      Runtime.getRuntime().removeShutdownHook(hook);
    }
    return done ? 0 : 1;
  }

  private EmojiDataSet data() throws IOException {
    try {
      EmojiDataSet data = EmojiDataSet.load();
      Set<String> names = new HashSet<>(withheld);
      if (core) {
        data.concepts().stream()
            .filter(concept -> !data.coreConcepts().contains(concept))
            .forEach(concept -> names.add(concept.name()));
      }
      EmojiDataSet shown = data.withholding(names);
      if (parts.contains(EmojiTraining.Part.UNET)) {
        EmojiTraining.checkWithheld(folder, shown.withheld());
      }
      return shown;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--withhold: " + e.getMessage(), e);
    }
  }

  private EmojiTraining.Plan plan() throws IOException {
    EmojiTraining.Plan plan = EmojiTraining.Plan.published();
    return new EmojiTraining.Plan(
        steps(plan.vae(), vaeSteps),
        steps(plan.text(), textSteps),
        unet(plan.unet()),
        steps(plan.evaluator(), evaluatorSteps),
        variants == null ? plan.variants() : variants,
        plan.drawingSteps(),
        unetStart,
        frozen == null ? null : EMBEDDED.equals(frozen) ? EmbeddedModel.folder() : Path.of(frozen),
        precision(),
        seed);
  }

  private @Nullable Precision precision() {
    if (precision == null) {
      return null;
    }
    return switch (precision) {
      case "float32" -> Precision.FLOAT32;
      case "bf16-matmul" -> Precision.BF16_MATMUL;
      default ->
          throw new ParameterException(
              spec.commandLine(),
              "--precision must be float32 or bf16-matmul, was '%s'".formatted(precision));
    };
  }

  private StageSettings unet(StageSettings settings) {
    StageSettings changed = steps(settings, unetSteps);
    changed = unetBatch == null ? changed : changed.batchSize(unetBatch);
    changed = unetAverage == null ? changed : changed.averageDecay(unetAverage);
    return unetRate == null ? changed : changed.learningRate(unetRate);
  }

  private static StageSettings steps(StageSettings settings, @Nullable Integer steps) {
    return steps == null ? settings : settings.steps(steps);
  }
}
