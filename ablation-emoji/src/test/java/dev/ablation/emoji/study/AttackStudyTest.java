package dev.ablation.emoji.study;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class AttackStudyTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "planted, measured, 'styles and objects, one was planted'",
    "style:none, measured, 'style must be one of'",
    "style:ink, none, 'method must be one of'"
  })
  void refusesBadInputBeforeItStarts(String target, String method, String message) {
    Path output = folder.resolve("out");
    StringWriter errors = new StringWriter();
    int code =
        new CommandLine(new AttackStudy())
            .setErr(new PrintWriter(errors))
            .execute("--targets", target, "--methods", method, "--output", output.toString());
    assertThat(code).isNotZero();
    assertThat(errors.toString()).contains(message);
    assertThat(output).doesNotExist();
  }

  /** Every family of attacks at its least budget, both judges; and again from the files. */
  @Tag("slow")
  @Test
  void attacksEveryModelAndIsNotRepeated() throws IOException {
    AttackStudy study = new AttackStudy();
    new CommandLine(study)
        .parseArgs(
            "--images", "2", "--inversion-steps", "2", "--steps", "8", "--output", "" + folder);
    StudyTarget target = new StudyTarget(Kind.INSTANCE, "cat face");
    Method closed = Method.named("closed form");
    LoadOptions cpu = LoadOptions.defaults().device(Device.cpu()).threads(1);
    try (StableDiffusion model = EmbeddedModel.open(cpu);
        StableDiffusion control = EmbeddedModel.open(cpu);
        EmbeddedEvaluator judge = EmbeddedEvaluator.open(cpu);
        ProgressBars bars = ProgressBars.onStandardError(false)) {
      NearestImage nearest = new NearestImage(EmojiDataSet.load());
      AttackStudy.Trial trial = study.new Trial(target, closed, AnswerSet.load(), judge, nearest);
      try (WeightDelta delta = trial.delta(model, model.manager(), bars)) {
        List<AttackResult> results = trial.results(new AttackModels(model, delta, control));
        assertThat(results).hasSizeGreaterThan(13);
        assertThat(results)
            .allSatisfy(result -> {
              assertThat(result.judged()).hasSize(2);
              // A control with the base model's weights is the base model.
              assertThat(result.recovered().control()).isEqualTo(result.recovered().base());
              assertThat(result.recovered().ablated().counts()).containsEntry("images", 2);
            });
        assertThat(results.get(0).recovered().base().value()).isEqualTo(1);
        assertThat(trial.table()).contains("| prompt with the name | 100 / ");
        AttackStudy.Trial again = study.new Trial(target, closed, AnswerSet.load(), judge, nearest);
        assertThat(again.results(new AttackModels(model, delta, null)))
            .extracting(AttackResult::judged)
            .isEqualTo(results.stream().map(AttackResult::judged).toList());
      }
    }
  }

  @Test
  void methodsAreFoundByTheirNames() {
    assertThat(Method.all())
        .allSatisfy(
            method -> assertThat(Method.named(method.name()).name()).isEqualTo(method.name()));
  }
}
