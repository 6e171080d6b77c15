package dev.ablation.emoji.measure;

import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** How long an image takes in a batch of eight, after a warm-up. */
final class SpeedPart {
  private static final int BATCH = 8;
  private static final int WARM_UP = 2;
  private static final int MEASURED = 7;

  private SpeedPart() {}

  static List<MeasuredValue> seconds(Bench bench) {
    SamplingSettings settings = bench.sampling().batchSize(BATCH);
    LatentSampler sampler = LatentSampler.of(bench.model()).settings(settings);
    List<String> captions =
        bench.concepts().subList(0, BATCH).stream()
            .map(concept -> EvaluationPrompt.withoutStyle(concept).caption())
            .toList();
    List<Double> seconds = new ArrayList<>();
    int batches = bench.quick() ? 1 : MEASURED;
    for (int i = -(bench.quick() ? 1 : WARM_UP); i < batches; i++) {
      long start = System.nanoTime();
      var unused = sampler.draw(captions, bench.seed());
      if (i >= 0) {
        seconds.add(Duration.ofNanos(System.nanoTime() - start).toMillis() / 1000.0 / BATCH);
      }
    }
    double median = seconds.stream().sorted().toList().get(batches / 2);
    return List.of(
        new MeasuredValue(
            Quantity.SECONDS,
            median,
            batches * BATCH,
            "%d steps with guidance, median of %d batches of %d"
                .formatted(settings.steps(), batches, BATCH)));
  }
}
