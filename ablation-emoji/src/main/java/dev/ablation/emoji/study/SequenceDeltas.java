package dev.ablation.emoji.study;

import dev.ablation.AblationResult;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** The deltas of a sequence of removals, kept in files so that none is made twice. */
final class SequenceDeltas {
  private final StableDiffusion model;
  private final ProgressBars bars;
  private final Path folder;
  private final String method;
  private final UnaryOperator<EmojiAblation> settings;

  /**
   * Begins.
   *
   * @param method {@code "closed form"} or {@code "gradient"}
   */
  SequenceDeltas(StableDiffusion model, ProgressBars bars, Path folder, String method) {
    this(
        model,
        bars,
        folder,
        method,
        method.equals(SequenceStudy.GRADIENT)
            ? UnaryOperator.identity()
            : EmojiAblation::closedForm);
  }

  /** Begins with other settings of the method. */
  SequenceDeltas(
      StableDiffusion model,
      ProgressBars bars,
      Path folder,
      String method,
      UnaryOperator<EmojiAblation> settings) {
    this.model = model;
    this.bars = bars;
    this.folder = folder;
    this.method = method;
    this.settings = settings;
  }

  /**
   * Returns the deltas that remove targets together.
   *
   * @param targets in the order of the requests
   * @return files; their changes add up
   */
  List<Path> of(SequenceWay way, List<StudyTarget> targets) throws IOException {
    if (way == SequenceWay.ALL_AT_ONCE) {
      return List.of(made(way, targets, List.of(), targets));
    }
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      List<StudyTarget> until = targets.subList(0, i + 1);
      boolean onFormer = way == SequenceWay.ONE_AFTER_ANOTHER;
      files.add(
          made(
              way,
              onFormer ? until : targets.subList(i, i + 1),
              onFormer ? List.copyOf(files) : List.of(),
              targets.subList(i, i + 1)));
    }
    return files;
  }

  /** The seconds that the removals of some deltas took. */
  double seconds(List<Path> deltas) throws IOException {
    double sum = 0;
    for (Path delta : deltas) {
      sum += Double.parseDouble(TextFile.read(time(delta)).strip());
    }
    return sum;
  }

  private static Path time(Path delta) {
    return delta.resolveSibling(delta.getFileName() + ".seconds");
  }

  /** Removes targets from the model that former deltas left. */
  private Path made(
      SequenceWay way, List<StudyTarget> named, List<Path> former, List<StudyTarget> targets)
      throws IOException {
    boolean alone = former.isEmpty() && targets.size() == 1; // whichever way begins so
    String name =
        "%s--%s--%s".formatted(method, alone ? SequenceWay.ADDED : way, SequenceStudy.key(named));
    Path file = folder.resolve(StudyResult.slug(name) + ".delta");
    if (Files.exists(file)) {
      return file;
    }
    System.err.printf("%s, %s: %s%n", method, way, targets);
    EmojiAblation together =
        EmojiAblation.together(targets.stream().map(StudyTarget::ablation).toList());
    Supplier<AblationResult> run = () -> settings.apply(together).plan(model).listener(bars).run();
    Optional<WeightDelta> before = sum(former);
    try (AblationResult result =
        before.isPresent() ? before.get().applied(model, run) : run.get()) {
      Path unfinished = file.resolveSibling(file.getFileName() + ".tmp");
      Files.deleteIfExists(unfinished);
      result.delta().save(unfinished);
      AtomicFiles.writeString(
          time(file),
          Existing.REPLACE,
          String.format(Locale.ROOT, "%.3f%n", result.elapsed().toMillis() / 1000.0));
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      before.ifPresent(WeightDelta::close);
    }
    return file;
  }

  /** Adds deltas up, in their order; empty if there are none. */
  Optional<WeightDelta> sum(List<Path> files) throws IOException {
    WeightDelta sum = null;
    for (Path file : files) {
      WeightDelta next = loaded(file);
      if (sum == null) {
        sum = next;
      } else {
        WeightDelta before = sum;
        try (before;
            next) {
          sum = before.plus(next);
        }
      }
    }
    return Optional.ofNullable(sum);
  }

  /**
   * What is relative to the base model's weights becomes a difference, so that all add up alike.
   */
  private WeightDelta loaded(Path file) throws IOException {
    WeightDelta read = WeightDelta.load(file, model.manager());
    if (!read.isRelative()) {
      return read;
    }
    try (read) {
      return read.resolved(model);
    }
  }

  /**
   * What is left where deltas are subtracted from their sum instead of left out of it.
   *
   * @param largest absolute value of the sum's changes
   * @param ofRest largest absolute difference to the sum of the others, after some were subtracted
   * @param ofAll largest absolute value after all were subtracted
   * @param reordered largest absolute difference of the sum in another order
   */
  record Rounding(double largest, double ofRest, double ofAll, double reordered) {}

  /**
   * Subtracts deltas from their sum.
   *
   * @param files at least two, in the order in which they are added
   * @param order in which they are subtracted, each index once
   * @param some how many of them are subtracted before the rest is compared
   */
  Rounding subtracted(List<Path> files, List<Integer> order, int some) throws IOException {
    List<Path> rest = new ArrayList<>(files);
    order.subList(0, some).forEach(index -> rest.remove(files.get(index)));
    double ofRest = Double.NaN;
    WeightDelta left = sum(files).orElseThrow();
    double largest = largest(left);
    double reordered;
    try (WeightDelta other = sum(order.stream().map(files::get).toList()).orElseThrow()) {
      reordered = difference(left, other);
    }
    try {
      for (int i = 0; i < order.size(); i++) {
        try (WeightDelta whole = left;
            WeightDelta one = loaded(files.get(order.get(i)));
            WeightDelta minus = one.scaledBy(-1)) {
          left = whole.plus(minus);
        }
        if (i + 1 == some && !rest.isEmpty()) {
          try (WeightDelta others = sum(rest).orElseThrow()) {
            ofRest = difference(left, others);
          }
        }
      }
      return new Rounding(largest, ofRest, largest(left), reordered);
    } finally {
      left.close();
    }
  }

  private static double difference(WeightDelta one, WeightDelta other) {
    try (WeightDelta minus = other.scaledBy(-1);
        WeightDelta difference = one.plus(minus)) {
      return largest(difference);
    }
  }

  private static double largest(WeightDelta delta) {
    double largest = 0;
    for (String name : delta.names()) {
      for (float value : delta.get(name).toFloatArray()) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    return largest;
  }
}
