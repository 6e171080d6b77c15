package dev.ablation.emoji.study;

import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.Startup;
import dev.ablation.emoji.study.AnswerSet.Question;
import dev.ablation.emoji.study.SequenceDeltas.Rounding;
import dev.ablation.emoji.study.SequenceResult.Figures;
import dev.ablation.emoji.study.StudyImages.Judged;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import dev.ablation.metric.ClipMmd;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Requests that arrive one after the other: removes several concepts from the embedded model, each
 * from the model that the former ones left, by deltas that are added, and all in one run; draws the
 * answer set after some of them; and takes half of them out again in another order. Every delta,
 * sheet of images and result has its own file in the output folder and is not made again when the
 * command is started again. At the end it writes {@code sequences.csv}, {@code sequences.md} and
 * {@code sequences.png} of all results that are there.
 */
@Command(
    name = "sequences",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Removes several concepts from the embedded model: one after another, by added deltas, and all"
          + " at once; and undoes half of them in another order. Run it again with the same folder"
          + " to continue where it stopped.",
    })
public final class SequenceStudy implements Callable<Integer> {
  static final String CLOSED_FORM = "closed form";
  static final String GRADIENT = "gradient";

  /** Seed of the order in which requests are undone. */
  private static final int UNDOING = 19;

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "TARGET",
      defaultValue =
          "style:blueprint,instance:cat face,instance:owl,instance:pizza,instance:rocket,"
              + "style:ink,instance:banana,instance:guitar,instance:umbrella,instance:penguin",
      description =
          "What to remove, in this order: style:NAME or instance:NAME. Default: ${DEFAULT-VALUE}.")
  private List<String> targets = List.of();

  @Option(
      names = "--method",
      paramLabel = "NAME",
      defaultValue = CLOSED_FORM,
      description =
          "How each is removed: closed form, or gradient (200 steps). Default: ${DEFAULT-VALUE}.")
  private String method = CLOSED_FORM;

  @Option(
      names = "--ways",
      split = ",",
      paramLabel = "WAY",
      defaultValue = "one after another,deltas added,all at once",
      description =
          "How the requests are met, to make a part of the study: one after another (each from the"
              + " model that the former ones left), deltas added, all at once (one run). Default:"
              + " ${DEFAULT-VALUE}.")
  private List<String> ways = List.of();

  @Option(
      names = "--after",
      split = ",",
      paramLabel = "N",
      defaultValue = "1,2,5,10",
      description =
          "After how many removals images are drawn; more than there are targets are left out."
              + " Default: ${DEFAULT-VALUE}.")
  private List<Integer> after = List.of();

  @Option(
      names = "--images",
      paramLabel = "N",
      defaultValue = "1",
      description = "Images of each pair of object and style. Default: ${DEFAULT-VALUE}.")
  private int images = 1;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "target/sequences",
      description =
          "Folder for the results, created if it does not exist. Default: ${DEFAULT-VALUE}.")
  private Path output = Path.of("target", "sequences");

  @Mixin private StudyOptions options = new StudyOptions();

  SequenceStudy() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param args the command line; {@code --help} explains it
   */
  public static void main(String[] args) {
    Startup.offline();
    System.exit(new CommandLine(new SequenceStudy()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    return call(
        AnswerSet.load().repeats(images),
        EmbeddedModel.recommendedSampling().batchSize(options.batch()));
  }

  int call(AnswerSet answers, SamplingSettings sampling) throws IOException {
    List<StudyTarget> removed = checkedTargets(answers);
    Files.createDirectories(output);
    if (!options.tables()) {
      make(answers, removed, sampling);
    }
    new SequenceTables(finished(), roundings()).write(output);
    System.out.print(TextFile.read(output.resolve("sequences.md")));
    return CommandLine.ExitCode.OK;
  }

  private List<StudyTarget> checkedTargets(AnswerSet answers) {
    if (!List.of(CLOSED_FORM, GRADIENT).contains(method)) {
      throw new IllegalArgumentException(
          "--method must be '%s' or '%s', was '%s'".formatted(CLOSED_FORM, GRADIENT, method));
    }
    options.check();
    if (images < 1 || after.stream().anyMatch(count -> count < 1)) {
      throw new IllegalArgumentException(
          "--images and --after must be positive, were %d and %s".formatted(images, after));
    }
    List<StudyTarget> removed =
        targets.stream().map(text -> StudyTarget.of(text, answers)).toList();
    for (String way : ways) {
      Objects.requireNonNull(SequenceWay.named(way));
    }
    if (removed.size() < 2
        || removed.stream().distinct().count() < removed.size()
        || removed.stream().anyMatch(target -> target.kind() == Kind.PLANTED)) {
      throw new IllegalArgumentException(
          "--targets must be at least two different styles or objects, were " + targets);
    }
    return removed;
  }

  /** Stands for targets in a file's name, which could not hold many of them. */
  static String key(List<StudyTarget> targets) {
    byte[] names = targets.toString().getBytes(StandardCharsets.UTF_8);
    return targets.size() + "-" + UUID.nameUUIDFromBytes(names).toString().substring(0, 8);
  }

  /**
   * A state of the model that is looked at.
   *
   * @param removed in the order of the requests
   * @param undone those of them that are taken out again
   */
  private record State(SequenceWay way, List<StudyTarget> removed, List<StudyTarget> undone) {
    /** Makes what is not there yet. */
    List<Path> files(SequenceDeltas deltas) throws IOException {
      List<Path> files = deltas.of(way, removed);
      return way.hasDeltas()
          ? IntStream.range(0, removed.size())
              .filter(i -> !undone.contains(removed.get(i)))
              .mapToObj(files::get)
              .toList()
          : files;
    }

    String fileName(String method, int images) {
      return StudyResult.slug(
          "%s--%s--%s%s--%d"
              .formatted(
                  method,
                  way,
                  key(removed),
                  undone.isEmpty() ? "" : "--less-" + undone.size(),
                  images));
    }
  }

  private void make(AnswerSet answers, List<StudyTarget> targets, SamplingSettings sampling)
      throws IOException {
    try (ProgressBars bars = options.bars();
        StableDiffusion model = options.model();
        EmbeddedEvaluator judge = options.judge()) {
      StudyImages drawing = new StudyImages(judge, bars, sampling);
      SequenceDeltas deltas = new SequenceDeltas(model, bars, output, method);
      List<Integer> order = undoing(targets.size());
      List<State> states = states(targets, order);
      Judged base = drawing.base(model, answers, output, "-" + images);
      for (State state : states) {
        Path file = output.resolve(state.fileName(method, images) + ".json");
        if (!Files.exists(file)) {
          System.err.printf(
              "%s, %s: %d removed, %d of them undone%n",
              method, state.way(), state.removed().size(), state.undone().size());
          List<Path> files = state.files(deltas);
          try (WeightDelta sum = deltas.sum(files).orElseThrow()) {
            Path sheet = output.resolve(state.fileName(method, images) + ".png");
            List<BufferedImage> drawn =
                sum.applied(model, () -> kept(drawing, model, answers, sheet));
            double seconds = deltas.seconds(files);
            result(state, answers, base, drawing.judged(drawn), seconds, model, judge).save(file);
          }
        }
      }
      for (SequenceWay way : chosen()) {
        Path file =
            output.resolve(
                StudyResult.slug(method + "--" + way + "--" + key(targets)) + ".rounding");
        if (way.hasDeltas() && !Files.exists(file)) {
          Rounding rounding = deltas.subtracted(deltas.of(way, targets), order, order.size() / 2);
          AtomicFiles.writeString(
              file,
              Existing.REPLACE,
              "%s, %s: %s%n".formatted(method, way, SequenceTables.sentence(rounding)));
        }
      }
    }
  }

  private static List<BufferedImage> kept(
      StudyImages drawing, StableDiffusion model, AnswerSet answers, Path sheet) {
    try {
      return drawing.kept(model, answers, sheet);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The order in which requests are taken out again: neither theirs nor the reverse. */
  static List<Integer> undoing(int requests) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, requests).boxed().toList());
    Collections.shuffle(order, new Random(UNDOING));
    return List.copyOf(order);
  }

  private List<SequenceWay> chosen() {
    return ways.stream().map(SequenceWay::named).distinct().sorted().toList();
  }

  private List<State> states(List<StudyTarget> targets, List<Integer> order) {
    List<State> states = new ArrayList<>();
    for (SequenceWay way : chosen()) {
      // One removal is the same in every way.
      int fewest = way == SequenceWay.ONE_AFTER_ANOTHER ? 1 : 2;
      for (int count :
          after.stream().filter(count -> count >= fewest && count <= targets.size()).toList()) {
        states.add(new State(way, targets.subList(0, count), List.of()));
      }
      if (way.hasDeltas()) {
        List<Integer> taken = order.subList(0, order.size() / 2);
        List<StudyTarget> undone =
            IntStream.range(0, targets.size())
                .filter(taken::contains)
                .mapToObj(targets::get)
                .toList();
        states.add(new State(way, targets, undone));
      }
    }
    return states;
  }

  private SequenceResult result(
      State state,
      AnswerSet answers,
      Judged base,
      Judged found,
      double seconds,
      StableDiffusion model,
      EmbeddedEvaluator judge) {
    List<Question> questions = answers.questions();
    int[] stay =
        IntStream.range(0, questions.size())
            .filter(i ->
                state.removed().stream()
                    .filter(target -> !state.undone().contains(target))
                    .noneMatch(target -> Scores.isOf(target, questions.get(i))))
            .toArray();
    return new SequenceResult(
        method,
        state.way(),
        state.removed().stream().map(StudyTarget::toString).toList(),
        state.undone().stream().map(StudyTarget::toString).toList(),
        Figures.of(state.removed(), state.undone(), questions, base.answers(), found.answers()),
        Figures.of(state.removed(), state.undone(), questions, base.nearest(), found.nearest()),
        ClipMmd.defaults().distance(found.features().select(stay), base.features().select(stay)),
        seconds,
        model.weights().sha256(),
        judge.clip().weights().sha256());
  }

  private List<SequenceResult> finished() throws IOException {
    List<SequenceResult> results = new ArrayList<>();
    for (Path file : files(".json")) {
      results.add(SequenceResult.read(file));
    }
    return results;
  }

  private List<String> roundings() throws IOException {
    List<String> sentences = new ArrayList<>();
    for (Path file : files(".rounding")) {
      sentences.add(TextFile.read(file).strip());
    }
    return sentences;
  }

  private List<Path> files(String ending) throws IOException {
    try (var files = Files.list(output)) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    }
  }
}
