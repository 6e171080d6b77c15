package dev.ablation.emoji.measure;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.emoji.CopyThreshold;
import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.dataset.RgbImage;
import dev.ablation.emoji.training.Variation;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageSimilarity;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** Parts that measure the autoencoder and the evaluator on the data's images. */
final class RealParts {
  private static final int BATCH = 32;
  private static final int VALUES = RgbImage.CHANNELS * RgbImage.SIZE * RgbImage.SIZE;
  private static final int PLANTED_VARIANTS = 64;
  private static final int QUICK_PLANTED_VARIANTS = 8;

  private RealParts() {}

  /** How well the autoencoder reconstructs what it was not trained on, and the planted image. */
  static List<MeasuredValue> autoencoder(Bench bench) {
    List<float[]> heldOut =
        bench.some(bench.data().images().stream().filter(EmojiImage::heldOut).toList()).stream()
            .map(image -> planes(image.pixels()))
            .toList();
    float[] planted = planes(bench.data().planted());
    return List.of(
        new MeasuredValue(
            Quantity.VAE_HELD_OUT, psnr(heldOut, decoded(bench, heldOut)), heldOut.size(), ""),
        new MeasuredValue(
            Quantity.VAE_PLANTED, psnr(List.of(planted), decoded(bench, List.of(planted))), 1, ""));
  }

  /** Returns the mean over the images of their peak signal-to-noise ratio, in decibels. */
  static double psnr(List<float[]> images, List<float[]> reconstructed) {
    double sum = 0;
    for (int i = 0; i < images.size(); i++) {
      double squared = 0;
      for (int k = 0; k < VALUES; k++) {
        double clamped = Math.min(1, Math.max(-1, reconstructed.get(i)[k]));
        double error = (clamped - images.get(i)[k]) / 2;
        squared += error * error;
      }
      sum -= 10 * Math.log10(squared / VALUES);
    }
    return sum / images.size();
  }

  /** The evaluator on the data's images, each changed a little, as they are and through the VAE. */
  static List<MeasuredValue> evaluator(Bench bench) throws IOException {
    List<EmojiImage> images = bench.some(bench.data().images());
    List<float[]> variants = new ArrayList<>();
    for (int i = 0; i < images.size(); i++) {
      variants.add(variant(bench, images.get(i).pixels(), "measured variant", i));
    }
    List<float[]> planted = new ArrayList<>(List.of(planes(bench.data().planted())));
    int plantedVariants = bench.quick() ? QUICK_PLANTED_VARIANTS : PLANTED_VARIANTS;
    for (int i = 1; i < plantedVariants; i++) {
      planted.add(variant(bench, bench.data().planted(), "measured planted variant", i));
    }
    Judged real = Judged.of(bench, variants);
    Judged decoded = Judged.of(bench, decoded(bench, variants));
    List<EvaluationPrompt> asked =
        images.stream()
            .map(image -> EvaluationPrompt.pair(image.concept().name(), image.style()))
            .toList();
    bench.keep("real", asked, real.verdicts());
    bench.keep("decoded", asked, decoded.verdicts());
    List<MeasuredValue> findings = new ArrayList<>();
    FeatureMatrix captions = captions(bench);
    int[] trained = where(images, false);
    int[] heldOut = where(images, true);
    real.count(
        bench,
        asked,
        trained,
        captions,
        findings,
        Quantity.REAL_STYLE,
        Quantity.REAL_CONCEPT,
        Quantity.REAL_RETRIEVAL);
    decoded.count(
        bench,
        asked,
        trained,
        captions,
        findings,
        Quantity.DECODED_STYLE,
        Quantity.DECODED_CONCEPT,
        Quantity.DECODED_RETRIEVAL);
    real.count(
        bench,
        asked,
        heldOut,
        captions,
        findings,
        Quantity.REAL_HELD_OUT_STYLE,
        Quantity.REAL_HELD_OUT_CONCEPT,
        Quantity.REAL_HELD_OUT_RETRIEVAL);
    decoded.count(
        bench,
        asked,
        heldOut,
        captions,
        findings,
        Quantity.DECODED_HELD_OUT_STYLE,
        Quantity.DECODED_HELD_OUT_CONCEPT,
        Quantity.DECODED_HELD_OUT_RETRIEVAL);
    List<float[]> unchanged = images.stream().map(image -> planes(image.pixels())).toList();
    CopyThreshold threshold =
        CopyThreshold.between(
            cosines(Judged.of(bench, planted), Judged.of(bench, decoded(bench, planted))),
            cosines(
                real,
                decoded,
                Judged.of(bench, unchanged),
                Judged.of(bench, decoded(bench, unchanged))));
    threshold.save(bench.chosenThreshold());
    findings.add(
        new MeasuredValue(Quantity.LOWEST_COPY, threshold.lowestCopy(), threshold.copies(), ""));
    findings.add(
        new MeasuredValue(
            Quantity.HIGHEST_OTHER, threshold.highestOther(), threshold.others(), ""));
    return findings;
  }

