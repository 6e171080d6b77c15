package dev.ablation.examples.measure;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.evaluate.TextImageSimilarity;
import dev.ablation.examples.CopyThreshold;
import dev.ablation.examples.EmbeddedEvaluator.Verdict;
import dev.ablation.examples.EmbeddedModel;
import dev.ablation.examples.dataset.DataSetIndex;
import dev.ablation.examples.dataset.EmojiPicture;
import dev.ablation.examples.dataset.RgbPicture;
import dev.ablation.examples.training.Variation;
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

/** Parts that look at the data's pictures: what the autoencoder and the evaluator make of them. */
final class RealParts {
  private static final int BATCH = 32;
  private static final int VALUES = RgbPicture.CHANNELS * RgbPicture.SIZE * RgbPicture.SIZE;
  private static final int PLANTED_VARIANTS = 64;
  private static final int QUICK_PLANTED_VARIANTS = 8;

  private RealParts() {}

  /** How well the autoencoder reconstructs what it was not trained on, and the planted picture. */
  static List<Finding> autoencoder(Bench bench) {
    List<float[]> heldOut =
        bench.some(bench.data().pictures().stream().filter(EmojiPicture::heldOut).toList()).stream()
            .map(picture -> planes(picture.pixels()))
            .toList();
    float[] planted = planes(bench.data().planted());
    return List.of(
        new Finding(
            Quantity.VAE_HELD_OUT, psnr(heldOut, decoded(bench, heldOut)), heldOut.size(), ""),
        new Finding(
            Quantity.VAE_PLANTED, psnr(List.of(planted), decoded(bench, List.of(planted))), 1, ""));
  }

  /** Returns the mean over the pictures of their peak signal-to-noise ratio, in decibels. */
  static double psnr(List<float[]> pictures, List<float[]> reconstructed) {
    double sum = 0;
    for (int i = 0; i < pictures.size(); i++) {
      double squared = 0;
      for (int k = 0; k < VALUES; k++) {
        double clamped = Math.min(1, Math.max(-1, reconstructed.get(i)[k]));
        double error = (clamped - pictures.get(i)[k]) / 2;
        squared += error * error;
      }
      sum -= 10 * Math.log10(squared / VALUES);
    }
    return sum / pictures.size();
  }

  /**
   * The evaluator on the data's pictures, each changed a little, as they are and through the VAE.
   */
  static List<Finding> evaluator(Bench bench) throws IOException {
    List<EmojiPicture> pictures = bench.some(bench.data().pictures());
    List<float[]> variants = new ArrayList<>();
    for (int i = 0; i < pictures.size(); i++) {
      variants.add(variant(bench, pictures.get(i).pixels(), "measured variant", i));
    }
    List<float[]> planted = new ArrayList<>(List.of(planes(bench.data().planted())));
    int plantedVariants = bench.quick() ? QUICK_PLANTED_VARIANTS : PLANTED_VARIANTS;
    for (int i = 1; i < plantedVariants; i++) {
      planted.add(variant(bench, bench.data().planted(), "measured planted variant", i));
    }
    Judged real = Judged.of(bench, variants);
    Judged decoded = Judged.of(bench, decoded(bench, variants));
    List<Asked> asked =
        pictures.stream()
            .map(picture -> Asked.pair(picture.concept().name(), picture.style()))
            .toList();
    bench.keep("real", asked, real.verdicts());
    bench.keep("decoded", asked, decoded.verdicts());
    List<Finding> findings = new ArrayList<>();
    FeatureMatrix captions = captions(bench);
    int[] trained = where(pictures, false);
    int[] heldOut = where(pictures, true);
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
    List<float[]> unchanged = pictures.stream().map(picture -> planes(picture.pixels())).toList();
    CopyThreshold threshold =
        CopyThreshold.between(
            cosines(Judged.of(bench, planted), Judged.of(bench, decoded(bench, planted))),
            cosines(
                real,
                decoded,
                Judged.of(bench, unchanged),
                Judged.of(bench, decoded(bench, unchanged))));
    threshold.save(bench.chosenThreshold());
    findings.add(new Finding(Quantity.LOWEST_COPY, threshold.lowestCopy(), threshold.copies(), ""));
    findings.add(
        new Finding(Quantity.HIGHEST_OTHER, threshold.highestOther(), threshold.others(), ""));
    return findings;
  }

