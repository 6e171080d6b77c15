package dev.ablation.examples;

import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.SubjectMetric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Removes a style, measures what that did to it and to its neighbours, and writes a report. */
public final class EvaluateAndReport {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private EvaluateAndReport() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    try (StableDiffusion model = EmbeddedModel.open();
        EmbeddedEvaluator evaluator = EmbeddedEvaluator.open()) {
      Evaluation evaluation =
          Evaluation.with(evaluator.clip()) // with Stable Diffusion: Clip.load(folder of CLIP)
              .neighbour("ink", List.of("a rocket in ink style", "an owl in ink style"))
              .unrelated(List.of("a red apple emoji", "a trophy emoji"))
              .metric(SubjectMetric.share("blueprint drawn", evaluator.ofStyle("blueprint")))
              .protocol(p ->
                  p.images(IMAGES, IMAGES, IMAGES, IMAGES)
                      .sampling(EmbeddedModel.recommendedSampling()));
      // @start region="report"
      try (AblationResult result =
          EmojiAblation.style("blueprint")
              .images(IMAGES)
              .training(t -> t.steps(STEPS))
              .plan(model)
              .evaluate(evaluation)
              .run()) {
        System.out.println(result.evaluation().orElseThrow());
        result.report(folder.resolve("report.html"));
      }
      // @end
    }
  }
}
