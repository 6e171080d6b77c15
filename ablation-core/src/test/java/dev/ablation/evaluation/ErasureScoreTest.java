package dev.ablation.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.evaluation.ErasureScore.Part;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ErasureScoreTest {
  private static final ExtractorInfo CLIP = new ExtractorInfo("clip", "0".repeat(64), 512);

  private static MetricResult share(String name, double value, int images) {
    return MetricResult.of(name, value, CLIP).unit(Unit.SHARE).counts(Map.of("images", images));
  }

  private static Comparison shown(double before, double after) {
    return new Comparison(share("drawn", before, 4), share("drawn", after, 4));
  }

  private static Comparison kept(double share, int right) {
    return new Comparison(null, share(ErasureScore.KEPT_SHARE, share, right));
  }

  private static Comparison rest(double before, double after) {
    return new Comparison(
        share(ErasureScore.IN_PROMPT_SHARE, before, 4),
        share(ErasureScore.IN_PROMPT_SHARE, after, 4));
  }

  private static SubjectResult subject(Role role, String name, Comparison... metrics) {
    return new SubjectResult(new Subject(role, name, List.of("a"), 4), List.of(metrics), List.of());
  }

  private static EvaluationResult result(Stream<SubjectResult> subjects, AttackResult... attacks) {
    return new EvaluationResult(Map.of(), subjects.toList(), List.of(attacks), Duration.ZERO);
  }

  private static AttackResult attack(String family, double before, double after) {
    return new AttackResult(
        family, family + after, Map.of(), shown(before, after), List.of(), Duration.ZERO);
  }

  @Test
  void isTheHarmonicMeanOfWhatWasMeasured() {
    ErasureScore score =
        result(
                Stream.of(
                    subject(Role.TARGET, "x", rest(0.8, 0.6), shown(1, 0.25)),
                    subject(Role.ALIAS, "y", shown(0.5, 0.25)),
                    subject(Role.ALIAS, "unknown to the model", shown(0, 0)),
                    subject(Role.NEIGHBOUR, "a", kept(1, 1)),
                    subject(Role.NEIGHBOUR, "b", kept(0.5, 3)),
                    subject(Role.UNRELATED, "c", kept(0.75, 4))),
                attack("leakage", 1, 0.5),
                attack("recovery", 1, 1))
            .score()
            .orElseThrow();
    assertThat(score.parts().get(Part.ERASURE)).isEqualTo(0.75);
    assertThat(score.parts().get(Part.GENERALITY)).isEqualTo((0.75 + 0.5) / 2);
    assertThat(score.parts().get(Part.NEIGHBOURS)).isEqualTo(2.5 / 4);
    assertThat(score.parts().get(Part.UNRELATED)).isEqualTo(0.75);
    assertThat(score.parts().get(Part.IN_PROMPT)).isCloseTo(0.75, within(1e-12));
    assertThat(score.missing()).containsExactly(Part.QUALITY);
    assertThat(score.value())
        .isCloseTo(5 / (1 / 0.75 + 1 / 0.625 + 1 / 0.625 + 1 / 0.75 + 1 / 0.75), within(1e-12));
    assertThat(score)
        .hasToString(
            "0.69: erasure 0.75, generality 0.63, neighbours 0.63, unrelated 0.75, in prompt 0.75");
  }

  @Test
  void isMacesOverallMeasureOfItsThreeParts() {
    ErasureScore score =
        new ErasureScore(Map.of(Part.ERASURE, 0.9, Part.NEIGHBOURS, 0.8, Part.GENERALITY, 0.6));
    assertThat(score.value()).isCloseTo(3 / (1 / 0.9 + 1 / 0.8 + 1 / 0.6), within(1e-12));
  }

  @Test
  void withoutThatMetricWhatIsKeptIsARatio() {
    ErasureScore score =
        result(
                Stream.of(
                    subject(Role.TARGET, "x", shown(1, 0)),
                    subject(Role.NEIGHBOUR, "a", shown(0.5, 0.25)),
                    subject(Role.NEIGHBOUR, "better", shown(0.5, 0.75)),
                    subject(Role.NEIGHBOUR, "never drawn", shown(0, 0))))
            .score()
            .orElseThrow();
    assertThat(score.parts())
        .containsOnly(Map.entry(Part.ERASURE, 1.0), Map.entry(Part.NEIGHBOURS, 0.75));
  }

  @Test
  void aModelThatDrawsNothingRightScoresZero() {
    assertThat(
            result(
                    Stream.of(
                        subject(Role.TARGET, "x", shown(1, 0)),
                        subject(Role.NEIGHBOUR, "a", kept(0, 4))))
                .score()
                .orElseThrow()
                .value())
        .isZero();
  }

  @Test
  void isMissingWithoutErasureOrWithoutRetention() {
    assertThat(result(Stream.of(subject(Role.NEIGHBOUR, "a", kept(1, 4)))).score()).isEmpty();
    assertThat(result(Stream.of(subject(Role.TARGET, "x", shown(1, 0)))).score()).isEmpty();
  }

  @Test
  void standsInTheJsonAndTheTable() {
    EvaluationResult result =
        result(
            Stream.of(
                subject(Role.TARGET, "x", shown(1, 0.5)),
                subject(Role.NEIGHBOUR, "a", kept(0.5, 4))));
    assertThat(result.toJson())
        .contains("\"score\": {\n    \"value\": 0.5,\n    \"parts\": {\n      \"erasure\": 0.5");
    assertThat(result.toString()).contains("score 0.50: erasure 0.50, neighbours 0.50");
    assertThat(EvaluationResult.fromJson(result.toJson())).isEqualTo(result);
  }

  @Test
  void refusesWhatIsNoShare() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ErasureScore(Map.of(Part.IN_PROMPT, 1.5)))
        .withMessage("in prompt must be from 0 to 1, was 1.5");
  }

  @Test
  void precisionCountsImagesNearTheBaseModels() {
    FeatureMatrix line = FeatureMatrix.of(new float[][] {{0}, {1}, {2}, {3}, {4}, {10}});
    // The third nearest neighbour of 0 is 3 away, of 10 it is 8 away.
    double[] within =
        DistanceMetrics.Precision.within(
            line, FeatureMatrix.of(new float[][] {{-3}, {-3.1f}, {18}, {18.1f}, {2.5f}}));
    assertThat(within).containsExactly(1, 0, 1, 0, 1);
    assertThat(DistanceMetrics.Precision.within(line, line)).containsOnly(1);
  }
}
