package dev.ablation.evaluation;

import dev.ablation.fuzz.Bytes;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.FeatureStatistics;
import dev.ablation.metric.MetricStatistics;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Parts of evaluations. */
class EvaluationPartFuzzTest extends ReaderFuzz {
  @Override
  protected Mutator mutator() {
    return new Bytes();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    FeatureMatrix features = FeatureMatrix.of(new float[] {1, 2, 3, 4, 5, 6}, 3);
    MetricStatistics statistics =
        MetricStatistics.empty()
            .values("hits", List.of(1.0, 0.0))
            .features("base", features)
            .sums("ablated", FeatureStatistics.of(features))
            .text("width", "4");
    BufferedImage image = new BufferedImage(4, 4, BufferedImage.TYPE_INT_RGB);
    EvaluationPart part =
        new EvaluationPart(
            Map.of("library", "1"),
            Duration.ofSeconds(3),
            List.of(
                new EvaluationPart.Piece(
                    0, 0, 2, List.of(statistics), List.of(new ImagePair("a", 42, image, image)))),
            Map.of(0, EvaluationResultTest.result().attacks().get(0)));
    return Map.of("some.part", List.of(part.toBytes()));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    EvaluationPart.read(folder.resolve(damaged)).toBytes();
  }
}
