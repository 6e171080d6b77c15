package dev.ablation.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.TrainingResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The losses of LECO and SPM, and the ways that they are taken on. */
class SemiPermeableTest {
  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("zebra")
        .anchor(
            AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats"))
                .images(4)
                .sampling(SamplingSettings.defaults().steps(2).batchSize(4))
                .augmented(Augmentation.none()))
        .training(t -> t.steps(2).batchSize(3).learningRate(0.01));
  }

  /** Runs an objective and a formula for it, which are compared in each step. */
  private void compare(Ablation plan, AblationObjective objective, Formula formula) {
    List<Double> losses = new ArrayList<>();
    List<Double> byHand = new ArrayList<>();
    AblationObjective compared =
        AblationObjective.named(
            "compared",
            context -> {
              byHand.add(formula.loss(context));
              NDArray loss = objective.loss(context);
              losses.add((double) loss.getFloat());
              return loss;
            });
    try (AblationResult result = plan.objective(compared).run()) {
      assertThat(result.history()).hasSize(2);
    }
    for (int i = 0; i < losses.size(); i++) {
      assertThat(losses.get(i))
          .as(objective.name())
          .isPositive()
          .isCloseTo(byHand.get(i), within(1e-4 * byHand.get(i)));
    }
  }

  @FunctionalInterface
  private interface Formula {
    double loss(ObjectiveContext context);
  }

  private static NDArray at(
      ObjectiveContext context, Teacher teacher, NDArray point, List<String> prompts) {
    return context.predict(
        teacher, point, context.batch().timesteps(), context.encode(teacher, prompts));
  }

  private static double meanSquare(NDArray a, NDArray b) {
    return a.sub(b).square().mean().getFloat();
  }

  /** e(anchor) - n (e(target) - e(anchor)) of the base model. */
  private static double removal(ObjectiveContext context, NDArray point, double scale) {
    TrainingBatch batch = context.batch();
    NDArray anchor = at(context, Teacher.FROZEN_WEIGHTS, point, batch.anchorPrompts());
    NDArray target = at(context, Teacher.FROZEN_WEIGHTS, point, batch.targetPrompts());
    NDArray aim = anchor.sub(target.sub(anchor).mul((float) scale));
    return meanSquare(at(context, Teacher.CURRENT_WEIGHTS, point, batch.targetPrompts()), aim);
  }

  @Test
  void theTargetLeadsFromTheAnchorAwayFromItself() {
    compare(
        plan(),
        AblationObjective.negativeGuidanceToAnchor(1.5),
        context -> removal(context, context.noised(context.batch()), 1.5));
    // @start region="trajectory"
    Trajectory published = Trajectory.of(4).teacher(Teacher.CURRENT_WEIGHTS).guidance(3);
    // @end
    compare(
        plan(),
        AblationObjective.negativeGuidanceToAnchor(1, published),
        context -> removal(context, published.point(context), 1));
  }

  /** Without a neutral prompt LECO is ESD with n = 2. */
  @Test
  void anEmptyAnchorIsNegativeGuidance() {
    Ablation plan =
        Ablator.of(model)
            .target("zebra")
            .anchor(
                AnchorStrategy.unconditional()
                    .images(4)
                    .sampling(SamplingSettings.defaults().steps(2).batchSize(4)))
            .training(t -> t.steps(3).batchSize(2).learningRate(0.01));
    try (AblationResult leco = plan.objective(AblationObjective.negativeGuidanceToAnchor(1)).run();
        AblationResult esd = plan.objective(AblationObjective.negativeGuidance(2)).run()) {
      for (int i = 0; i < 3; i++) {
        double loss = esd.history().get(i).loss();
        assertThat(leco.history().get(i).loss()).isCloseTo(loss, within(1e-3 * loss));
      }
    }
  }

  /** By Euler's method with classifier-free guidance, computed here in doubles. */
  @Test
  void aWayWithGuidanceFollowsTheFormula() {
    Trajectory way = Trajectory.of(3).guidance(2.5);
    AblationObjective watching =
        AblationObjective.named(
            "watching",
            context -> {
              NDArray found = way.point(context);
              float[] expected = walked(context, 3, 2.5);
              float[] values = found.toFloatArray();
              for (int i = 0; i < values.length; i++) {
                assertThat(values[i]).isCloseTo(expected[i], within(1e-3f));
              }
              assertThat(Trajectory.of(3).point(context).allClose(found)).isFalse();
              return AblationObjective.modelBased().loss(context);
            });
    plan().objective(watching).run().close();
  }

  private static float[] walked(ObjectiveContext context, int steps, double guidance) {
    TrainingBatch batch = context.batch();
    double[] ends = context.schedule().toTimes(batch.timesteps());
    NDArray point = batch.noise();
    for (int step = 0; step < steps; step++) {
      double[] from = new double[ends.length];
      double[] to = new double[ends.length];
      for (int i = 0; i < ends.length; i++) {
        double far = ends[i] - context.schedule().maxTime();
        from[i] = Math.rint(context.schedule().maxTime() + far * step / steps);
        to[i] = Math.rint(context.schedule().maxTime() + far * (step + 1) / steps);
      }
      NDArray times = context.schedule().toArray(from, context.scope());
      float[] with =
          context
              .predict(
                  Teacher.FROZEN_WEIGHTS,
                  point,
                  times,
                  context.encode(Teacher.FROZEN_WEIGHTS, batch.targetPrompts()))
              .toFloatArray();
      float[] without =
          context
              .predict(
                  Teacher.FROZEN_WEIGHTS,
                  point,
                  times,
                  context.encode(Teacher.FROZEN_WEIGHTS, Collections.nCopies(batch.size(), "")))
              .toFloatArray();
      float[] values = point.toFloatArray();
      int width = values.length / ends.length;
      for (int i = 0; i < values.length; i++) {
        int row = i / width;
        double noise = without[i] + guidance * (with[i] - without[i]);
        double alpha = context.schedule().alpha(from[row]);
        double clean = (values[i] - context.schedule().sigma(from[row]) * noise) / alpha;
        values[i] =
            (float)
                (context.schedule().alpha(to[row]) * clean
                    + context.schedule().sigma(to[row]) * noise);
      }
      point = context.scope().create(values, point.getShape());
    }
    return point.toFloatArray();
  }

  @Test
  void randomEmbeddingsAreLikeTheTarget() {
    RandomGenerator random = RandomStreams.stream(3, "test", 0);
    float[] target = {1, -2, 0.5f, 4};
    double length = Math.sqrt(1 + 4 + 0.25 + 16);
    double mean = 0;
    int draws = 4000;
    double shortest = Double.MAX_VALUE;
    double longest = 0;
    for (int i = 0; i < draws; i++) {
      float[] drawn = LatentAnchoring.drawn(target, random);
      double product = 0;
      double squares = 0;
      for (int k = 0; k < target.length; k++) {
        product += drawn[k] * target[k];
        squares += drawn[k] * drawn[k];
      }
      mean += product / (Math.sqrt(squares) * length) / draws;
      shortest = Math.min(shortest, Math.sqrt(squares) / length);
      longest = Math.max(longest, Math.sqrt(squares) / length);
    }
    assertThat(shortest).isBetween(0.8 - 1e-6, 0.81);
    assertThat(longest).isBetween(1.19, 1.2 + 1e-6);
    // A positive cosine c is accepted with 1 - c: in four dimensions, where c > 0 has the mean
    // 2/3pi and c^2 that of 1/8, the mean of the accepted is -(1/8) / (1 - 2/3pi).
    assertThat(mean).isCloseTo(-0.125 / (1 - 2 / (3 * Math.PI)), within(0.03));
  }

  @Test
  void whatIsPredictedForRandomEmbeddingsStays() {
    LatentAnchoring anchoring = LatentAnchoring.published().weight(50).embeddings(5);
    Trajectory way = Trajectory.of(2);
    AblationObjective objective = AblationObjective.semiPermeable(1, way, anchoring);
    compare(
        plan(),
        objective,
        context -> {
          NDArray point = way.point(context);
          Conditioning drawn = anchoring.drawn(context);
          assertThat(drawn.batchSize()).isEqualTo(5);
          double kept = 0;
          for (int i = 0; i < 5; i++) {
            String row = i % 3 + ":" + (i % 3 + 1);
            NDArray here = point.get(row);
            NDArray time = context.batch().timesteps().get(row);
            kept +=
                meanSquare(
                        context.predict(Teacher.CURRENT_WEIGHTS, here, time, drawn.get(i)),
                        context.predict(Teacher.FROZEN_WEIGHTS, here, time, drawn.get(i)))
                    / 5;
          }
          return removal(context, point, 1) + 50 * kept;
        });
    assertThat(objective.name())
        .isEqualTo(
            "negative-guidance(1.0, trajectory of 2 steps, to the anchor)"
                + " + latent anchoring 50.0, 5 embeddings");
  }

  /** The same random embeddings in every run; other ones in every step. */
  @Test
  void aRunRepeats() {
    AblationObjective objective =
        AblationObjective.semiPermeable(1, Trajectory.of(1), LatentAnchoring.published());
    List<List<Float>> seen = new ArrayList<>();
    AblationObjective watching =
        AblationObjective.named(
            "watching",
            context -> {
              List<Float> values = new ArrayList<>();
              for (float value :
                  LatentAnchoring.published().drawn(context).textEmbeddings().toFloatArray()) {
                values.add(value);
              }
              seen.add(values);
              return objective.loss(context);
            });
    List<TrainingResult.Step> first;
    try (AblationResult result = plan().objective(watching).run()) {
      first = result.history();
    }
    try (AblationResult result = plan().objective(watching).run()) {
      assertThat(result.history()).isEqualTo(first);
    }
    assertThat(seen.subList(2, 4)).isEqualTo(seen.subList(0, 2));
    assertThat(seen.get(1)).isNotEqualTo(seen.get(0));
  }

  @Test
  void trainsAnAdapterOfRankOne() {
    // @start region="semi-permeable"
    Trajectory way = Trajectory.of(4).teacher(Teacher.CURRENT_WEIGHTS).guidance(3);
    Ablation plan =
        plan()
            .objective(AblationObjective.semiPermeable(1, way, LatentAnchoring.published()))
            .weights(WeightGroup.attention()) // of Stable Diffusion: transformers()
            .training(t -> t.lora(Lora.rank(1).start(Lora.Start.KAIMING)).learningRate(1e-3));
    // @end
    try (AblationResult result = plan.training(t -> t.steps(40)).run()) {
      List<TrainingResult.Step> history = result.history();
      assertThat(result.delta().isLowRank()).isTrue();
      assertThat(history).allMatch(step -> step.loss() > 0 && step.gradientNorm() > 0);
    }
  }

  /** Prompts, noise and timesteps are all that a loss on a trajectory takes. */
  @Test
  void aLossOnATrajectoryDrawsNoAnchorImage() {
    List<AblationEvent> events = new ArrayList<>();
    List<String> prompts = new ArrayList<>();
    AblationObjective objective = AblationObjective.negativeGuidanceToAnchor(1, Trajectory.of(1));
    AblationObjective watching =
        new AblationObjective() {
          @Override
          public NDArray loss(ObjectiveContext context) {
            prompts.addAll(context.batch().anchorPrompts());
            assertThat(context.batch().latents().abs().max().getFloat()).isZero();
            assertThat(context.batch().mask()).isNull();
            return objective.loss(context);
          }

          @Override
          public String name() {
            return objective.name();
          }

          @Override
          public boolean usesAnchorImages() {
            return objective.usesAnchorImages();
          }
        };
    Ablation plan = plan().objective(watching).training(t -> t.steps(2).batchSize(1));
    assertThat(plan.estimate().anchorImages()).isZero();
    try (AblationResult result = plan.listener(events::add).run()) {
      assertThat(result.provenance().settings())
          .containsEntry("anchor.prompts", "2")
          .doesNotContainKey("anchor.images");
    }
    assertThat(prompts.subList(prompts.size() - 2, prompts.size()))
        .as("every prompt in turn")
        .containsExactlyInAnyOrder("a photo of a cat", "two cats");
    assertThat(events).noneMatch(AblationEvent.AnchorsProgressed.class::isInstance);
    assertThat(AblationObjective.modelBasedOnTrajectory(Teacher.FROZEN_WEIGHTS, 2))
        .returns(false, AblationObjective::usesAnchorImages);
    assertThat(AblationObjective.selfDistillation(0))
        .returns(true, AblationObjective::usesAnchorImages);
    assertThat(objective.plus(AblationObjective.priorPreservation()))
        .returns(true, AblationObjective::usesAnchorImages);
    assertThat(AblationObjective.named("mine", objective).times(2))
        .returns(false, AblationObjective::usesAnchorImages);
  }

  @Test
  void refusesNumbersOutOfRange() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Trajectory.of(0))
        .withMessage("steps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Trajectory.of(1).guidance(0.5))
        .withMessage("guidance must be finite and at least 1, was 0.5");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LatentAnchoring.published().weight(0))
        .withMessage("weight must be positive, was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LatentAnchoring.published().embeddings(0))
        .withMessage("embeddings must be positive, was 0");
  }
}