  private static float[] variant(Bench bench, RgbImage image, String purpose, int index) {
    return Variation.of(planes(image), RandomStreams.stream(bench.seed(), purpose, index));
  }

  private static int[] where(List<EmojiImage> images, boolean heldOut) {
    return IntStream.range(0, images.size())
        .filter(i -> images.get(i).heldOut() == heldOut)
        .toArray();
  }

  /** The caption of every pair, in the order of the data's images, then the planted one. */
  private static FeatureMatrix captions(Bench bench) {
    List<String> captions = new ArrayList<>();
    for (EmojiImage image : bench.data().images()) {
      captions.add(EvaluationPrompt.pair(image.concept().name(), image.style()).caption());
    }
    captions.add(EmbeddedModel.plantedCaption());
    List<FeatureMatrix> parts = new ArrayList<>();
    for (int from = 0; from < captions.size(); from += 8 * BATCH) {
      int end = Math.min(captions.size(), from + 8 * BATCH);
      parts.add(bench.evaluator().clip().encode(captions.subList(from, end)));
    }
    return FeatureMatrix.concat(parts);
  }

  private static double[] cosines(Judged... judged) {
    return Arrays.stream(judged)
        .flatMapToDouble(
            one -> one.verdicts().stream().flatMapToDouble(v -> DoubleStream.of(v.plantedCosine())))
        .toArray();
  }

  /**
   * Images as the evaluator sees them.
   *
   * @param features one row an image
   * @param verdicts one an image
   */
  private record Judged(FeatureMatrix features, List<Verdict> verdicts) {

    static Judged of(Bench bench, List<float[]> images) {
      List<FeatureMatrix> parts = new ArrayList<>();
      for (int from = 0; from < images.size(); from += BATCH) {
        List<BufferedImage> batch =
            images.subList(from, Math.min(images.size(), from + BATCH)).stream()
                .map(planes -> RgbImage.fromPlanes(planes, 0).toImage())
                .toList();
        parts.add(bench.evaluator().clip().extract(batch));
      }
      FeatureMatrix features = FeatureMatrix.concat(parts);
      return new Judged(features, bench.evaluator().judge(features));
    }

    /** Counts what is right of some of the images. */
    void count(
        Bench bench,
        List<EvaluationPrompt> asked,
        int[] counted,
        FeatureMatrix captions,
        List<MeasuredValue> findings,
        Quantity style,
        Quantity concept,
        Quantity retrieval) {
      if (counted.length == 0) {
        return;
      }
      List<EvaluationPrompt> some = IntStream.of(counted).mapToObj(asked::get).toList();
      List<Verdict> theirs = IntStream.of(counted).mapToObj(verdicts::get).toList();
      Set<DataSetIndex.Pair> leftOut = bench.leftOut();
      EvaluationPrompt.share(style, some, theirs, leftOut, EvaluationPrompt::styleIs)
          .ifPresent(findings::add);
      EvaluationPrompt.share(concept, some, theirs, Set.of(), EvaluationPrompt::conceptIs)
          .ifPresent(findings::add);
      TextImageSimilarity similarity = TextImageSimilarity.of(features.select(counted), captions);
      List<EmojiImage> all = bench.data().images();
      long found = 0;
      for (int i = 0; i < counted.length; i++) {
        int best = similarity.best(i);
        if (best < all.size()
            && EvaluationPrompt.pair(all.get(best).concept().name(), all.get(best).style())
                .equals(some.get(i))) {
          found++;
        }
      }
      findings.add(MeasuredValue.share(retrieval, found, counted.length));
    }
  }

  private static float[] planes(RgbImage image) {
    float[] planes = new float[VALUES];
    image.copyToPlanes(planes, 0);
    return planes;
  }

  /** Returns what the autoencoder makes of images: values about -1 to 1. */
  private static List<float[]> decoded(Bench bench, List<float[]> images) {
    LatentCodec codec = bench.model().capability(LatentCodec.class).orElseThrow();
    List<float[]> result = new ArrayList<>();
    for (int from = 0; from < images.size(); from += BATCH) {
      List<float[]> part = images.subList(from, Math.min(images.size(), from + BATCH));
      float[] values = new float[part.size() * VALUES];
      for (int i = 0; i < part.size(); i++) {
        System.arraycopy(part.get(i), 0, values, i * VALUES, VALUES);
      }
      try (NDManager scope = bench.model().manager().newSubManager()) {
        NDArray input =
            scope.create(
                values, new Shape(part.size(), RgbImage.CHANNELS, RgbImage.SIZE, RgbImage.SIZE));
        NDArray output = GradMode.with(false, () -> codec.decode(codec.encode(input, null)));
        float[] all = output.toFloatArray();
        for (int i = 0; i < part.size(); i++) {
          result.add(Arrays.copyOfRange(all, i * VALUES, (i + 1) * VALUES));
        }
      }
    }
    return result;
  }
}
