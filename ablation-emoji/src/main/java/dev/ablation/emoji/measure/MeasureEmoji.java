package dev.ablation.emoji.measure;

import ai.djl.Device;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Precision;
import dev.ablation.emoji.CopyThreshold;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.DeviceOption;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.LookAlikes;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Measures the embedded model and its evaluator, or another pair of them. Each part leaves a file
 * of its own in the output folder and is not repeated when the command is started again, so that it
 * can be stopped at any time. At the end it writes {@code results.csv} and {@code results.md}.
 *
 * <pre>{@code java -cp CLASS_PATH dev.ablation.emoji.measure.MeasureEmoji --output FOLDER}</pre>
 */
@Command(
    name = "measure-emoji",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Measures the embedded emoji model: draws everything that it knows and"
          + " has the evaluator judge the images; judges the evaluator by the images of the"
          + " data set.",
      "Run it again with the same folder to continue where it stopped."
    })
public final class MeasureEmoji implements Callable<Integer> {
  private static final Gson JSON = new GsonBuilder().setPrettyPrinting().create();

  /** What is measured together. */
  enum Part {
    /** The autoencoder. */
    VAE(RealParts::autoencoder),
    /** The evaluator, by images of the data set. */
    EVALUATOR(RealParts::evaluator),
    /** Objects in styles that were trained on together. */
    PAIRS(DrawnParts::pairs),
    /** Objects in styles that were not. */
    HELD_OUT(DrawnParts::heldOut),
    /** Captions without a style. */
    NO_STYLE(DrawnParts::withoutStyle),
    /** The planted caption. */
    PLANTED(DrawnParts::planted),
    /** Time. */
    SPEED(SpeedPart::seconds);

    private final Bench.Part work;

    Part(Bench.Part work) {
      this.work = work;
    }

    private boolean countsCopies() {
      return this == PAIRS || this == HELD_OUT || this == NO_STYLE || this == PLANTED;
    }

    private Path file(Path folder) {
      return folder.resolve(name().toLowerCase(Locale.ROOT).replace('_', '-') + ".json");
    }
  }

  @Option(
      names = "--model",
      paramLabel = "FOLDER",
      description =
          "The model, in diffusers' layout; it must know all objects of the data set. Default:"
              + " the embedded one.")
  private @Nullable Path model;

  @Option(
      names = "--evaluator",
      paramLabel = "FOLDER",
      description = "The evaluator, a CLIP in transformers' layout. Default: the embedded one.")
  private @Nullable Path evaluator;

