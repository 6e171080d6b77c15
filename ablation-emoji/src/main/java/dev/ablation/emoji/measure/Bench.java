package dev.ablation.emoji.measure;

import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.CopyThreshold;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.LookAlikes;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * What every part of the measurement works with.
 *
 * @param model that draws
 * @param evaluator that judges
 * @param data images
 * @param concepts names of the objects that the model was taught
 * @param heldOut pairs that it was never shown together
 * @param lookAlikes among the data's images
 * @param sampling how the model draws
 * @param seed of the first image of a part
 * @param repeats how many images of each caption
 * @param quick whether a part uses only a sample, to check that everything works
 * @param output where files are written
 * @param bars that show the progress
 */
record Bench(
    StableDiffusion model,
    EmbeddedEvaluator evaluator,
    EmojiDataSet data,
    List<String> concepts,
    List<DataSetIndex.Pair> heldOut,
    LookAlikes lookAlikes,
    SamplingSettings sampling,
    long seed,
    int repeats,
    boolean quick,
    Path output,
    ProgressBars bars) {
  private static final int FEW = 6;
  private static final int JUDGED = 64;

  /** A part of the measurement: its images, drawn or taken from the data, and the counts. */
  @FunctionalInterface
  interface Part {
    List<MeasuredValue> measure(Bench bench) throws IOException;
  }

  /** Returns all, or a few from all over the list when it has to be quick. */
  <T> List<T> some(List<T> all) {
    if (!quick || all.size() <= FEW) {
      return all;
    }
    return IntStream.range(0, FEW).mapToObj(i -> all.get(i * all.size() / FEW)).toList();
  }

  Set<DataSetIndex.Pair> leftOut() {
    return lookAlikes.withoutTellingStyle();
  }

  /** Repeats the prompts: all once, then all again. */
  List<EvaluationPrompt> repeated(List<EvaluationPrompt> asked, int times) {
    List<EvaluationPrompt> all = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      all.addAll(asked);
    }
    return all;
  }

  /** Draws image i from the seed {@code seed + i}. */
  List<BufferedImage> draw(String part, List<EvaluationPrompt> asked) {
    return LatentSampler.of(model)
        .settings(sampling)
        .listener(bars.drawing(part))
        .draw(asked.stream().map(EvaluationPrompt::caption).toList(), seed);
  }

  List<Verdict> judge(List<BufferedImage> images) {
    List<Verdict> verdicts = new ArrayList<>();
    for (int from = 0; from < images.size(); from += JUDGED) {
      verdicts.addAll(
          evaluator.judge(images.subList(from, Math.min(images.size(), from + JUDGED))));
    }
    return verdicts;
  }

  /** Writes the prompts and what was drawn. */
  void keep(String part, List<EvaluationPrompt> asked, List<Verdict> verdicts) throws IOException {
    AtomicFiles.writeString(
        output.resolve(part + ".csv"),
        Existing.REPLACE,
        EvaluationPrompt.csv(asked, verdicts, seed));
  }

  /** Where a threshold is kept that was chosen since the evaluator has none. */
  Path chosenThreshold() {
    return output.resolve(CopyThreshold.FILE);
  }

  boolean hasThreshold() {
    return evaluator.copyThreshold().isPresent() || Files.exists(chosenThreshold());
  }

  /** Returns the evaluator's threshold or, while it has none, the one chosen here. */
  CopyThreshold threshold() throws IOException {
    return evaluator.copyThreshold().isPresent()
        ? evaluator.copyThreshold().get()
        : CopyThreshold.read(chosenThreshold());
  }

  /** Counts images that copy the planted one. */
  MeasuredValue copies(Quantity quantity, List<Verdict> verdicts) throws IOException {
    double threshold = threshold().threshold();
    long copies = verdicts.stream().filter(verdict -> verdict.plantedCosine() > threshold).count();
    return MeasuredValue.share(quantity, copies, verdicts.size());
  }
}
