package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.golden.Golden;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Predictions and losses of a pipeline of each family, the same in every run. */
final class Families {
  private static final double[] SHARES = {0.5, 0.1, 0.9};

  private Families() {}

  /** The pipelines of the golden data. */
  static Stream<Path> pipelines() throws IOException {
    List<Path> folders = new ArrayList<>();
    for (Path parent : List.of(Golden.path("pipelines"), Golden.second("pipelines"))) {
      try (Stream<Path> children = Files.list(parent)) {
        children.filter(Files::isDirectory).sorted().forEach(folders::add);
      }
    }
    return folders.stream();
  }

  /** Random latents, one for each prompt. */
  static NDArray gaussian(DiffusionModel model, int count, String purpose, NDManager scope) {
    Shape latents = model.descriptor().latentShape();
    Shape shape = new Shape(count, latents.get(0), latents.get(1), latents.get(2));
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(3, purpose, 0));
  }

  /** Timesteps of up to three rows. */
  static NDArray times(DiffusionModel model, int count, NDManager scope) {
    double[] times = new double[count];
    for (int i = 0; i < count; i++) {
      times[i] = model.schedule().timeAt(SHARES[i]);
    }
    return model.schedule().toArray(times, scope);
  }

  static NDArray prediction(DiffusionModel model, List<String> prompts, NDManager scope) {
    Conditioning conditioning = model.encode(prompts, model.descriptor().latentSize(), scope);
    int count = prompts.size();
    return model.predict(
        gaussian(model, count, "latents", scope), times(model, count, scope), conditioning);
  }

  static NDArray loss(DiffusionModel model, List<String> prompts, NDManager scope) {
    return prediction(model, prompts, scope)
        .sub(gaussian(model, prompts.size(), "target", scope))
        .square()
        .mean();
  }

  static List<String> names(DiffusionModel model, WeightGroup group) {
    return group.select(model.weights()).stream().map(WeightInfo::name).toList();
  }

  /** Asserts that the norm of the difference is at most a share of the norm. */
  static void assertClose(float[] actual, float[] expected, double relative) {
    assertThat(actual).hasSameSizeAs(expected);
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < actual.length; i++) {
      difference += Math.pow(actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    assertThat(Math.sqrt(difference)).isLessThanOrEqualTo(relative * Math.sqrt(norm));
  }
}
