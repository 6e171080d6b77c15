package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDManager;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.AblationJob;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiJobs;
import dev.ablation.emoji.ProgressBars;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every example runs from its prompts to its image, with few steps. */
class JobRunTest {
  private static final int STEPS = 3;

  @TempDir private Path folder;

  private static Map<String, AblationJob> examples() {
    AblationJob style = EmojiJobs.style("blueprint", EmojiJobs.anchorOfStyle("blueprint"));
    AblationJob instance = EmojiJobs.instance("cat face", EmojiJobs.anchorOfInstance("cat face"));
    AblationJob planted = EmojiJobs.planted();
    Map<String, AblationJob> examples = new TreeMap<>();
    examples.put("style", style);
    examples.put("instance", instance);
    examples.put("memorized image", planted);
    examples.put("several at once", EmojiJobs.together(List.of(style, instance, planted)));
    return examples;
  }

  @TestFactory
  Stream<DynamicTest> runs() {
    return examples().entrySet().stream()
        .map(example -> dynamicTest(example.getKey(), () -> run(example.getValue())));
  }

  private void run(AblationJob example) throws IOException {
    AblationJob job =
        example
            .images(4)
            .training(example.training().steps(STEPS))
            .sampling(example.sampling().steps(2));
    Path output = Files.createTempDirectory(folder, "run");
    try (StableDiffusion model = EmbeddedModel.open();
        ProgressBars bars = ProgressBars.onStandardError(false)) {
      Summary summary = new JobRun(job, model, output, bars, null).run();
      assertThat(summary.history()).hasSize(STEPS);
      assertThat(summary.text()).contains("Removed the " + job.targets());
    }
    assertThat(output.resolve(JobRun.SHEET)).isRegularFile();
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(output.resolve(JobRun.DELTA), manager)) {
      assertThat(delta.norm()).isPositive();
      assertThat(delta.provenance().settings().toString())
          .contains(job.removals().stream().map(removal -> removal.target().name()).toList());
    }
  }
}
