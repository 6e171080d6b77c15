package dev.ablation.cli;

import dev.ablation.concept.ConceptKind;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.DeviceOption;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.error.AblationException;
import dev.ablation.job.AblationJob;
import dev.ablation.job.InvalidJobException;
import dev.ablation.job.JobAnchor;
import dev.ablation.job.JobComponent;
import dev.ablation.job.JobConcept;
import dev.ablation.job.JobEvaluation;
import dev.ablation.job.JobImages;
import dev.ablation.job.JobLearningRate;
import dev.ablation.job.JobMethod;
import dev.ablation.job.JobModel;
import dev.ablation.job.JobNearest;
import dev.ablation.job.JobObjective;
import dev.ablation.job.JobStoppedException;
import dev.ablation.job.JobTarget;
import dev.ablation.job.JobTraining;
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
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
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
 * The command line: removes a concept from a model and shows the same images before and after, by
 * options or, with its commands, by job files. {@link ExitCode} lists the exit codes.
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
          + " that model; a run takes two to four minutes on a laptop. Styles there: noto, blob,"
          + " twemoji, fluent, ink, blueprint. Objects: 'cat face', 'rocket', 'red apple' and 268"
          + " more. The memorized image: 'planted'.",
    },
    synopsisSubcommandLabel = "[COMMAND]",
    subcommands = {
      RunCommand.class,
      CheckCommand.class,
      EstimateCommand.class,
      ResumeCommand.class,
      EvaluateCommand.class,
      VerifyCommand.class,
      ApplyCommand.class,
      UndoCommand.class,
      ListCommand.class,
      ExportCommand.class,
      DrawCommand.class,
      DoctorCommand.class,
      AutoComplete.GenerateCompletion.class,
      CommandLine.HelpCommand.class,
    },
    commandListHeading = "%nCommands:%n",
    optionListHeading = "%nOptions:%n",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ablate --target blueprint",
      "  ablate --target 'cat face'",
      "  ablate --target planted",
      "  ablate --target blueprint --target 'cat face' --target planted",
      "  ablate --target noto --anchor fluent --steps 300",
      "  ablate --target blueprint --method resistant --attacks quick",
      "  ablate run job.json",
      "  ablate --model path/to/stable-diffusion-v1-5 --kind style \\",
      "         --target 'Van Gogh' --anchor painting --neighbour Monet",
      "",
      "--model also takes a model of the Hugging Face Hub, owner/name[@revision], or one of its",
      "files, owner/name/FILE.safetensors[@revision]. HF_TOKEN, HF_HOME, HF_HUB_OFFLINE apply.",
      "",
      "Files it writes: report.html, report.json, before-after.png, loss.png, loss.csv,",
      "delta.safetensors, summary.txt, job.json and evidence.",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong command line or job file, 3 done but a limit of the",
      "job is not met, 4 not verified, 5 stopped and can be resumed.",
    })
public final class Ablate implements Callable<Integer> {
  private static final int FAILED = ExitCode.FAILED;
  private static final int WRONG_USAGE = ExitCode.WRONG_USAGE;

  @Spec private CommandSpec spec;

