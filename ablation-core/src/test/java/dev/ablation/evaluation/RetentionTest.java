package dev.ablation.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.delta.WeightDelta;
import dev.ablation.metric.Bootstrap;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDelta;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Aliases, the rest of a prompt, and neighbours that are found by themselves. */
class RetentionTest {
  private static final List<String> CATS = List.of("a photo of a cat", "two Cats");
  private static final SamplingSettings SAMPLING =
      new SamplingSettings(Sampler.ddim(1), 2, 6, "", 3);

  private final TinyEncoder clip = new TinyEncoder();

  private static BufferedImage image(int left, int right) {
    BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, left);
    image.setRGB(1, 0, right);
    return image;
  }

  private Subject subject(Evaluation evaluation, Role role, int index) {
    return evaluation.subjects().stream().filter(each -> each.role() == role).toList().get(index);
  }

  @Test
  void everyNameOfATargetIsASubjectOfItsOwn() {
    Evaluation evaluation =
        Evaluation.with(clip)
            .target(Concept.instance("grumpy cat").alsoNamed("Tardar", "chat"), "cat", CATS)
            .neighbours("persian cat");
    assertThat(subject(evaluation, Role.TARGET, 0).prompts())
        .containsExactly("a photo of a grumpy cat", "two Grumpy cats");
    Subject alias = subject(evaluation, Role.ALIAS, 1);
    assertThat(alias.prompts()).containsExactly("a photo of a chat", "two Chats");
    assertThat(alias.concept()).isEqualTo("grumpy cat");
    assertThat(alias.rest(1)).isEqualTo("two Cats");
  }

  @Test
  void anAliasTakesTheNamesPlaceInGivenPrompts() {
    Evaluation evaluation =
        Evaluation.with(clip)
            .target(
                Concept.instance("grumpy cat").alsoNamed("Tardar"),
                "cat",
                CATS,
                List.of("Grumpy cat in ink style", "two grumpy cats"))
            .restsOfPrompts(Map.of("Grumpy cat in ink style", "ink", "two grumpy cats", "two"))
            .withoutNeighbours();
    assertThat(subject(evaluation, Role.ALIAS, 0).prompts())
        .containsExactly("Tardar in ink style", "two Tardars");
    assertThat(subject(evaluation, Role.ALIAS, 0).rests()).containsExactly("ink", "two");
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      assertThat(
              Evaluation.with(clip)
                  .target(
                      Concept.instance("grumpy cat").alsoNamed("Tardar"),
                      "cat",
                      CATS,
                      List.of("that one"))
                  .withoutNeighbours()
                  .check(model))
          .anyMatch(problem -> problem.contains("must contain its name 'grumpy cat'"));
    }
  }

  @Test
  void somethingElseStandsBesideAnInstanceAndInAStyle() {
    Evaluation instance =
        Evaluation.with(clip)
            .target(Concept.instance("grumpy cat"), "cat", CATS)
            .inPrompt("a bus")
            .withoutNeighbours();
    Subject beside = subject(instance, Role.IN_PROMPT, 0);
    assertThat(beside.prompts())
        .containsExactly("a photo of a grumpy cat and a bus", "two Grumpy cats and a bus");
    assertThat(beside.rests()).containsExactly("a bus", "a bus");
    Evaluation style =
        Evaluation.with(clip)
            .target(Concept.style("Monet"), "painting", List.of("a lake"))
            .inPrompt("a bus")
            .withoutNeighbours();
    assertThat(subject(style, Role.IN_PROMPT, 0).prompts())
        .contains("a bus, in the style of Monet");
  }

  @Test
  void theRestOfEachPromptHasItsOwnDetector() {
    ConceptDetector red = ConceptDetector.preferring(new Colours(), "red", "blue");
    ConceptDetector blue = ConceptDetector.preferring(new Colours(), "blue", "red");
    SubjectMetric metric =
        SubjectMetric.inPromptShare(
            rest -> Optional.ofNullable(Map.of("red", red, "blue", blue).get(rest)));
    Subject subject =
        new Subject(Role.TARGET, "x", List.of("red x", "blue x"), 4).rests(List.of("red", "blue"));
    assertThat(metric.measures(subject)).isTrue();
    assertThat(metric.measures(subject.rests(List.of("red", "green")))).isFalse();
    assertThat(metric.measures(subject.rests(List.of()))).isFalse();
    SubjectMetric.Measurement measurement = metric.begin(subject, "a", Bootstrap.defaults());
    BufferedImage redImage = image(0xff0000, 0xff0000);
    BufferedImage blueImage = image(0x0000ff, 0x0000ff);
    // The second batch begins with the second prompt.
    measurement.add(
        new ImageBatch(
            0, List.of(redImage, blueImage, redImage), List.of(redImage, redImage, blueImage)));
    measurement.add(new ImageBatch(3, List.of(blueImage), List.of(blueImage)));
    Comparison found = measurement.result();
    assertThat(Objects.requireNonNull(found.base()).value()).isEqualTo(1);
    assertThat(found.ablated().value()).isEqualTo(0.5);
  }

  /** Tells red from blue images. */
  private static final class Colours implements dev.ablation.metric.TextImageEncoder {
    private final TinyEncoder tiny = new TinyEncoder();

    @Override
    public dev.ablation.metric.ExtractorInfo info() {
      return tiny.info();
    }

    @Override
    public dev.ablation.metric.FeatureMatrix extract(List<BufferedImage> images) {
      return tiny.extract(images);
    }

    @Override
    public dev.ablation.metric.FeatureMatrix encode(List<String> texts) {
      return tiny.extract(
          texts.stream()
              .map(text -> text.equals("red") ? 0xff0000 : 0x0000ff)
              .map(colour -> image(colour, colour))
              .toList());
    }

    @Override
    public double logitScale() {
      return 100;
    }
  }

  @Test
  void aResultWithAliasesIsReadAsItWasWritten() throws IOException {
    try (TinyDiffusion model = TinyDiffusion.open(1);
        WeightDelta delta = TinyDelta.of(model, 3)) {
      EvaluationResult result =
          Evaluation.with(clip)
              .target(Concept.instance("grumpy cat").alsoNamed("chat"), "cat", CATS)
              .inPrompt("a bus")
              .withoutNeighbours()
              .protocol(Protocol.paper().images(3, 2, 2, 2).sampling(SAMPLING).shown(0))
              .run(model, delta);
      assertThat(result.of(Role.ALIAS).get(0).metrics())
          .extracting(Comparison::metric)
          .containsExactly("CLIP score", "CLIP accuracy", "KID", "in-prompt CLIP score");
      assertThat(result.of(Role.ANCHOR).get(0).metrics()).hasSize(3);
      assertThat(EvaluationResult.fromJson(result.toJson())).isEqualTo(result);
    }
  }

  @Test
  void theNearestAreFoundWithoutTheTargetItsAliasesAndTheAnchor() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      List<String> vocabulary =
          List.of("Grumpy cat", "the chat", "CAT", "bus", "angry cat", "soup", "bus");
      List<NearConcept> found =
          NeighbourSearch.among(vocabulary)
              .texts(clip)
              .find(model, Concept.instance("grumpy cat").alsoNamed("chat"), "cat", CATS);
      assertThat(found)
          .extracting(NearConcept::name)
          .containsExactlyInAnyOrder("bus", "angry cat", "soup");
      assertThat(found)
          .allSatisfy(near -> {
            assertThat(near.distances()).hasSize(2);
            assertThat(near.distances().values()).allMatch(value -> value >= 0 && value <= 2);
          });
      List<NearConcept> byText =
          NeighbourSearch.among(vocabulary)
              .find(model, Concept.instance("grumpy cat"), "cat", CATS);
      assertThat(byText).extracting(near -> near.distances().values().iterator().next()).isSorted();
      List<NearConcept> drawn =
          NeighbourSearch.among(vocabulary)
              .images(clip, 2, SAMPLING)
              .shortList(2)
              .find(model, Concept.instance("grumpy cat"), "cat", CATS);
      assertThat(drawn)
          .extracting(NearConcept::name)
          .containsExactlyInAnyOrder(byText.get(0).name(), byText.get(1).name());
      assertThatIllegalArgumentException()
          .isThrownBy(() ->
              NeighbourSearch.among(List.of("cat"))
                  .find(model, Concept.instance("grumpy cat"), "cat", CATS))
          .withMessageContaining("other than the target's and the anchor's");
    }
  }

  @Test
  void givenPromptsTakeThePlaceOfAFoundNeighbours() {
    NearConcept near = new NearConcept("bus", Map.of("texts", 0.5));
    Evaluation evaluation =
        Evaluation.with(clip)
            .target(Concept.instance("grumpy cat"), "cat", CATS)
            .neighbours(List.of(near))
            .neighbour("bus", List.of("a red bus"));
    assertThat(evaluation.foundNeighbours()).containsExactly(near);
    assertThat(subject(evaluation, Role.NEIGHBOUR, 0).prompts()).containsExactly("a red bus");
  }

  @ParameterizedTest
  @EnumSource
  void theBuiltInNamesDiffer(ConceptKind kind) {
    List<String> names = NeighbourSearch.builtIn(kind).vocabulary();
    assertThat(names).hasSizeGreaterThan(60).doesNotHaveDuplicates().noneMatch(String::isBlank);
  }

  @Test
  void badValuesAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> NeighbourSearch.among(List.of()));
    assertThatIllegalArgumentException().isThrownBy(() -> NeighbourSearch.among(List.of("a", " ")));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Subject(Role.TARGET, "x", List.of("a", "b"), 1).rests(List.of("c")))
        .withMessageContaining("as many as its 2 prompts");
    assertThatIllegalArgumentException().isThrownBy(() -> Evaluation.with(clip).inPrompt(" "));
  }
}
