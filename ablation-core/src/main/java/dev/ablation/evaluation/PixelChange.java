package dev.ablation.evaluation;

import com.google.common.hash.Hashing;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.MetricStatistics;
import java.awt.image.BufferedImage;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** The mean squared difference of the pixels of two images of one prompt and seed. */
record PixelChange() implements SubjectMetric {
  static final String NAME = "mean squared change";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    return new PixelChanges(bootstrap);
  }

  /** The changes of the images, and their size, which is the same for all. */
  private static final class PixelChanges extends ImageValues {
    private static final String WIDTH = "width";
    private static final String HEIGHT = "height";

    private final Bootstrap bootstrap;
    private final Map<String, String> size = new HashMap<>();

    PixelChanges(Bootstrap bootstrap) {
      this.bootstrap = bootstrap;
    }

    @Override
    public void add(ImageBatch batch) {
      for (int i = 0; i < batch.size(); i++) {
        ablated().add(meanSquaredChange(batch.base().get(i), batch.ablated().get(i)));
      }
      if (size.isEmpty()) {
        size.put(WIDTH, Integer.toString(batch.base().get(0).getWidth()));
        size.put(HEIGHT, Integer.toString(batch.base().get(0).getHeight()));
      }
    }

    @Override
    public MetricStatistics statistics() {
      MetricStatistics statistics = super.statistics();
      for (Map.Entry<String, String> each : size.entrySet()) {
        statistics = statistics.text(each.getKey(), each.getValue());
      }
      return statistics;
    }

    @Override
    public void add(MetricStatistics next) {
      super.add(next);
      next.text(WIDTH).ifPresent(width -> size.put(WIDTH, width));
      next.text(HEIGHT).ifPresent(height -> size.put(HEIGHT, height));
    }

    @Override
    public Comparison result() {
      double[] values = numbers(ablated());
      double mean = Arrays.stream(values).average().orElseThrow();
      return new Comparison(
          null,
          MetricResult.of(NAME, mean, pixels())
              .interval(bootstrap.ofMean(values))
              .counts(Map.of("images", values.length))
              .seed(bootstrap.seed()));
    }

    private ExtractorInfo pixels() {
      int width = Integer.parseInt(Objects.requireNonNull(size.get(WIDTH)));
      int height = Integer.parseInt(Objects.requireNonNull(size.get(HEIGHT)));
      String name = "pixels from 0 to 1, %d x %d".formatted(width, height);
      String hash = Hashing.sha256().hashString(name, StandardCharsets.UTF_8).toString();
      return new ExtractorInfo(name, hash, 3 * width * height);
    }
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
}
