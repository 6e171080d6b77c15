package dev.ablation.cli;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.command.DeviceOption;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.error.AblationException;
import dev.ablation.model.DiffusionModel;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/**
 * The command line: removes a concept from a model and shows the same images before and after. Exit
 * codes: 0 when done, 1 when something failed on the way, 2 when the command line was wrong.
 */
@Command(
    name = "ablate",
    mixinStandardHelpOptions = true,
    versionProvider = Ablate.Version.class,
    sortOptions = false,
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    descriptionHeading = "%n",
    description = {
      "Removes a concept from a text-to-image diffusion model: a style, an object (an instance), a"
          + " memorized image, and more. The model then draws something else in its"
          + " place, the anchor; everything else stays as it was.",
      "",
      "Without --model it works on the small emoji model that it contains, with settings tuned for"
          + " that model; a run takes one or two minutes on a laptop. Styles there: noto, blob, twemoji,"
          + " fluent, ink, blueprint. Objects: 'cat face', 'rocket', 'red apple' and 268 more. The"
          + " memorized image: 'planted'.",
    },
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ablate --target blueprint",
      "  ablate --target 'cat face'",
      "  ablate --target planted",
      "  ablate --target blueprint --target 'cat face' --target planted",
      "  ablate --target noto --anchor fluent --steps 300",
      "  ablate --model path/to/stable-diffusion-v1-5 --kind style \\",
      "         --target 'Van Gogh' --anchor painting --neighbour Monet",
      "",
      "Files it writes: report.html, report.json, before-after.png, loss.png, loss.csv,",
      "delta.safetensors, summary.txt.",
    })
public final class Ablate implements Callable<Integer> {
  private static final int FAILED = CommandLine.ExitCode.SOFTWARE;
  private static final int WRONG_USAGE = CommandLine.ExitCode.USAGE;

  @Spec private CommandSpec spec;

