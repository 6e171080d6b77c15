package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.command.ProgressBars;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of target runs from its prompts to its files, with few steps. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class JobRunTest {
  private static final int STEPS = 3;

  @TempDir private Path folder;
  private StableDiffusion model;
  private EmbeddedEvaluator evaluator;

  @BeforeAll
  void open() throws IOException {
    model = EmbeddedModel.open();
    evaluator = EmbeddedEvaluator.open();
  }

  @AfterAll
  void close() {
    evaluator.close();
    model.close();
  }

  @TestFactory
  Stream<DynamicTest> runs() {
    EmojiAblation style = EmojiAblation.style("blueprint");
    EmojiAblation instance = EmojiAblation.instance("cat face");
    EmojiAblation all = EmojiAblation.together(List.of(style, instance, EmojiAblation.planted()));
    return Stream.of(
        dynamicTest("one", () -> run(instance)), dynamicTest("one of each kind", () -> run(all)));
  }

  private void run(EmojiAblation example) throws IOException {
    EmojiAblation few =
        example
            .images(4)
            .training(t -> t.steps(STEPS))
            .sampling(EmbeddedModel.recommendedSampling().steps(2).batchSize(16));
    AblationJob job = AblationJob.of(few, 0);
    Path output = Files.createTempDirectory(folder, "run");
    List<TargetAnchor> pairs = few.plan(model).pairs();
    try (ProgressBars bars = ProgressBars.onStandardError(false)) {
      Summary summary =
          new JobRun(job.planning().plan(model, evaluator), "emoji", job.columns(), output, bars)
              .run();
      assertThat(summary.history()).hasSize(STEPS);
      assertThat(summary.images()).isEqualTo(4 * pairs.size());
      assertThat(summary.text())
          .contains("Removed the " + pairs.get(0).target(), "misspelled", "neighbours", "ratio");
    }
    assertThat(output.resolve(JobRun.SHEET)).isRegularFile();
    assertThat(output.resolve(JobRun.REPORT)).isRegularFile();
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(output.resolve(JobRun.DELTA), manager)) {
      assertThat(delta.norm()).isPositive();
      assertThat(delta.provenance().settings().toString())
          .contains(pairs.stream().map(pair -> pair.target().name()).toList());
    }
  }
}
