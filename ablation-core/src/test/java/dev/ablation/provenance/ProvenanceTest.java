package dev.ablation.provenance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProvenanceTest {
  private static final Provenance ONE =
      new Provenance(
          "1.0",
          "base \"model\" \\ 猫 <b>",
          "ab12",
          Map.of("w.2", "f0", "w.1", "0f"),
          Map.of("seed", "7", "target", "style 'O''Keeffe'\n"),
          Map.of("os", "Linux"));

  @Test
  void readsWhatItWrote() {
    assertThat(Provenance.fromJson(ONE.toJson())).isEqualTo(ONE);
  }

  @Test
  void readsTheFirstFilesInTermsOfToday() {
    Map<String, String> old =
        Map.of("target", "memorized picture 'x'", "target.kind", "MEMORIZED_PICTURE");

    assertThat(
            Provenance.fromJson(new Provenance("1.0", "b", "c", Map.of(), old, Map.of()).toJson())
                .settings())
        .isEqualTo(Map.of("target", "memorized image 'x'", "target.kind", "MEMORIZED_IMAGE"));
  }

  @Test
  void isOneLineWithSortedKeys() {
    assertThat(ONE.toJson())
        .doesNotContain("\n")
        .contains("{\"w.1\":\"0f\",\"w.2\":\"f0\"}")
        .contains("<b>");
    assertThat(Provenance.fromJson(ONE.toJson()).toJson()).isEqualTo(ONE.toJson());
  }

  @Test
  void reportsSettingsThatDiffer() {
    Provenance other =
        new Provenance(
            "2.0",
            "other",
            "cd",
            Map.of(),
            Map.of("seed", "8", "target", "style 'O''Keeffe'\n", "weights", "all"),
            Map.of());
    assertThat(ONE.settingsDifferingFrom(other))
        .containsOnly(Map.entry("seed", "7 -> 8"), Map.entry("weights", "null -> all"));
    assertThat(ONE.settingsDifferingFrom(ONE)).isEmpty();
  }

  @Test
  void itsMapsCannotBeChanged() {
    assertThat(ONE.settings()).isUnmodifiable();
    assertThat(ONE.environment()).isUnmodifiable();
    assertThat(ONE.baseWeightSha256()).isUnmodifiable();
  }

  @Test
  void refusesNull() {
    assertThatNullPointerException()
        .isThrownBy(() -> new Provenance(null, "b", "c", Map.of(), Map.of(), Map.of()))
        .withMessage("libraryVersion");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "7",
        "[]",
        "{",
        "{}",
        "{\"libraryVersion\":1}",
        "{\"libraryVersion\":\"1\",\"baseName\":\"b\",\"baseSha256\":\"c\",\"baseWeightSha256\":{},"
            + "\"settings\":{\"seed\":7},\"environment\":{}}",
        "{\"libraryVersion\":\"1\",\"baseName\":\"b\",\"baseSha256\":\"c\",\"baseWeightSha256\":[],"
            + "\"settings\":{},\"environment\":{}}"
      })
  void refusesOtherText(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Provenance.fromJson(text))
        .withMessageStartingWith("provenance ");
  }

  private static Provenance of(String target, String weight) {
    return new Provenance(
        "1",
        "base",
        "b".repeat(64),
        Map.of(weight, "c".repeat(64)),
        Map.of("target", target, "seed", "7"),
        Map.of());
  }

  @Test
  void scaledAndAddedDeltasNameWhatTheyAreMadeOf() {
    Provenance ink = of("style 'ink'", "k");
    Provenance owl = of("instance 'owl'", "v");
    Provenance sum = ink.plus(owl.scaledBy(0.5)).plus(of("style 'noto'", "k"));
    assertThat(sum.targets()).containsExactly("style 'ink'", "instance 'owl'", "style 'noto'");
    assertThat(sum.settings())
        .containsEntry("sum.1.target", "style 'ink'")
        .containsEntry("sum.2.scale", "0.5")
        .containsEntry("sum.3.seed", "7")
        .doesNotContainKeys("target", "scale", "sum.1.scale");
    assertThat(sum.baseWeightSha256()).containsOnlyKeys("k", "v");
    assertThat(sum.scaledBy(-2).settings())
        .containsEntry("sum.1.scale", "-2.0")
        .containsEntry("sum.2.scale", "-1.0");
    assertThat(ink.scaledBy(2).targets()).containsExactly("style 'ink'");
    assertThat(Provenance.fromJson(sum.toJson())).isEqualTo(sum);
  }
}
