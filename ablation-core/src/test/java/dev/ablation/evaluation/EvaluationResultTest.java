package dev.ablation.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationResultTest {
  @TempDir private Path folder;

  private static MetricResult metric(String name, double value) {
    return MetricResult.of(name, value, new ExtractorInfo("clip", "0".repeat(64), 512, "224 x 224"))
        .interval(
            new ConfidenceInterval(value - 0.1, value + 1.0 / 3, 0.95, "bootstrap, 1000 resamples"))
        .counts(Map.of("images", 4))
        .settings(Map.of("text", "\"A photo\" & more\n"))
        .seed(Long.MAX_VALUE);
  }

  static EvaluationResult result() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("steps", "50");
    settings.put("base.name", "größe");
    MetricResult kid =
        MetricResult.of("KID", -1e-300, new ExtractorInfo("clip", "0".repeat(64), 512));
    SubjectResult target =
        new SubjectResult(
            new Subject(Role.TARGET, "van gogh", List.of("a", "b"), 4),
            List.of(
                new Comparison(metric("CLIP score", 0.7), metric("CLIP score", 0.5)),
                new Comparison(null, kid)),
            List.of());
    AttackResult attack =
        new AttackResult(
            "leakage",
            "misspelled",
            Map.of("prompt", "van gog"),
            new Comparison(metric("detected", 1), metric("detected", 0.25)),
            List.of(),
            Duration.ofMillis(1));
    return new EvaluationResult(
            settings, List.of(target), List.of(), Duration.ofSeconds(3, 123_456_789))
        .attacks(List.of(attack));
  }

  @Test
  void isReadAsItWasWritten() throws IOException {
    EvaluationResult result = result();
    assertThat(EvaluationResult.fromJson(result.toJson())).isEqualTo(result);
    Path file = folder.resolve("evaluation.json");
    result.write(file);
    assertThat(EvaluationResult.read(file)).isEqualTo(result);
    assertThat(Files.readString(file)).contains("\"schema\": \"dev.ablation.evaluation/1\"");
  }

  @Test
  void aControlAndFurtherJudgesAreReadAsTheyWereWritten() {
    Recovery first =
        new Recovery(metric("recovered", 0.9), metric("recovered", 0.5), metric("recovered", 0.25));
    Recovery second = new Recovery(metric("recovered", 0.7), metric("recovered", 0.5), null);
    AttackResult attack =
        new AttackResult(
            "leakage", "split", Map.of(), List.of(first, second), List.of(), Duration.ofMillis(1));
    EvaluationResult result = result().attacks(List.of(attack));
    String json = result.toJson();
    assertThat(EvaluationResult.fromJson(json)).isEqualTo(result);
    assertThat(json).contains("\"evidence\": true", "\"evidence\": false", "\"otherJudges\"");
    assertThat(result.toString())
        .contains("control", "excess", "no evidence", "0.2500")
        .contains("split");
    // Files of earlier versions have neither.
    String old = result().toJson().replaceAll(",\\s*\"evidence\": (true|false)", "");
    assertThat(old).doesNotContain("evidence");
    assertThat(EvaluationResult.fromJson(old)).isEqualTo(result());
  }

  /** Newcombe 1998, table II, comparison (a): 56 of 70 against 48 of 80. */
  @Test
  void theExcessHasNewcombesInterval() {
    Recovery.Excess excess = new Recovery(null, wilson(56, 70), wilson(48, 80)).excess();
    assertThat(excess.value()).isCloseTo(0.2, within(1e-12));
    assertThat(excess.interval().low()).isCloseTo(0.0524, within(1e-4));
    assertThat(excess.interval().high()).isCloseTo(0.3339, within(1e-4));
  }

  private static MetricResult wilson(int hits, int images) {
    double z = 1.959964;
    double share = (double) hits / images;
    double middle = (share + z * z / (2 * images)) / (1 + z * z / images);
    double half =
        z
            * Math.sqrt(share * (1 - share) / images + z * z / (4.0 * images * images))
            / (1 + z * z / images);
    return MetricResult.of("recovered", share, new ExtractorInfo("clip", "0".repeat(64), 512))
        .interval(new ConfidenceInterval(middle - half, middle + half, 0.95, "Wilson"));
  }

  @Test
  void anythingElseIsRefused() throws IOException {
    String json = result().toJson();
    assertRefused("[]", "evaluation must be an object");
    assertRefused("{", "evaluation: ");
    assertRefused("{}", "evaluation must have \"schema\"");
    assertRefused(
        json.replace("evaluation/1", "evaluation/2"),
        "evaluation must have \"schema\" \"dev.ablation.evaluation/1\"");
    assertRefused(
        json.replace("\"TARGET\"", "\"BYSTANDER\""),
        "evaluation.subjects[0].role must be one of [TARGET, ALIAS, ANCHOR, NEIGHBOUR, IN_PROMPT,"
            + " UNRELATED], was BYSTANDER");
    assertRefused(
        json.replace("\"value\": 0.25", "\"value\": \"high\""),
        "evaluation.attacks[0].recovered.ablated.value must be a number");
    assertRefused(
        json.replace("\"images\": 4,", "\"images\": 4.5,"),
        "evaluation.subjects[0].images must be a whole number");
    Path file = folder.resolve("odd.json");
    Files.writeString(file, "{}");
    assertThatIOException()
        .isThrownBy(() -> EvaluationResult.read(file))
        .withMessage(file + ": evaluation must have \"schema\"");
  }

  private static void assertRefused(String json, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> EvaluationResult.fromJson(json))
        .withMessageStartingWith(message);
  }

  @Test
  void isATableForPeople() {
    assertThat(result().toString().lines())
        .containsExactly(
            "role     subject     images  metric        base  ablated  interval",
            "target   van gogh         4  CLIP score  0.7000   0.5000  0.4000..0.8333",
            "target   van gogh         4  KID                 -0.0000",
            "leakage  misspelled       4  detected    1.0000   0.2500  0.1500..0.5833");
  }

  @Test
  void readsTheFirstFilesWhichCountPictures() {
    String old = result().toJson().replace("\"images\"", "\"pictures\"");

    assertThat(EvaluationResult.fromJson(old).toString()).isEqualTo(result().toString());
  }
}
