package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.job.TogetherResult.Share;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/** What is compared with limits. */
class AcceptanceTest {
  private static final String FOLLOWED = "a".repeat(64);
  private static final String OTHER = "b".repeat(64);

  private static Recovery by(String judge, double ablated, double control) {
    return new Recovery(share(judge, 1), share(judge, ablated), share(judge, control));
  }

  private static MetricResult share(String judge, double value) {
    return MetricResult.of("target recovered", value, new ExtractorInfo("judge", judge, 4))
        .unit(Unit.SHARE);
  }

  private static AttackResult attack(String guide, Recovery... judged) {
    return new AttackResult(
        "family",
        "attack",
        guide.isEmpty() ? Map.of() : Map.of(AttackResult.GUIDE, guide),
        List.of(judged),
        List.of(),
        Duration.ZERO);
  }

  /** An attack that was made with all deltas alone says nothing about what they changed. */
  @Test
  void aTargetComesBackByTheSameAttacksAlone() {
    EvaluationResult words = evaluation(attack("", by(OTHER, 0.25, 0)));
    AttackResult other = attack("", by(OTHER, 1, 0)).name("another");
    assertThat(together(evaluation(words.attacks().get(0), other), words).comesBack()).isFalse();
    assertThat(together(evaluation(attack("", by(OTHER, 0.5, 0))), words).comesBack()).isTrue();
    assertThat(together(evaluation(other), words).comesBack()).isFalse();
  }

  /** Else "recovered" of a run with more attacks would stand beside that of the evidence. */
  @Test
  void whatWasRecoveredIsComparedByTheSameAttacksAlone() {
    AttackResult words = attack("", by(OTHER, 0.25, 0));
    EvaluationResult evidence = evaluation(words);
    AttackResult more = attack("", by(OTHER, 1, 0)).name("another");
    TogetherResult both = together(evaluation(words, more), evidence);
    assertThat(both.shares().get("recovered")).isEqualTo(new Share(OptionalDouble.empty(), 100));
    assertThat(both.recoveredByTheSame()).contains(new Share(OptionalDouble.of(25), 25));
    assertThat(both.toJson())
        .contains("\"recovered\":{\"together\":100.0}")
        .contains("\"recoveredByTheSame\":{\"alone\":25.0,\"together\":25.0}");
    assertThat(together(evidence, evaluation(words, more)).shares().get("recovered").alone())
        .isEmpty();
    assertThat(together(evidence, evidence).shares().get("recovered"))
        .isEqualTo(new Share(OptionalDouble.of(25), 25));

    AttackResult noted = words.settings(Map.of("steps, ablated model", "150"));
    assertThat(together(evaluation(noted), evidence).recoveredByTheSame()).isPresent();
    AttackResult gated = attack("", by(OTHER, 0, 0)).settings(Map.of("gate", "open"));
    assertThat(together(evidence, evaluation(gated)).comesBack())
        .as("a removal whose sum with others has no gate")
        .isTrue();
    AttackResult otherSeed = words.settings(Map.of("seed", "2"));
    assertThat(together(evaluation(otherSeed), evidence).recoveredByTheSame()).isEmpty();
    AttackResult otherCount =
        attack("", new Recovery(share(OTHER, 1), counted(OTHER, 1), share(OTHER, 0)));
    assertThat(together(evaluation(otherCount), evidence).comesBack()).isFalse();
  }

  private static MetricResult counted(String judge, double value) {
    return share(judge, value).counts(Map.of("images", 8));
  }

  /** It has what follows from evaluations and verdicts, without them. */
  @Test
  void evidenceOfAnEarlierVersionIsRead() {
    TogetherResult read =
        TogetherResult.read(
                """
                {"format": "dev.ablation.together/1", "removals": [{
                  "request": "TR-1", "targets": ["style 'ink'"],
                  "measured": {"UA": {"alone": 100, "together": 75}, "CRA": {"together": 90}},
                  "comesBack": true, "accepted": false}]}
                """)
            .get(0);
    assertThat(read.targets()).containsExactly("style 'ink'");
    assertThat(read.verdicts()).isEmpty();
    assertThat(read.together()).isEmpty();
    assertThat(read.shares())
        .containsExactly(
            Map.entry("UA", new Share(OptionalDouble.of(100), 75)),
            Map.entry("CRA", new Share(OptionalDouble.empty(), 90)));
    assertThat(read.comesBack()).isTrue();
    assertThat(read.accepted()).as("what the file says, though there is no verdict").isFalse();
    String written = TogetherResult.json(List.of(read)).toString();
    assertThat(TogetherResult.read(written)).containsExactly(read);
  }

  private static TogetherResult together(EvaluationResult together, EvaluationResult alone) {
    return new TogetherResult(
        "TR-1", List.of(), Optional.of(together), Optional.of(alone), List.of());
  }

  private static EvaluationResult evaluation(AttackResult... attacks) {
    return new EvaluationResult(Map.of(), List.of(), List.of(attacks), Duration.ZERO);
  }

  /** An evaluator that is followed is pleased, whatever the images show. */
  @Test
  void anAttackIsNotJudgedByWhatItFollows() {
    AttackResult words = attack("", by(FOLLOWED, 0.25, 0), by(OTHER, 0.5, 0));
    AttackResult guided = attack(FOLLOWED, by(FOLLOWED, 1, 0.75), by(OTHER, 0.375, 0.25));
    AttackResult alone = attack(FOLLOWED, by(FOLLOWED, 1, 0));
    assertThat(Acceptance.measure("recovered", evaluation(words)))
        .as("the first judge")
        .hasValue(25);
    assertThat(Acceptance.measure("recovered", evaluation(words, guided, alone))).hasValue(37.5);
    assertThat(Acceptance.measure("excess", evaluation(words, guided, alone))).hasValue(25);
    assertThat(Acceptance.measure("excess", evaluation(guided))).hasValue(12.5);
    assertThat(Acceptance.measure("recovered", evaluation(alone))).isEmpty();
    assertThat(Acceptance.measure("excess", evaluation(alone))).isEmpty();
    assertThat(alone.isEvidence(alone.recovered())).isFalse();
    assertThat(guided.isEvidence(guided.judged().get(1))).isTrue();
    assertThat(evaluation(alone).toString()).contains("no evidence");
    assertThat(EvaluationResult.fromJson(evaluation(guided).toJson()).attacks().get(0))
        .isEqualTo(guided);
  }
}
