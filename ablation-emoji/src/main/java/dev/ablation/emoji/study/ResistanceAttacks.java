package dev.ablation.emoji.study;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.dataset.RgbImage;
import dev.ablation.emoji.study.ResistanceResult.Share;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.LearnedWords;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Attempts on the model as it is, with images of the data that it was trained on. */
final class ResistanceAttacks {
  /** Shares of the schedule that images are noised to. */
  private static final double[] STARTS = {0.5, 0.7, 0.85};

  private static final int STEPS = 12;

  /** A word of the vocabulary that occurs in no caption of the data, and not that of training. */
  private static final String PLACEHOLDER = "picture";

  private static final String INITIALIZER = "emoji";
  private static final int WORD_BATCH = 8;
  private static final double WORD_RATE = 2e-2;
  private static final int WORD_IMAGES = 48;
  private static final long SEED = 10_000;

  private final StudyTarget target;
  private final AnswerSet answers;
  private final List<EmojiImage> originals;
  private final int count;

  /** The judges: the evaluator, and the nearest image of the data. */
  record Judges(EmbeddedEvaluator evaluator, NearestImage nearest) {}

  ResistanceAttacks(StudyTarget target, AnswerSet answers, EmojiDataSet data, int count) {
    this.target = target;
    this.answers = answers;
    this.count = count;
    List<EmojiImage> own =
        new ArrayList<>(
            data.images().stream()
                .filter(image -> !image.heldOut())
                .filter(image -> isTarget(image))
                .toList());
    Collections.shuffle(own, new Random(SEED));
    originals = List.copyOf(own);
  }

  private boolean isStyle() {
    return target.kind() == Kind.STYLE;
  }

  private boolean isTarget(EmojiImage image) {
    return (isStyle() ? image.style() : image.concept().name()).equals(target.name());
  }

  /** Noised images of the target, finished with and without a caption. */
  Map<String, Share> noised(DiffusionModel model, Judges judges) {
    List<EmojiImage> begun =
        IntStream.range(0, count).mapToObj(i -> originals.get(i % originals.size())).toList();
    List<BufferedImage> images = begun.stream().map(image -> image.pixels().toImage()).toList();
    List<String> captions =
        begun.stream()
            .map(image ->
                isStyle()
                    ? EmbeddedModel.withArticle(image.concept().name()) + " emoji"
                    : EmbeddedModel.withArticle(image.concept().category()) + " emoji")
            .toList();
    SamplingSettings sampling = EmbeddedModel.recommendedSampling().steps(STEPS).batchSize(count);
    Map<String, Share> shares = new LinkedHashMap<>();
    for (double start : STARTS) {
      LatentSampler sampler =
          LatentSampler.of(model).settings(sampling).imageToImage(images, start);
      shares.put("noised to " + start, share(judges, sampler.draw(captions, SEED)));
      shares.put(
          "noised to %s, empty prompt".formatted(start),
          share(
              judges,
              sampler
                  .settings(sampling.guidanceScale(1))
                  .draw(Collections.nCopies(count, ""), SEED)));
    }
    return shares;
  }

  /** A word learned for the target, and drawn. */
  Share learned(DiffusionModel model, Judges judges, int steps) {
    List<EmojiImage> used = originals.stream().limit(WORD_IMAGES).toList();
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "textual inversion");
    LearnedWords words =
        new LearnedWords(model, PLACEHOLDER, 1, WORD_RATE, List.of(INITIALIZER), SEED);
    try (NDManager scope = model.newScope()) {
      NDArray clean =
          codec.encode(
              Images.toSigned(
                  Images.array(
                      used.stream().map(image -> image.pixels().toImage()).toList(), scope)),
              null);
      clean.attach(scope);
      for (int step = 1; step <= steps; step++) {
        RandomGenerator random = RandomStreams.stream(SEED, "inversion", step);
        int[] rows = random.ints(WORD_BATCH, 0, used.size()).toArray();
        try (NDManager small = scope.newSubManager()) {
          NDArray chosen = clean.get(small.create(rows)).duplicate();
          chosen.attach(small);
          List<String> prompts =
              IntStream.of(rows).mapToObj(row -> withWord(context(used.get(row)))).toList();
          words.learn(0, chosen, prompts, random, small);
        }
      }
      List<String> contexts = isStyle() ? answers.concepts() : answers.styles();
      List<String> asked =
          IntStream.range(0, count)
              .mapToObj(i -> withWord(contexts.get(i % contexts.size())))
              .toList();
      SamplingSettings sampling = EmbeddedModel.recommendedSampling().steps(STEPS);
      return share(
          judges,
          words.with(
              0,
              scope,
              () -> LatentSampler.of(model).settings(sampling.batchSize(count)).draw(asked, SEED)));
    }
  }

  private String context(EmojiImage image) {
    return isStyle() ? image.concept().name() : image.style();
  }

  private String withWord(String context) {
    return isStyle()
        ? EmbeddedModel.withArticle(context) + " in " + PLACEHOLDER + " style"
        : PLACEHOLDER + " in " + context + " style";
  }

  private Share share(Judges judges, List<BufferedImage> drawn) {
    double evaluated = 0;
    for (double shown : target.detector(judges.evaluator()).shows(drawn)) {
      evaluated += shown / drawn.size();
    }
    double nearest = 0;
    for (BufferedImage image : drawn) {
      EmojiImage found = judges.nearest().judge(RgbImage.of(image)).image();
      nearest += found != null && isTarget(found) ? 1.0 / drawn.size() : 0;
    }
    return new Share(evaluated, nearest);
  }
}