  @Option(
      names = "--target",
      paramLabel = "NAME",
      description =
          "What to remove (required): the name of a style or of an object, the caption of a memorized"
              + " image, terms such as 'nudity, nsfw', or a file of prompt pairs. With the emoji"
              + " model it may be given several times.")
  private List<String> targets = List.of();

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      converter = KindConverter.class,
      description =
          "What the target is: style, instance, memorized-image, composition, inappropriate-content"
              + " or prompt-pairs. Inferred from the name for the emoji model; other models require"
              + " it.")
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
          "With --model: prompts that draw the anchor, one a line. Default: built-in ones about"
              + " it.")
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
              + " begin with the closed form; resistant, redirection of noised images and learned words"
              + " too, in some minutes; uce, rece or orthogonal, published closed forms; esd-x, esd-x-strict,"
              + " esd-u, sdd, leco, spm, hirm or task-vector, other published methods by gradients,"
              + " which draw no anchor images.")
  private AblationMethod way = AblationMethod.GRADIENT;

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
          "With --model: a concept of the same kind that must be preserved, shown in the"
              + " comparison. May be given several times.")
  private List<String> neighbours = List.of();

  @Option(
      names = "--alias",
      paramLabel = "NAME",
      description =
          "Another name of the target, such as a translation: it is removed and asked for, too. May"
              + " be given several times; needs a single --target.")
  private List<String> aliases = List.of();

  @Option(
      names = "--nearest",
      paramLabel = "N",
      description =
          "Finds N neighbours by itself, the nearest by text embeddings, and evaluates them, too; with"
              + " the emoji model in place of its own.")
  private @Nullable Integer nearest;

  @Option(
      names = "--evaluator",
      paramLabel = "FOLDER",
      description =
          "With --model: a CLIP folder, which recognises the target; the evaluation then draws as many"
              + " images as the paper. Default: how much the pixels of a few images change.")
  private @Nullable Path evaluator;

  @Mixin private AttackOptions attacks = new AttackOptions();

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
          "Threads on the CPU, 0 for one per core, the default. Those of the emoji model share the"
              + " images of a batch, of other models every operation.")
  private @Nullable Integer threads;

  @Option(
      names = "--frozen-teacher",
      description =
          "The weights before the run predict for the anchor: steadier where target and anchor look"
              + " very different. The emoji model's settings have it.")
  private boolean frozenTeacher;

  @Option(
      names = "--no-images",
      description = "Draws no images before and after, and measures nothing.")
  private boolean noImages;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "Folder to write to; must not exist or be empty, or hold an unfinished run of the same"
              + " options, which continues. Default: the next number in target/ablation.")
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
        .setAbbreviatedOptionsAllowed(false)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Ablate::explainWrongUsage)
        .setExecutionExceptionHandler((e, command, parsed) -> explainFailure(e, command));
  }

  @Override
  public Integer call() throws IOException {
    if (list) {
      return printVocabulary();
    }
    return RunCommand.run(spec, job(), output, new Output(), progress);
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

  /** The options as a job, which is checked before anything else. */
  private AblationJob job() {
    if (targets.isEmpty()) {
      throw new CommandLine.MissingParameterException(
          spec.commandLine(),
          Objects.requireNonNull(spec.findOption("--target")),
          "Missing required option: '--target=NAME'; or name a command, such as 'ablate run JOB'");
    }
    positive("--steps", steps);
    positive("--images", images);
    positive("--nearest", nearest);
    if (!aliases.isEmpty() && targets.size() > 1) {
      throw wrong("--alias needs a single --target, there are %d".formatted(targets.size()));
    }
    positive("--learning-rate", learningRate);
    if (threads != null && threads < 0) {
      throw wrong("--threads must not be negative, was " + threads);
    }
    if (preset != null && !List.of("diffusers", "paper").contains(preset)) {
      throw wrong("--preset must be diffusers or paper, was '%s'".formatted(preset));
    }
    checkStepsAreOfGradients();
    AblationJob job = model == null ? emojiJob() : checkpointJob();
    List<String> problems = job.problems();
    if (!problems.isEmpty()) {
      throw wrong(named(problems.get(0)));
    }
    return job;
  }

  private void checkStepsAreOfGradients() {
    if (!way.hasSteps()) {
      for (String ofGradients :
          given("--steps", "--learning-rate", "--images", "--frozen-teacher")) {
        throw wrong(
            "%s is of training by gradients, --method was %s"
                .formatted(ofGradients, way.optionName()));
      }
    }
    if (!way.hasAnchorImages()) {
      for (String ofOthers : given("--images", "--frozen-teacher")) {
        throw wrong("%s is not of --method %s".formatted(ofOthers, way.optionName()));
      }
    }
    if (!way.hasPresets() && preset != null) {
      throw wrong(
          "--preset is not of --method %s, which has published settings of its own"
              .formatted(way.optionName()));
    }
  }

  private void positive(String option, @Nullable Number value) {
    if (value != null && !(value.doubleValue() > 0)) {
      throw wrong("%s must be positive, was %s".formatted(option, value));
    }
  }

  /** Names the option in place of the key of a job file. */
  private static String named(String problem) {
    return problem
        .replaceFirst("^targets\\[\\d+\\]\\.anchor\\S*: (anchor |must )", "--anchor $1")
        .replaceFirst("^targets\\[\\d+\\]\\.\\S*: (target |must )", "--target $1")
        .replaceFirst("^targets\\[\\d+\\]\\.name: (?=style |instance )", "--target: ")
        .replaceFirst("^targets\\[\\d+\\]\\.name: kind ", "--kind ")
        .replaceFirst("^(--\\w+) (anchor|target) ", "$1 ");
  }

  private AblationJob emojiJob() {
    for (String needsModel :
        given("--neighbour", "--anchor-prompts", "--preset", "--component", "--evaluator")) {
      throw wrong(needsModel + " needs --model; the emoji model has settings that suit it");
    }
    if (!anchors.isEmpty() && anchors.size() != targets.size()) {
      throw wrong(
          "--anchor must be given once per --target or never, was given %d times for %d targets"
              .formatted(anchors.size(), targets.size()));
    }
    List<JobTarget> removed = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      String anchor = anchors.isEmpty() ? null : anchors.get(i);
      checkAnchorDiffers(targets.get(i), anchor);
      removed.add(
          new JobTarget(
              kind,
              targets.get(i),
              aliases,
              null,
              List.of(),
              anchor == null && images == null ? null : anchor(anchor, null)));
    }
    return completed(AblationJob.of(opened(JobModel.embedded()), removed), null);
  }

  private JobAnchor anchor(@Nullable String name, @Nullable Path prompts) {
    return new JobAnchor(
        null, name, List.of(), prompts, List.of(), images == null ? null : JobImages.of(images));
  }

  private JobModel opened(JobModel source) {
    return new JobModel(
        source.location(),
        null,
        device.name(),
        threads,
        source.weightDtype(),
        source.precision(),
        components.entrySet().stream()
            .map(each -> new JobComponent(each.getKey(), each.getValue()))
            .toList());
  }

  private AblationJob checkpointJob() {
    if (kind == null || anchors.size() != 1 || targets.size() != 1) {
      throw wrong("--model needs one --target, its --kind and one --anchor (what to draw instead)");
    }
    checkAnchorDiffers(targets.get(0), anchors.get(0));
    if (kind == ConceptKind.MEMORIZED_IMAGE && anchorPrompts == null) {
      throw wrong(
          "--kind memorized-image needs --anchor-prompts, a file with paraphrases of the"
              + " caption that do not draw the image");
    }
    checkPublished(kind);
    boolean pairs = kind == ConceptKind.PROMPT_PAIRS;
    JobTarget target =
        new JobTarget(
            kind,
            targets.get(0),
            aliases,
            pairs ? Path.of(targets.get(0)) : null,
            List.of(),
            anchor(anchors.get(0), anchorPrompts));
    String checkpoint = Objects.requireNonNull(model).toString();
    return completed(AblationJob.of(opened(JobModel.named(checkpoint)), List.of(target)), preset);
  }

  /** Not every kind has published settings of every implementation. */
  private void checkPublished(ConceptKind published) {
    try {
      Preset unused = "paper".equals(preset) ? Preset.paper(published) : Preset.standard(published);
      Objects.requireNonNull(unused);
    } catch (IllegalArgumentException e) {
      throw wrong("--preset: " + e.getMessage());
    }
  }

  private AblationJob completed(AblationJob job, @Nullable String published) {
    JobMethod method = JobMethod.preset(published == null ? JobMethod.RECOMMENDED : published);
    if (steps != null || learningRate != null) {
      method =
          method.training(
              JobTraining.defaults()
                  .steps(steps)
                  .learningRate(learningRate == null ? null : JobLearningRate.of(learningRate)));
    }
    method = way.of(method, model != null);
    if (frozenTeacher) {
      method = method.objective(JobObjective.frozenTeacher());
    }
    return job.method(method).evaluation(evaluation()).seed(seed);
  }

  private JobEvaluation evaluation() {
    if (noImages) {
      for (String drawing :
          given("--neighbour", "--nearest", "--evaluator", "--attacks", "--control")) {
        throw wrong(drawing + " contradicts --no-images: it is for what is drawn and measured");
      }
      return JobEvaluation.with(JobEvaluation.NONE);
    }
    if (model != null && evaluator == null && attacks.wanted()) {
      throw wrong(
          "--attacks and --control need --evaluator with --model: what recognises the target");
    }
    JobEvaluation evaluation =
        evaluator == null
            ? JobEvaluation.defaults()
            : JobEvaluation.with(evaluator.toAbsolutePath().normalize().toString());
    return attacks.of(
        evaluation
            .neighbours(neighbours.stream().map(JobConcept::of).toList())
            .nearest(nearest == null ? null : JobNearest.of(nearest)));
  }

  private List<String> given(String... options) {
    return Stream.of(options)
        .filter(option -> spec.commandLine().getParseResult().hasMatchedOption(option))
        .toList();
  }

  private void checkAnchorDiffers(String target, @Nullable String anchor) {
    if (anchor != null && anchor.strip().equalsIgnoreCase(target.strip())) {
      throw wrong("--anchor must differ from --target, both were '%s'".formatted(target));
    }
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
    if (cause instanceof InvalidJobException wrong) {
      return explain(command, String.valueOf(wrong.getMessage()), WRONG_USAGE);
    }
    if (cause instanceof JobStoppedException stopped) {
      return explain(
          command,
          "%s: ablate resume %s".formatted(stopped.getMessage(), stopped.folder()),
          ExitCode.STOPPED);
    }
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
    return explain(command, message, FAILED);
  }

  private static int explain(CommandLine command, String message, int code) {
    PrintWriter err = command.getErr();
    err.println("ablate: " + message);
    err.flush();
    return code;
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
