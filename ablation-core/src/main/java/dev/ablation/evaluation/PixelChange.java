package dev.ablation.evaluation;

import com.google.common.hash.Hashing;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import java.awt.image.BufferedImage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The mean squared difference of the pixels of two images of one prompt and seed. */
record PixelChange() implements SubjectMetric {
  static final String NAME = "mean squared change";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    List<Double> changes = new ArrayList<>();
    List<ExtractorInfo> pixels = new ArrayList<>();
    return new Measurement() {
      @Override
      public void add(ImageBatch batch) {
        for (int i = 0; i < batch.size(); i++) {
          changes.add(meanSquaredChange(batch.base().get(i), batch.ablated().get(i)));
        }
        if (pixels.isEmpty()) {
          pixels.add(pixels(batch.base().get(0)));
        }
      }

      @Override
      public Comparison result() {
        double[] values = changes.stream().mapToDouble(change -> change).toArray();
        double mean = changes.stream().mapToDouble(change -> change).average().orElseThrow();
        return new Comparison(
            null,
            MetricResult.of(name(), mean, pixels.get(0))
                .interval(bootstrap.ofMean(values))
                .counts(Map.of("images", values.length))
                .seed(bootstrap.seed()));
      }
    };
  }

  private static double meanSquaredChange(BufferedImage before, BufferedImage after) {
    int width = before.getWidth();
    int height = before.getHeight();
    int[] from = before.getRGB(0, 0, width, height, null, 0, width);
    int[] to = after.getRGB(0, 0, width, height, null, 0, width);
    double sum = 0;
    for (int i = 0; i < from.length; i++) {
      for (int shift = 0; shift < 24; shift += 8) {
        double change = ((from[i] >> shift & 0xff) - (to[i] >> shift & 0xff)) / 255.0;
        sum += change * change;
      }
    }
    return sum / (3.0 * from.length);
  }

  private static ExtractorInfo pixels(BufferedImage image) {
    String name = "pixels from 0 to 1, %d x %d".formatted(image.getWidth(), image.getHeight());
    String hash = Hashing.sha256().hashString(name, StandardCharsets.UTF_8).toString();
    return new ExtractorInfo(name, hash, 3 * image.getWidth() * image.getHeight());
  }
}