  @Option(
      names = "--target",
      required = true,
      paramLabel = "NAME",
      description =
          "What to remove (required): the name of a style or of an object, the caption of a memorized"
              + " image, terms such as 'nudity, nsfw', or a file of prompt pairs. With the emoji"
              + " model it may be given several times.")
  private List<String> targets;

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      converter = KindConverter.class,
      description =
          "What the target is: style, instance, memorized-image, composition,"
              + " inappropriate-content or prompt-pairs. Inferred from the name for the emoji model; other"
              + " models require it.")
  private @Nullable ConceptKind kind;

  @Option(
      names = "--anchor",
      paramLabel = "NAME",
      description =
          "What to draw instead. Emoji model: for a style, another style (twemoji by default), or"
              + " 'emoji' for none; for an object, its category (the default), another category or"
              + " object; once per target, or never. Required for other models: such as"
              + " 'painting' for a style, 'cat' for a cat.")
  private List<String> anchors = List.of();

  @Option(
      names = "--anchor-prompts",
      paramLabel = "FILE",
      description =
          "With --model: prompts that draw the anchor, one a line. Default: built-in ones about it.")
  private @Nullable Path anchorPrompts;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description =
          "With --model: the published settings to start from, diffusers (the default) or paper.")
  private @Nullable String preset;

  @Option(
      names = "--method",
      paramLabel = "NAME",
      converter = MethodConverter.class,
      description =
          "How the weights are found: gradient (the paper's, the default); closed-form, least squares"
              + " on text embeddings, in seconds and without anchor images; polished, gradients that"
              + " begin with the closed form; uce, rece or orthogonal, published closed forms.")
  private AblationMethod method = AblationMethod.GRADIENT;

  @Option(
      names = "--model",
      paramLabel = "PATH",
      description =
          "Checkpoint of Stable Diffusion or FLUX.1: a folder in diffusers' layout (with"
              + " model_index.json) or a single .safetensors file. Default: the emoji model.")
  private @Nullable Path model;

  @Option(
      names = "--component",
      paramLabel = "NAME=PATH",
      description =
          "With --model: a component that comes from elsewhere, such as vae=FILE: its folder, or a"
              + " .safetensors file. For single files that lack it. May be given several times.")
  private Map<String, Path> components = Map.of();

  @Option(
      names = "--neighbour",
      paramLabel = "NAME",
      description =
          "With --model: a concept of the same kind that must be preserved, shown in the comparison."
              + " May be given several times.")
  private List<String> neighbours = List.of();

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Training steps. Default: 200 for the emoji model, 100 for others.")
  private @Nullable Integer steps;

  @Option(
      names = "--learning-rate",
      paramLabel = "X",
      description = "Learning rate. Default: 0.0015 for the emoji model, 0.000016 for others.")
  private @Nullable Double learningRate;

  @Option(
      names = "--images",
      paramLabel = "N",
      description =
          "Anchor images to draw and train with. Default: 64 for the emoji model, 1000 for others.")
  private @Nullable Integer images;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of all random numbers. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Mixin private DeviceOption device = new DeviceOption();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Threads on the CPU. Default: 1 for the emoji model, which is so small that a second one"
              + " mostly waits; one per core for other models.")
  private @Nullable Integer threads;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Folder to write to; must not exist. Default: the next number in target/ablation.")
  private @Nullable Path output;

  @Option(
      names = "--list",
      help = true,
      description = "Lists the styles and objects that the emoji model knows, and exits.")
  private boolean list;

  @Mixin private ProgressOption progress = new ProgressOption();

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required or has a default
  Ablate() {}

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
    return new CommandLine(new Ablate())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Ablate::explainWrongUsage)
        .setExecutionExceptionHandler((e, command, parsed) -> explainFailure(e, command));
  }

  @Override
  public Integer call() throws IOException {
    if (list) {
      return printVocabulary();
    }
    LoadOptions options = options();
    AblationJob job = job();
    Path folder = RunFolder.create(output);
    try (ProgressBars bars = progress.bars();
        DiffusionModel opened =
            model == null ? EmbeddedModel.open(options) : DiffusionPipeline.load(model, options);
        @Nullable EmbeddedEvaluator evaluator = model == null ? evaluator(options) : null) {
      Summary summary =
          new JobRun(
                  job.planning().plan(opened, evaluator),
                  opened.descriptor().name(),
                  job.columns(),
                  folder,
                  bars)
              .run();
      PrintWriter out = spec.commandLine().getOut();
      out.println();
      out.print(summary.text());
      out.flush();
      return CommandLine.ExitCode.OK;
    } finally {
      RunFolder.discardIfEmpty(folder);
    }
  }

  private static EmbeddedEvaluator evaluator(LoadOptions options) throws IOException {
    return EmbeddedEvaluator.open(options);
  }

  private int printVocabulary() {
    PrintWriter out = spec.commandLine().getOut();
    out.println("styles: " + String.join(", ", EmbeddedModel.styles()));
    for (String category : EmbeddedModel.categories()) {
      out.println(
          EmbeddedModel.concepts().stream()
              .filter(concept -> concept.category().equals(category))
              .map(EmojiConcept::name)
              .collect(Collectors.joining(", ", category + ": ", "")));
    }
    out.flush();
    return CommandLine.ExitCode.OK;
  }

  private AblationJob job() throws IOException {
    try {
      return model == null ? emojiJob() : checkpointJob();
    } catch (IllegalArgumentException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
  }

  private GradientTrainer adjusted(GradientTrainer trainer) {
    GradientTrainer changed = steps == null ? trainer : trainer.steps(steps);
    return learningRate == null ? changed : changed.learningRate(learningRate);
  }

  private AblationJob emojiJob() {
    for (String needsModel : given("--neighbour", "--anchor-prompts", "--preset", "--component")) {
      throw wrong(needsModel + " needs --model; the emoji model has settings that suit it");
    }
    if (!anchors.isEmpty() && anchors.size() != targets.size()) {
      throw wrong(
          "--anchor must be given once per --target or never, was given %d times for %d targets"
              .formatted(anchors.size(), targets.size()));
    }
    List<EmojiAblation> ablations = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      ablations.add(emojiAblation(targets.get(i), anchors.isEmpty() ? null : anchors.get(i)));
    }
    checkStepsAreOfGradients();
    EmojiAblation ablation =
        method.of(EmojiAblation.together(ablations)).training(this::adjusted);
    return AblationJob.of(images == null ? ablation : ablation.images(images), seed);
  }

  private EmojiAblation emojiAblation(String target, @Nullable String anchor) {
    checkAnchorDiffers(target, anchor);
    return switch (kindOfEmoji(target)) {
      case STYLE ->
          anchor == null ? EmojiAblation.style(target) : EmojiAblation.style(target, anchor);
      case INSTANCE ->
          anchor == null ? EmojiAblation.instance(target) : EmojiAblation.instance(target, anchor);
      case MEMORIZED_IMAGE -> {
        if (anchor != null) {
          throw wrong("--anchor is not for the planted image, was '%s'".formatted(anchor));
        }
        yield EmojiAblation.planted();
      }
      default ->
          throw wrong(
              "--kind must be style, instance or memorized-image with the emoji model, was "
                  + KindConverter.name(kind));
    };
  }

  private List<String> given(String... options) {
    return Stream.of(options)
        .filter(option -> spec.commandLine().getParseResult().hasMatchedOption(option))
        .toList();
  }

  /** No style has the name of an object. */
  private ConceptKind kindOfEmoji(String target) {
    if (kind != null) {
      return kind;
    }
    String name = target.strip().toLowerCase(Locale.ROOT);
    if (name.equals("planted") || name.equals(EmbeddedModel.plantedCaption())) {
      return ConceptKind.MEMORIZED_IMAGE;
    }
    if (EmbeddedModel.styles().contains(name)) {
      return ConceptKind.STYLE;
    }
    if (EmbeddedModel.concepts().stream().anyMatch(concept -> concept.name().equals(name))) {
      return ConceptKind.INSTANCE;
    }
    throw wrong(
        "--target must be a style or object that the emoji model knows, was '%s'; --list lists them"
            .formatted(target));
  }

  private void checkStepsAreOfGradients() {
    if (!method.hasSteps()) {
      for (String ofGradients : given("--steps", "--learning-rate", "--images")) {
        throw wrong(
            "%s is of training by gradients, --method was %s"
                .formatted(ofGradients, method.optionName()));
      }
    }
  }

  private AblationJob checkpointJob() throws IOException {
    checkStepsAreOfGradients();
    if (kind == null || anchors.size() != 1 || targets.size() != 1) {
      throw wrong("--model needs one --target, its --kind and one --anchor (what to draw instead)");
    }
    checkAnchorDiffers(targets.get(0), anchors.get(0));
    if (kind == ConceptKind.MEMORIZED_IMAGE && anchorPrompts == null) {
      throw wrong(
          "--kind memorized-image needs --anchor-prompts, a file with paraphrases of the"
              + " caption that do not draw the image");
    }
    GeneratedAnchors anchor =
        anchorPrompts == null
            ? AnchorStrategy.generated(anchors.get(0))
            : AnchorStrategy.generated(anchors.get(0), anchorPrompts);
    Concept target = CheckpointJob.concept(kind, targets.get(0));
    CheckpointJob job =
        new CheckpointJob(
                target, images == null ? anchor : anchor.images(images), published().apply(kind))
            .training(this::adjusted);
    job = job.method(method);
    if (!neighbours.isEmpty()) {
      job = job.neighbours(CheckpointJob.concepts(kind, neighbours));
    }
    return job.seed(seed);
  }

  private Function<ConceptKind, Preset> published() {
    if (preset == null) {
      return Preset::standard;
    }
    return switch (preset) {
      case "diffusers" -> Preset::diffusers;
      case "paper" -> Preset::paper;
      default -> throw wrong("--preset must be diffusers or paper, was '%s'".formatted(preset));
    };
  }

  private void checkAnchorDiffers(String target, @Nullable String anchor) {
    if (anchor != null && anchor.strip().equalsIgnoreCase(target.strip())) {
      throw wrong("--anchor must differ from --target, both were '%s'".formatted(target));
    }
  }

  private LoadOptions options() {
    int count = threads != null ? threads : model == null ? 1 : 0;
    if (count < 0) {
      throw wrong("--threads must not be negative, was " + count);
    }
    LoadOptions options = LoadOptions.defaults().threads(count).device(device.device());
    for (Map.Entry<String, Path> component : components.entrySet()) {
      options = options.component(component.getKey(), component.getValue());
    }
    return options;
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static int explainWrongUsage(ParameterException e, String[] args) {
    PrintWriter err = e.getCommandLine().getErr();
    err.println("ablate: " + e.getMessage());
    err.println("Try 'ablate --help'.");
    err.flush();
    return WRONG_USAGE;
  }

  /** What a user can mend is one line; anything else is a bug and shows where it came from. */
  private static int explainFailure(Exception e, CommandLine command) throws Exception {
    Throwable cause = e instanceof UncheckedIOException unchecked ? unchecked.getCause() : e;
    String message;
    if (cause instanceof FileSystemException file && file.getReason() == null) {
      message = withoutReason(file);
    } else if (cause instanceof IOException
        || cause instanceof AblationException
        || cause instanceof IllegalStateException
        || cause instanceof IllegalArgumentException) {
      message = String.valueOf(cause.getMessage());
    } else {
      throw e;
    }
    PrintWriter err = command.getErr();
    err.println("ablate: " + message);
    err.flush();
    return FAILED;
  }

  private static String withoutReason(FileSystemException e) {
    if (e instanceof AccessDeniedException) {
      return "no permission to write or read " + e.getFile();
    }
    if (e instanceof FileAlreadyExistsException) {
      return "is a file, but must be a folder: " + e.getFile();
    }
    if (e instanceof NoSuchFileException) {
      return "no such file or folder: " + e.getFile();
    }
    return e.getClass().getSimpleName() + ": " + e.getMessage();
  }

  /** Kinds are written with hyphens. */
  static final class KindConverter implements ITypeConverter<ConceptKind> {
    @Override
    public ConceptKind convert(String text) {
      for (ConceptKind kind : ConceptKind.values()) {
        if (name(kind).equalsIgnoreCase(text.strip().replace('_', '-'))) {
          return kind;
        }
      }
      throw new TypeConversionException(
          "must be one of %s, was '%s'"
              .formatted(Stream.of(ConceptKind.values()).map(KindConverter::name).toList(), text));
    }

    static String name(@Nullable ConceptKind kind) {
      return String.valueOf(kind).toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** The version of the library, as its jar's manifest has it. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Ablate.class.getPackage().getImplementationVersion();
      return new String[] {"ablate " + (version == null ? "(built from source)" : version)};
    }
  }
}
