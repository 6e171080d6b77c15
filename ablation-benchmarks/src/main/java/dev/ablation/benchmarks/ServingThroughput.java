package dev.ablation.benchmarks;

import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.concept.Concept;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.serve.DrawRequest;
import dev.ablation.serve.ModelPool;
import dev.ablation.serve.PoolSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/**
 * Images a second of a {@link ModelPool} on the embedded model, in requests of one image: drawn one
 * after the other, by a pool on the model as it is, and by a pool whose requests alternate between
 * the model and a variant. The three ways take turns.
 *
 * <pre>{@code
 * java -cp CLASS_PATH dev.ablation.benchmarks.ServingThroughput [--workers 2] [--threads 1]
 *     [--images 16] [--rounds 5]
 * }</pre>
 */
public final class ServingThroughput {
  private static final String PROMPT = "a cat face, twemoji style";
  private static final String VARIANT = "without-blueprint";

  private final int images;
  private final StableDiffusion model;
  private final SamplingSettings sampling = EmbeddedModel.recommendedSampling();

  private ServingThroughput(int images, StableDiffusion model) {
    this.images = images;
    this.model = model;
  }

  /**
   * Measures and prints medians.
   *
   * @param args as in the description of the class
   * @throws IOException if the model cannot be read
   */
  public static void main(String[] args) throws IOException {
    Arguments arguments = new Arguments(args);
    int workers = arguments.get("workers", 2);
    int rounds = arguments.get("rounds", 5);
    LoadOptions options = LoadOptions.defaults().threads(arguments.get("threads", 1));
    try (StableDiffusion model = EmbeddedModel.open(options);
        AblationResult closedForm =
            Ablator.of(model)
                .target(Concept.style("blueprint"))
                .anchor("twemoji")
                .trainer(ClosedForm.sequences())
                .run();
        ModelPool pool =
            ModelPool.open(model, PoolSettings.defaults().workers(workers).queue(1000))) {
      pool.put(VARIANT, List.of(closedForm.delta()));
      ServingThroughput measured = new ServingThroughput(arguments.get("images", 16), model);
      double[][] seconds = new double[3][rounds];
      measured.pooled(pool, true); // warms up
      for (int i = 0; i < rounds; i++) {
        seconds[0][i] = time(measured::oneByOne);
        seconds[1][i] = time(() -> measured.pooled(pool, false));
        seconds[2][i] = time(() -> measured.pooled(pool, true));
      }
      String[] names = {"one thread", "pool", "pool, two variants in turn"};
      for (int i = 0; i < names.length; i++) {
        Arrays.sort(seconds[i]);
        System.out.printf(
            Locale.ROOT,
            "%-28s %6.2f images/s%n",
            names[i],
            measured.images / seconds[i][rounds / 2]);
      }
    }
  }

  private static double time(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }

  private void oneByOne() {
    LatentSampler sampler = LatentSampler.of(model).settings(sampling);
    for (int i = 0; i < images; i++) {
      List<BufferedImage> unused = sampler.draw(List.of(PROMPT), i);
    }
  }

  private void pooled(ModelPool pool, boolean variants) {
    List<CompletableFuture<List<BufferedImage>>> drawn = new ArrayList<>();
    for (int i = 0; i < images; i++) {
      DrawRequest request = DrawRequest.of(List.of(PROMPT), i).settings(sampling);
      drawn.add(pool.draw(variants && i % 2 == 1 ? request.variant(VARIANT) : request));
    }
    drawn.forEach(CompletableFuture::join);
  }
}
