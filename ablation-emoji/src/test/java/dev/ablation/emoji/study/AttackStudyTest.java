package dev.ablation.emoji.study;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.study.StudyTarget.Kind;
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
import org.junit.jupiter.params.provider.EnumSource;
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

  @Tag("slow")
  @ParameterizedTest
  @EnumSource(names = {"STYLE", "INSTANCE"})
  void makesEveryAttemptOnBothModels(Kind kind) throws IOException {
    AttackStudy study = new AttackStudy();
    new CommandLine(study).parseArgs("--images", "2", "--inversion-steps", "2", "--steps", "8");
    StudyTarget target = new StudyTarget(kind, kind == Kind.STYLE ? "ink" : "cat face");
    Method twoSteps =
        new Method(
            "two steps",
            "",
            false,
            (of, model, evaluator) ->
                (kind == Kind.STYLE
                        ? EmojiAblation.style(of.name())
                        : EmojiAblation.instance(of.name()))
                    .images(4)
                    .training(t -> t.steps(2))
                    .plan(model));
    try (StableDiffusion model =
            EmbeddedModel.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
        EmbeddedEvaluator judge =
            EmbeddedEvaluator.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
        ProgressBars bars = ProgressBars.onStandardError(false)) {
      List<AttackResult> results =
          study.results(target, twoSteps, model, judge, AnswerSet.load(), bars);
      assertThat(results).hasSize(11);
      assertThat(results)
          .allSatisfy(result -> {
            assertThat(result.recovered().base()).isNotNull();
            assertThat(result.recovered().ablated().counts()).containsEntry("images", 2);
          });
      // Nothing but the name is needed to draw it, before two steps and after.
      assertThat(results.get(0).recovered().ablated().value()).isEqualTo(1);
      assertThat(AttackStudy.table(target, twoSteps, results))
          .contains(target + ", two steps", "| prompt with the name | 100 % | 100 % |")
          .contains("| textual inversion, 2 steps |");
    }
  }

  @Test
  void methodsAreFoundByTheirNames() {
    assertThat(Method.all())
        .allSatisfy(
            method -> assertThat(Method.named(method.name()).name()).isEqualTo(method.name()));
  }
}