  private static float[] variant(Bench bench, RgbPicture picture, String purpose, int index) {
    return Variation.of(planes(picture), RandomStreams.stream(bench.seed(), purpose, index));
  }

  private static int[] where(List<EmojiPicture> pictures, boolean heldOut) {
    return IntStream.range(0, pictures.size())
        .filter(i -> pictures.get(i).heldOut() == heldOut)
        .toArray();
  }

  /** The caption of every pair, in the order of the data's pictures, then the planted one. */
  private static FeatureMatrix captions(Bench bench) {
    List<String> captions = new ArrayList<>();
    for (EmojiPicture picture : bench.data().pictures()) {
      captions.add(Asked.pair(picture.concept().name(), picture.style()).caption());
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
   * Pictures as the evaluator sees them.
   *
   * @param features one row a picture
   * @param verdicts one a picture
   */
  private record Judged(FeatureMatrix features, List<Verdict> verdicts) {

    static Judged of(Bench bench, List<float[]> pictures) {
      List<FeatureMatrix> parts = new ArrayList<>();
      for (int from = 0; from < pictures.size(); from += BATCH) {
        List<BufferedImage> batch =
            pictures.subList(from, Math.min(pictures.size(), from + BATCH)).stream()
                .map(planes -> RgbPicture.fromPlanes(planes, 0).toImage())
                .toList();
        parts.add(bench.evaluator().clip().extract(batch));
      }
      FeatureMatrix features = FeatureMatrix.concat(parts);
      return new Judged(features, bench.evaluator().judge(features));
    }

    /** Counts what is right of some of the pictures. */
    void count(
        Bench bench,
        List<Asked> asked,
        int[] counted,
        FeatureMatrix captions,
        List<Finding> findings,
        Quantity style,
        Quantity concept,
        Quantity retrieval) {
      if (counted.length == 0) {
        return;
      }
      List<Asked> some = IntStream.of(counted).mapToObj(asked::get).toList();
      List<Verdict> theirs = IntStream.of(counted).mapToObj(verdicts::get).toList();
      Set<DataSetIndex.Pair> leftOut = bench.leftOut();
      Asked.share(style, some, theirs, leftOut, Asked::styleIs).ifPresent(findings::add);
      Asked.share(concept, some, theirs, Set.of(), Asked::conceptIs).ifPresent(findings::add);
      TextImageSimilarity similarity = TextImageSimilarity.of(features.select(counted), captions);
      List<EmojiPicture> all = bench.data().pictures();
      long found = 0;
      for (int i = 0; i < counted.length; i++) {
        int best = similarity.best(i);
        if (best < all.size()
            && Asked.pair(all.get(best).concept().name(), all.get(best).style())
                .equals(some.get(i))) {
          found++;
        }
      }
      findings.add(Finding.share(retrieval, found, counted.length));
    }
  }

  private static float[] planes(RgbPicture picture) {
    float[] planes = new float[VALUES];
    picture.copyToPlanes(planes, 0);
    return planes;
  }

  /** Returns what the autoencoder makes of pictures: values about -1 to 1. */
  private static List<float[]> decoded(Bench bench, List<float[]> pictures) {
    LatentCodec codec = bench.model().capability(LatentCodec.class).orElseThrow();
    List<float[]> result = new ArrayList<>();
    for (int from = 0; from < pictures.size(); from += BATCH) {
      List<float[]> part = pictures.subList(from, Math.min(pictures.size(), from + BATCH));
      float[] values = new float[part.size() * VALUES];
      for (int i = 0; i < part.size(); i++) {
        System.arraycopy(part.get(i), 0, values, i * VALUES, VALUES);
      }
      try (NDManager scope = bench.model().manager().newSubManager()) {
        NDArray input =
            scope.create(
                values,
                new Shape(part.size(), RgbPicture.CHANNELS, RgbPicture.SIZE, RgbPicture.SIZE));
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
