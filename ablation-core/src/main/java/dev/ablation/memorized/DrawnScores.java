package dev.ablation.memorized;

import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.CopyScores;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Generates images batch by batch and keeps only their scores. */
record DrawnScores(
    CopyDetection detection, List<BufferedImage> originals, SamplingSettings sampling) {

  /** Image i has the seed {@code seed + i}. */
  CopyScores of(DiffusionModel model, List<String> prompts, long seed, BooleanSupplier cancelled) {
    LatentSampler sampler = LatentSampler.of(model).settings(sampling).cancellation(cancelled);
    List<Double> scores = new ArrayList<>();
    for (int first = 0; first < prompts.size(); first += sampling.batchSize()) {
      int end = Math.min(prompts.size(), first + sampling.batchSize());
      List<BufferedImage> images = sampler.draw(prompts.subList(first, end), seed + first);
      scores.addAll(detection.score(images, originals).scores());
    }
    return new CopyScores(detection.extractor().info(), detection.threshold(), scores);
  }
}
