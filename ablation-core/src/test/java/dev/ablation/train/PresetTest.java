package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.augment.Augmentation;
import dev.ablation.concept.ConceptKind;
import dev.ablation.model.AdamW;
import dev.ablation.sample.Sampler;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The tables of the reference's two implementations, row by row. */
class PresetTest {
  private static Preset preset(String name, ConceptKind kind) {
    return factory(name).apply(kind);
  }

  private static Function<ConceptKind, Preset> factory(String name) {
    return switch (name) {
      case "paper" -> Preset::paper;
      case "paper with prior" -> Preset::paperWithPrior;
      case "diffusers" -> Preset::diffusers;
      case "diffusers with prior" -> Preset::diffusersWithPrior;
      case "standard" -> Preset::standard;
      default -> throw new AssertionError(name);
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          paper|STYLE|1.6e-5|8|110|cross-attention-kv|model-based|false
          paper|INSTANCE|1.6e-5|8|110|cross-attention-kv|model-based|true
          paper|COMPOSITION|1.6e-5|8|110|cross-attention-kv|model-based|true
          paper with prior|INSTANCE|1.6e-5|4|110|cross-attention-kv|model-based + 0.2 * masked-prior-preservation|true
          paper|MEMORIZED_IMAGE|2e-6|2|410|denoiser|model-based + 0.2 * masked-prior-preservation|false
          diffusers|STYLE|1.6e-5|8|100|cross-attention-kv|model-based|false
          diffusers|INSTANCE|1.6e-5|8|100|cross-attention-kv|model-based|true
          diffusers|COMPOSITION|1.6e-5|8|100|cross-attention-kv|model-based|true
          diffusers with prior|INSTANCE|3.2e-5|8|100|cross-attention-kv|model-based + prior-preservation|true
          diffusers|MEMORIZED_IMAGE|4e-6|4|400|denoiser|model-based + prior-preservation|true
          diffusers|INAPPROPRIATE_CONTENT|6.4e-5|8|400|attention|model-based + prior-preservation|false
          standard|PROMPT_PAIRS|1.6e-5|8|100|cross-attention-kv|model-based|false
          """)
  void hasTheNumbersOfItsRow(
      String name,
      ConceptKind kind,
      double learningRate,
      int pairs,
      int steps,
      String weights,
      String objective,
      boolean augmented) {
    Preset preset = preset(name, kind);
    GradientTrainer training = preset.training();
    assertThat(preset.name()).isEqualTo(name);
    assertThat(training.learningRate()).isCloseTo(learningRate, within(1e-18));
    assertThat(training.batchSize()).isEqualTo(pairs);
    assertThat(training.steps()).isEqualTo(steps);
    assertThat(preset.weights().name()).isEqualTo(weights);
    assertThat(preset.objective().name()).isEqualTo(objective);
    assertThat(preset.objective().usesPriorBatch()).isEqualTo(objective.contains("prior"));
    assertThat(preset.anchors().augmentation().scaling() != Augmentation.Scaling.NONE)
        .isEqualTo(augmented);
    assertThat(training.stopStartToken()).isTrue();
    assertThat(training.decayOtherRows()).isFalse();
    assertThat(training.optimizer()).isEqualTo(new AdamW(0.9, 0.999, 1e-8, 0.01));
  }

  @ParameterizedTest
  @EnumSource(names = {"STYLE", "INSTANCE", "COMPOSITION", "MEMORIZED_IMAGE"})
  void thePaperClipsNothingAndDrawsAnchorsByDdim(ConceptKind kind) {
    Preset preset = Preset.paper(kind);
    assertThat(preset.training().maxGradientNorm()).isInfinite();
    assertThat(preset.styleTemplates().name()).isEqualTo("paper");
    assertThat(preset.anchors().images()).isEqualTo(1000);
    assertThat(preset.anchors().avoidTarget()).isFalse();
    assertThat(preset.anchors().sampling().sampler()).isEqualTo(Sampler.ddim(1));
    assertThat(preset.anchors().sampling().steps()).isEqualTo(200);
    assertThat(preset.anchors().sampling().guidanceScale()).isEqualTo(6);
  }

  @ParameterizedTest
  @EnumSource(
      names = {"STYLE", "INSTANCE", "COMPOSITION", "MEMORIZED_IMAGE", "INAPPROPRIATE_CONTENT"})
  void diffusersClipsAndDrawsAnchorsByDpmSolver(ConceptKind kind) {
    Preset preset = Preset.diffusers(kind);
    assertThat(preset.training().maxGradientNorm()).isEqualTo(1);
    assertThat(preset.styleTemplates().name()).isEqualTo("diffusers");
    assertThat(preset.anchors().images()).isEqualTo(1000);
    assertThat(preset.anchors().avoidTarget()).isEqualTo(kind == ConceptKind.INAPPROPRIATE_CONTENT);
    assertThat(preset.anchors().sampling().sampler()).isEqualTo(Sampler.dpmSolverPlusPlus());
    assertThat(preset.anchors().sampling().steps()).isEqualTo(25);
    assertThat(preset.anchors().sampling().guidanceScale()).isEqualTo(6);
    assertThat(Preset.standard(kind).name()).isEqualTo("diffusers");
  }

  @ParameterizedTest
  @CsvSource({
    "paper,INAPPROPRIATE_CONTENT",
    "paper,PROMPT_PAIRS",
    "paper with prior,STYLE",
    "paper with prior,PROMPT_PAIRS",
    "diffusers,PROMPT_PAIRS",
    "diffusers with prior,STYLE",
    "diffusers with prior,PROMPT_PAIRS"
  })
  void refusesAKindWithoutPublishedNumbers(String name, ConceptKind kind) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> preset(name, kind))
        .withMessageStartingWith(
            "preset '%s' must be asked for a kind with published numbers, one of [", name)
        .withMessageContaining("INSTANCE")
        .withMessageEndingWith("was " + kind);
  }

  @ParameterizedTest
  @CsvSource({
    "paper,MEMORIZED_IMAGE",
    "diffusers,MEMORIZED_IMAGE",
    "diffusers,INAPPROPRIATE_CONTENT"
  })
  void rowsThatHaveAPriorAnywayAreTheSameWithIt(String name, ConceptKind kind) {
    Preset with = preset(name + " with prior", kind);
    assertThat(with.name()).isEqualTo(name);
    assertThat(with.training()).isEqualTo(preset(name, kind).training());
  }
}