  @Option(
      names = "--output",
      paramLabel = "FOLDER",
      defaultValue = "target/measure",
      description =
          "Folder for results and sheets, created if it does not exist. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "measure");

  @Option(
      names = "--parts",
      split = ",",
      paramLabel = "PART",
      defaultValue = "vae,evaluator,pairs,held_out,no_style,planted,speed",
      description = "What is measured. Default: ${DEFAULT-VALUE}.")
  private Set<Part> parts = Set.of();

  @Option(
      names = "--seeds",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Images of each caption; four times as many of held-out pairs, a hundred times of the"
              + " planted caption. Default: ${DEFAULT-VALUE}.")
  private int seeds = 1;

  @Option(
      names = "--seed",
      paramLabel = "SEED",
      defaultValue = "1000",
      description = "Seed of the first image of each part. Default: ${DEFAULT-VALUE}.")
  private long seed = 1000;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "20",
      description = "Sampling steps. Default: ${DEFAULT-VALUE}.")
  private int steps = 20;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      description = "Images drawn at a time. Default: ${DEFAULT-VALUE}.")
  private int batch = 8;

  @Mixin private DeviceOption on = new DeviceOption();

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "2",
      description = "Threads of an operation on the CPU. Default: ${DEFAULT-VALUE}.")
  private int threads = 2;

  @Option(
      names = "--bfloat16",
      description =
          "Use matrix products in bfloat16, on processors that have instructions for them.")
  private boolean bfloat16;

  @Option(
      names = "--quick",
      description = "Measure only a few images of each part, to check that everything works.")
  private boolean quick;

  @Option(
      names = "--parity",
      paramLabel = "FILE",
      description = {
        "Measure nothing: draw eight images and write them to a safetensors file, with the"
            + " latents and captions that they were drawn from, to be compared with another"
            + " implementation's."
      })
  private @Nullable Path parity;

  @Mixin private ProgressOption progress = new ProgressOption();

  @Spec private CommandSpec spec = CommandSpec.create();

  MeasureEmoji() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param args the command line; {@code --help} explains it
   */
  public static void main(String[] args) {
    Startup.offline();
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new MeasureEmoji()).setCaseInsensitiveEnumValuesAllowed(true);
  }

  @Override
  public Integer call() throws IOException {
    if (seeds <= 0) {
      throw new IllegalArgumentException("--seeds must be positive, was " + seeds);
    }
    SamplingSettings sampling = EmbeddedModel.recommendedSampling().steps(steps).batchSize(batch);
    Device device = on.device();
    LoadOptions options =
        LoadOptions.defaults()
            .device(device)
            .threads(threads)
            .precision(bfloat16 ? Precision.BF16_MATMUL : Precision.FLOAT32);
    try (StableDiffusion drawing =
        model == null ? EmbeddedModel.open(options) : StableDiffusion.load(model, options)) {
      if (parity != null) {
        Parity.write(drawing, sampling, seed, parity);
        return CommandLine.ExitCode.OK;
      }
      LoadOptions same = LoadOptions.defaults().device(device).threads(threads);
      try (EmbeddedEvaluator judging =
              evaluator == null
                  ? EmbeddedEvaluator.open(same)
                  : EmbeddedEvaluator.open(evaluator, same);
          ProgressBars bars = progress.bars()) {
        Files.createDirectories(output);
        EmojiDataSet data = EmojiDataSet.load();
        Bench bench =
            new Bench(
                drawing,
                judging,
                data,
                (model == null ? EmbeddedModel.concepts() : data.concepts())
                    .stream().map(EmojiConcept::name).toList(),
                model == null ? EmbeddedModel.heldOutPairs() : DataSetIndex.load().heldOut(),
                LookAlikes.of(data),
                sampling,
                seed,
                seeds,
                quick,
                output,
                bars);
        measure(bench);
      }
    }
    return CommandLine.ExitCode.OK;
  }

  private void measure(Bench bench) throws IOException {
    Map<String, String> settings = settings(bench);
    checkSettings(settings);
    Set<Part> wanted = new TreeSet<>(parts);
    if (!bench.hasThreshold() && wanted.stream().anyMatch(Part::countsCopies)) {
      // It chooses the threshold that an evaluator under training does not have yet.
      wanted.add(Part.EVALUATOR);
    }
    for (Part part : wanted) {
      Path file = part.file(output);
      if (!Files.exists(file)) {
        new MeasuredValues(part.work.measure(bench)).save(file);
      }
    }
    List<MeasuredValues> found = new ArrayList<>();
    for (Part part : Part.values()) {
      if (Files.exists(part.file(output))) {
        found.add(MeasuredValues.read(part.file(output)));
      }
    }
    MeasuredValues all = MeasuredValues.together(found);
    AtomicFiles.writeString(output.resolve("results.csv"), Existing.REPLACE, all.csv());
    String report = report(bench, all, settings);
    AtomicFiles.writeString(output.resolve("results.md"), Existing.REPLACE, report);
    PrintWriter out = spec.commandLine().getOut();
    out.print(report);
    out.flush();
  }

  /** What may not differ between two starts with one folder, in order. */
  private Map<String, String> settings(Bench bench) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("model", bench.model().weights().sha256());
    settings.put("evaluator", bench.evaluator().clip().info().sha256());
    settings.put("things", Integer.toString(bench.concepts().size()));
    settings.put("sampler", bench.sampling().sampler().name());
    settings.put("steps", Integer.toString(steps));
    settings.put("guidance", Double.toString(bench.sampling().guidanceScale()));
    settings.put("seed", Long.toString(seed));
    settings.put("images of a caption", Integer.toString(seeds));
    settings.put("device", on.name());
    settings.put("threads", Integer.toString(threads));
    if (bfloat16) {
      settings.put("products", "bfloat16");
    }
    if (quick) {
      settings.put("quick", "a few images of each part only");
    }
    return settings;
  }

  private void checkSettings(Map<String, String> settings) throws IOException {
    Path file = output.resolve("settings.json");
    if (Files.exists(file)) {
      Map<?, ?> before = JSON.fromJson(TextFile.read(file), Map.class);
      if (!settings.equals(before)) {
        throw new IllegalArgumentException(
            "--output must be a folder with the same settings, but %s has %s instead of %s"
                .formatted(file, before, settings));
      }
    }
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(settings) + "\n");
  }

  private static String report(Bench bench, MeasuredValues findings, Map<String, String> settings)
      throws IOException {
    StringBuilder text = new StringBuilder(findings.markdown());
    text.append('\n');
    if (bench.hasThreshold()) {
      CopyThreshold threshold = bench.threshold();
      text.append(
          String.format(
              Locale.ROOT,
              "A copy has a cosine above %.4f with the planted image: the lowest of %d variants"
                  + " of the planted image has %.4f, the highest of %d other images %.4f.%n%n",
              threshold.threshold(),
              threshold.copies(),
              threshold.lowestCopy(),
              threshold.others(),
              threshold.highestOther()));
    }
    text.append(
        String.format(
            Locale.ROOT,
            "Real images that cannot be distinguished (mean difference of at most %.0f of 255,"
                + " correlation of at least %.2f). One object in two styles, left out of the counts"
                + " of styles:%n%n",
            LookAlikes.MAX_DIFFERENCE,
            LookAlikes.MIN_CORRELATION));
    for (LookAlikes.Pair pair : bench.lookAlikes().styles()) {
      text.append(
          line(
              pair.one().concept().name(),
              pair.one().style() + " and " + pair.other().style(),
              pair));
    }
    text.append("\nTwo objects in one style:\n\n");
    for (LookAlikes.Pair pair : bench.lookAlikes().concepts()) {
      text.append(
          line(
              pair.one().concept().name() + " and " + pair.other().concept().name(),
              pair.one().style(),
              pair));
    }
    text.append("\nSettings:\n\n");
    settings.forEach((key, value) -> text.append("- %s: %s%n".formatted(key, value)));
    return text.toString();
  }

  private static String line(String what, String where, LookAlikes.Pair pair) {
    return String.format(
        Locale.ROOT, "- %s, %s: %.1f, %.3f%n", what, where, pair.difference(), pair.correlation());
  }
}
