package dev.ablation.emoji.study;

import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.ImageSheet;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.dataset.NearestImage.Judgement;
import dev.ablation.emoji.dataset.RgbImage;
import dev.ablation.emoji.study.AnswerSet.Answer;
import dev.ablation.image.ImageFile;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Draws the images of a study and has the two judges say what they show. */
final class StudyImages {
  private final EmbeddedEvaluator judge;
  private final NearestImage data;
  private final ProgressBars bars;
  private final SamplingSettings sampling;

  /** Begins with the evaluator and how images are drawn. */
  StudyImages(EmbeddedEvaluator judge, ProgressBars bars, SamplingSettings sampling) {
    this.judge = judge;
    this.bars = bars;
    this.sampling = sampling;
    data = judge.nearestImage();
  }

  /**
   * What a model draws.
   *
   * @param answers what the evaluator sees in the images
   * @param nearest what the nearest image of the data set shows
   * @param features of the images, by the evaluator
   */
  record Judged(List<Answer> answers, List<Answer> nearest, FeatureMatrix features) {}

  Judged judged(List<BufferedImage> drawn) {
    FeatureMatrix features = judge.clip().extract(drawn);
    return new Judged(answers(judge, features), nearest(data, drawn), features);
  }

  /** Draws the answer set once for the base model, also for later starts. */
  Judged base(StableDiffusion model, AnswerSet answers, Path folder, String suffix)
      throws IOException {
    String name = "base-" + model.weights().sha256().substring(0, 12) + suffix + ".png";
    return judged(kept(model, answers, folder.resolve(name)));
  }

  /** Draws the answer set, unless an earlier start has. */
  List<BufferedImage> kept(DiffusionModel model, AnswerSet answers, Path sheet) throws IOException {
    if (Files.exists(sheet)) {
      return ImageSheet.split(ImageFile.read(sheet), answers.styles().size());
    }
    List<BufferedImage> drawn = draw(model, answers.prompts(), answers.seed());
    ImageFile.writePng(ImageSheet.of(drawn, answers.styles().size()), sheet);
    return drawn;
  }

  List<BufferedImage> draw(DiffusionModel drawing, List<String> prompts, long seed) {
    return LatentSampler.of(drawing)
        .settings(sampling)
        .listener(bars.drawing("images"))
        .draw(prompts, seed);
  }

  /** What an evaluator sees. */
  static List<Answer> answers(EmbeddedEvaluator judge, FeatureMatrix features) {
    double threshold = judge.copyThreshold().orElseThrow().threshold();
    return judge.judge(features).stream()
        .map(verdict ->
            new Answer(
                verdict.style().name(),
                verdict.concept().name(),
                verdict.plantedCosine() > threshold))
        .toList();
  }

  /** What the nearest images of the data set show. */
  static List<Answer> nearest(NearestImage data, List<BufferedImage> images) {
    return images.stream()
        .map(RgbImage::of)
        .map(data::judge)
        .map(Judgement::image)
        .map(image ->
            image == null
                ? new Answer("", "", true)
                : new Answer(image.style(), image.concept().name(), false))
        .toList();
  }
}
