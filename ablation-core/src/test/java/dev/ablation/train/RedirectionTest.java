package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.concept.Concept;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyFlow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedirectionTest {
  private static final int STEPS = 6;

  private static Redirection redirection(DiffusionModel model) {
    return Redirection.defaults()
        .pairs(4)
        .keptImages(5)
        .keptBatch(3)
        .neutralPrompts(List.of("an animal", "something"))
        .words(2, "sks")
        .learningOfWords(2e-2, 2)
        .sampling(SamplingSettings.defaultsFor(model).steps(2).batchSize(3));
  }

  private static Ablation plan(DiffusionModel model, Redirection redirection) {
    return planWithoutNeighbours(model, redirection).preserve(Concept.instance("dog"));
  }

  private static Ablation planWithoutNeighbours(DiffusionModel model, Redirection redirection) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(
            AnchorStrategy.generated(
                "cat", List.of("a cat on a mat", "a photo of a cat", "my cat sleeps")))
        .weights(WeightGroup.denoiser())
        .training(t -> t.steps(STEPS).batchSize(5).learningRate(1e-3).redirecting(redirection))
        .seed(3);
  }

  private static String delta(Ablation plan) {
    try (AblationResult result = plan.run()) {
      return result.delta().sha256();
    }
  }

  static Stream<DiffusionModel> models() {
    return Stream.of(TinyDiffusion.open(1), TinyFlow.open(1));
  }

  @ParameterizedTest
  @MethodSource("models")
  void trainsNetworksOfEveryKindAndLeavesTheModelAsItWas(DiffusionModel model) {
    try (model) {
      String before = model.weights().sha256();
      Redirection settings = redirection(model).relearning(3, 2, 0.05);
      try (AblationResult result = plan(model, settings).run()) {
        assertThat(result.history()).hasSize(STEPS);
        assertThat(result.delta().names())
            .allSatisfy(name ->
                assertThat(model.weights().list())
                    .anySatisfy(info -> {
                      assertThat(info.name()).isEqualTo(name);
                      assertThat(info.role()).isNotEqualTo(WeightRole.TOKEN_EMBEDDING);
                    }));
      }
      assertThat(model.weights().sha256()).isEqualTo(before);
      assertThat(model.weights().boundSha256()).isEmpty();
    }
  }

  @Test
  void theSamePlanGivesTheSameBytesAndEverySettingOthers() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Redirection settings = redirection(model);
      List<Redirection> all =
          List.of(
              settings,
              settings.words(0, "sks"),
              settings.words(3, "sks"),
              settings.wordSteps(2),
              settings.learningOfWords(0.5, 0),
              settings.keepWeight(1),
              settings.keptBatch(1),
              settings.keptImages(1),
              settings.keptPrompts(List.of("a house", "a tree")),
              settings.neutralPrompts(List.of()),
              settings.from(0.9),
              settings.pairs(1),
              settings.relearning(1, 1, 0.1));
      List<String> found = all.stream().map(each -> delta(plan(model, each))).toList();
      assertThat(found).doesNotHaveDuplicates();
      assertThat(delta(plan(model, settings))).isEqualTo(found.get(0));
      assertThat(all).doesNotHaveDuplicates();
    }
  }

  /** Prompts that no image is drawn for stay, too: as captions. */
  @Test
  void captionsWithoutAnImageCount() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Redirection settings = redirection(model).keptImages(1);
      Redirection some = settings.keptPrompts(List.of("a house", "a tree", "a lake"));
      String drawn = prompts(some).kept().get(0);
      Redirection others =
          settings.keptPrompts(
              some.keptPrompts().stream().map(p -> p.equals(drawn) ? p : "not " + p).toList());
      assertThat(prompts(others).kept()).containsExactly(drawn);
      assertThat(prompts(others).captions())
          .containsExactlyInAnyOrderElementsOf(others.keptPrompts());
      assertThat(delta(planWithoutNeighbours(model, others)))
          .isNotEqualTo(delta(planWithoutNeighbours(model, some)));
    }
  }

  private static RedirectionPrompts prompts(Redirection settings) {
    TrainingPair pair =
        new TrainingPair(
            Concept.instance("grumpy cat"),
            "cat",
            Map.of("a cat", List.of("a grumpy cat")),
            List.of(),
            List.of());
    return RedirectionPrompts.of(List.of(pair), settings, 3);
  }

  /** Killed after any step, a run goes on to the same bytes, learned words included. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5})
  void resumesToTheSameBytes(int stopAt, @TempDir Path folder) {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Redirection settings = redirection(model).relearning(2, 1, 0.05);
      Ablation plan = plan(model, settings);
      String whole = delta(plan);
      Ablation interrupted =
          plan.checkpoints(Checkpoints.in(folder).every(2))
              .listener(event -> {
                if (event instanceof AblationEvent.StepCompleted made && made.step() == stopAt) {
                  Thread.currentThread().interrupt();
                }
              });
      assertThatThrownBy(interrupted::run).isInstanceOf(CancellationException.class);
      assertThat(Thread.interrupted()).isTrue();
      List<AblationEvent> events = new ArrayList<>();
      assertThat(delta(plan.checkpoints(Checkpoints.in(folder).every(2)).listener(events::add)))
          .isEqualTo(whole);
      assertThat(events).anyMatch(AblationEvent.Resumed.class::isInstance);
      assertThat(events)
          .as("images come from the checkpoint")
          .noneMatch(AblationEvent.AnchorsProgressed.class::isInstance);
    }
  }

  /** What it is for: noised images of the target are led to the anchor's, the rest stays. */
  @Test
  void itsLossFalls() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Redirection settings = redirection(model).words(0, "sks").keepWeight(0.5);
      Ablation plan = plan(model, settings).training(t -> t.steps(60).learningRate(2e-2));
      try (AblationResult result = plan.run()) {
        List<TrainingResult.Step> history = result.history();
        assertThat(mean(history.subList(50, 60))).isLessThan(0.7 * mean(history.subList(0, 10)));
      }
    }
  }

  private static double mean(List<TrainingResult.Step> steps) {
    return steps.stream().mapToDouble(TrainingResult.Step::loss).average().orElseThrow();
  }

  @Test
  void beginsWithAClosedFormOrADelta() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Ablation plan = plan(model, redirection(model));
      Ablation closed = plan.training(t -> t.startingFrom(ClosedForm.sequences()));
      try (AblationResult first = closed.run()) {
        assertThat(first.delta().sha256()).isNotEqualTo(delta(plan));
        String next = delta(plan.training(t -> t.startingFrom(first.delta())));
        assertThat(next).isNotEqualTo(first.delta().sha256());
      }
    }
  }

  @Test
  void trainsLowRankChangesToo() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Ablation plan = plan(model, redirection(model)).training(t -> t.lora(Lora.rank(2)));
      assertThat(delta(plan)).isEqualTo(delta(plan));
    }
  }

  @Test
  void severalTargetsShareTheImages() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Ablation plan =
          plan(model, redirection(model))
              .andTarget("old dog")
              .anchor(AnchorStrategy.generated("dog", List.of("a dog runs")));
      assertThat(delta(plan)).isNotEqualTo(delta(plan(model, redirection(model))));
    }
  }

  @Test
  void tellsWhatCannotWorkBeforeItDraws() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Redirection settings = redirection(model);
      assertThat(plan(model, settings).training(t -> t.accumulation(2)).check())
          .containsExactly("accumulation must be 1 with redirection, was 2");
      assertThat(plan(model, settings.words(1, "two words")).check())
          .singleElement()
          .asString()
          .contains("must be one token", "'two words'");
      assertThat(
              plan(model, settings)
                  .weights(WeightGroup.denoiser().or(WeightGroup.tokenEmbeddings()))
                  .check())
          .singleElement()
          .asString()
          .contains("table of token embeddings, which must not be trained");
    }
  }

  @Test
  void refusesValuesOutOfRange() {
    Redirection settings = Redirection.defaults();
    List<Runnable> wrong =
        List.of(
            () -> settings.pairs(0).pairs(),
            () -> settings.keptImages(0).pairs(),
            () -> settings.keptBatch(-1).pairs(),
            () -> settings.keepWeight(Double.NaN).pairs(),
            () -> settings.from(1).pairs(),
            () -> settings.words(-1, "sks").pairs(),
            () -> settings.words(1, " ").pairs(),
            () -> settings.wordSteps(0).pairs(),
            () -> settings.learningOfWords(0, 1).pairs(),
            () -> settings.learningOfWords(1, -1).pairs(),
            () -> settings.relearning(-1, 1, 1).pairs(),
            () -> settings.relearning(1, 0, 1).pairs(),
            () -> settings.relearning(1, 1, Double.POSITIVE_INFINITY).pairs());
    for (Runnable each : wrong) {
      assertThatIllegalArgumentException().isThrownBy(each::run);
    }
  }

  @Test
  void theEstimateMeasuresStepsOnAFewImages() {
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      assertThat(plan(model, redirection(model)).estimate().problems()).isEmpty();
    }
  }

  /**
   * Projected, the erasing gradient no longer harms what stays; without conflict it is as it was.
   */
  @Test
  void projectionTakesOutTheConflictAlone() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      NDList erasing = gradients(manager, "erasing");
      NDList keeping = gradients(manager, "keeping");
      double product = product(erasing, keeping);
      if (product > 0) {
        keeping.forEach(NDArray::negi);
      }
      double factor = RedirectionGradients.conflict(erasing, keeping);
      assertThat(factor).isPositive();
      double after = product(erasing, keeping) + factor * product(keeping, keeping);
      assertThat(after).isEqualTo(0, within(1e-4));
      keeping.forEach(NDArray::negi);
      assertThat(RedirectionGradients.conflict(erasing, keeping)).isZero();
    }
  }

  private static NDList gradients(NDManager manager, String purpose) {
    NDList list = new NDList();
    for (int i = 0; i < 3; i++) {
      list.add(
          RandomStreams.gaussian(
              manager, new Shape(2, 3 + i), RandomStreams.stream(5, purpose, i)));
    }
    return list;
  }

  private static double product(NDList a, NDList b) {
    double sum = 0;
    for (int i = 0; i < a.size(); i++) {
      sum += a.get(i).mul(b.get(i)).sum().getFloat();
    }
    return sum;
  }

  @Test
  void theNameBecomesTheWord() {
    assertThat(RedirectionPrompts.renamed("An Owl in ink style", List.of("ink"), "sks"))
        .isEqualTo("An Owl in sks style");
    assertThat(
            RedirectionPrompts.renamed(
                "a photo of Grumpy Cat", List.of("cat", "grumpy cat"), "sks"))
        .isEqualTo("a photo of sks");
    assertThat(RedirectionPrompts.renamed("something else", List.of("cat"), "sks"))
        .isEqualTo("sks something else");
  }

  /** An adversary that does not learn would only look like one. */
  @Test
  void wordsLearnWhatTheyAreAskedFor() {
    try (TinyDiffusion model = TinyDiffusion.open(1);
        NDManager scope = model.newScope()) {
      LearnedWords words = new LearnedWords(model, "sks", 1, 0.05, List.of("a cat on a mat"), 0);
      NDArray wanted = model.encode(List.of("a dog"), scope).textEmbeddings().duplicate();
      wanted.attach(scope);
      List<Double> losses = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        losses.add(
            words.learn(
                0,
                () ->
                    model
                        .encode(List.of("a sks"), scope)
                        .textEmbeddings()
                        .sub(wanted)
                        .square()
                        .mean(),
                scope));
      }
      assertThat(losses.get(29)).isLessThan(0.5 * losses.get(0));
      assertThat(model.weights().boundSha256()).isEmpty();
    }
  }
}
