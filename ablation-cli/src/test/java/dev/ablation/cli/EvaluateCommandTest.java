package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.job.TogetherResult;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EvaluateCommandTest {
  private static AttackResult attack(String name, double ablated) {
    MetricResult share =
        MetricResult.of("target recovered", ablated, new ExtractorInfo("judge", "a".repeat(64), 4))
            .unit(Unit.SHARE);
    return new AttackResult(
        "family",
        name,
        Map.of(),
        List.of(new Recovery(share, share, null)),
        List.of(),
        Duration.ZERO);
  }

  private static String text(List<AttackResult> together, List<AttackResult> alone) {
    TogetherResult result =
        new TogetherResult(
            "TR-1",
            List.of("style 'ink'"),
            Optional.of(new EvaluationResult(Map.of(), List.of(), together, Duration.ZERO)),
            Optional.of(new EvaluationResult(Map.of(), List.of(), alone, Duration.ZERO)),
            List.of());
    return EvaluateCommand.text(result).replace(System.lineSeparator(), "\n");
  }

  @Test
  void whatIsRecoveredIsToldBesideTheSameAttacksOfTheEvidence() {
    AttackResult split = attack("split", 0.25);
    AttackResult more = attack("guided", 1);
    assertThat(text(List.of(split), List.of(split)))
        .isEqualTo("TR-1: style 'ink'\n  recovered  25.0 %, in its evidence 25.0 %\n");
    assertThat(text(List.of(split, more), List.of(attack("split", 0))))
        .isEqualTo(
            """
            TR-1: style 'ink'
              recovered  100.0 %
              recovered by the attacks that both have 25.0 %, in its evidence 0.0 %
              The target comes back in some images.
            """);
    assertThat(text(List.of(more), List.of(split)))
        .isEqualTo("TR-1: style 'ink'\n  recovered  100.0 %\n");
  }
}
