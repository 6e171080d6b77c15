package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentSize;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.PriorTarget;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.FlowMatchEuler;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingDefaults;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyFlow;
import dev.ablation.train.TrainingResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A rectified flow with pooled conditions is drawn from and ablated as any other model. */
class FlowAblationTest {
  private static final List<String> ANCHORS = List.of("a photo of a cat", "two cats");
  private static final List<String> TARGETS = List.of("a photo of a grumpy cat", "two grumpy cats");

  private final TinyFlow model = TinyFlow.open(3);

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    GeneratedAnchors cats = AnchorStrategy.generated("cat", ANCHORS).images(6);
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(cats)
        .training(t -> t.steps(80).batchSize(4).learningRate(0.02));
  }

  // Timesteps and trajectories

  @Test
  void timestepsFollowThePlan() {
    Map<String, double[]> sigmas = new LinkedHashMap<>();
    for (TimestepSampling sampling :
        List.of(
            TimestepSampling.uniform(),
            TimestepSampling.logitNormal(1, 0.2),
            TimestepSampling.mode(1.29))) {
      List<Double> drawn = new ArrayList<>();
      plan()
          .timestepSampling(sampling)
          .training(t -> t.steps(40))
          .objective(
              AblationObjective.named(
                  "looking",
                  context -> {
                    for (double t : context.schedule().toTimes(context.batch().timesteps())) {
                      drawn.add(context.schedule().sigma(t));
                    }
                    return AblationObjective.modelBased().loss(context);
                  }))
          .run()
          .close();
      sigmas.put(sampling.name(), drawn.stream().mapToDouble(d -> d).toArray());
    }
    double[] uniform = sigmas.get("uniform");
    double[] logit = sigmas.get("logit_normal(mean=1.0, deviation=0.2)");
    double[] mode = sigmas.get("mode(scale=1.29)");
    // The share sigmoid(1 + 0.2 z) is about 0.73 of the way from the noise.
    assertThat(spread(logit)).isLessThan(spread(uniform) / 2);
    assertThat(spread(mode)).isLessThan(spread(uniform));
  }

  private static double spread(double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    return Math.sqrt(
        Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElseThrow());
  }

  /** The points of the loss are those of the sampler's own way to the target. */
  @ParameterizedTest
  @EnumSource(names = {"CURRENT_WEIGHTS", "FROZEN_WEIGHTS"})
  void theTrajectoryIsThatOfTheTarget(Teacher teacher) {
    List<Double> losses = new ArrayList<>();
    List<Double> byHand = new ArrayList<>();
    int steps = 3;
    AblationObjective trajectory = AblationObjective.modelBasedOnTrajectory(teacher, steps);
    AblationObjective compared =
        AblationObjective.named(
            "compared",
            context -> {
              NDArray loss = trajectory.loss(context);
              losses.add((double) loss.getFloat());
              TrainingBatch batch = context.batch();
              double[] ends = context.schedule().toTimes(batch.timesteps());
              Conditioning target = context.encode(Teacher.FROZEN_WEIGHTS, batch.targetPrompts());
              NDArray x = batch.noise();
              for (int k = 0; k < steps; k++) {
                float[] now = new float[ends.length];
                float[] move = new float[ends.length];
                for (int i = 0; i < now.length; i++) {
                  now[i] = (float) (1000 + (ends[i] - 1000) * k / steps);
                  move[i] = (float) ((ends[i] - 1000) / steps / 1000);
                }
                // Euler on a straight flow: x moves by the velocity times the change of sigma.
                NDArray velocity =
                    context.predict(Teacher.FROZEN_WEIGHTS, x, context.scope().create(now), target);
                x =
                    x.add(
                        velocity.mul(context.scope().create(move, new Shape(now.length, 1, 1, 1))));
              }
              NDArray aim =
                  context.predict(
                      teacher,
                      x,
                      batch.timesteps(),
                      context.encode(teacher, batch.anchorPrompts()));
              NDArray prediction =
                  context.predict(
                      Teacher.CURRENT_WEIGHTS,
                      x,
                      batch.timesteps(),
                      context.encode(Teacher.CURRENT_WEIGHTS, batch.targetPrompts()));
              byHand.add((double) Losses.masked(prediction, aim, batch.mask()).getFloat());
              return loss;
            });
    try (AblationResult result = plan().training(t -> t.steps(4)).objective(compared).run()) {
      assertThat(result.history()).hasSize(4);
    }
    for (int i = 0; i < losses.size(); i++) {
      assertThat(losses.get(i)).isCloseTo(byHand.get(i), Offset.offset(1e-4 * byHand.get(i)));
    }
    try (AblationResult result = plan().objective(trajectory).run()) {
      List<TrainingResult.Step> history = result.history();
      double first = history.subList(0, 10).stream().mapToDouble(s -> s.loss()).sum();
      double last = history.subList(70, 80).stream().mapToDouble(s -> s.loss()).sum();
      // The weights under training are a teacher that moves.
      assertThat(last).isLessThan((teacher == Teacher.FROZEN_WEIGHTS ? 0.9 : 0.99) * first);
      assertThat(result.provenance().settings()).containsEntry("objective", trajectory.name());
    }
    assertThat(trajectory.name()).startsWith("model-based(trajectory of 3 steps");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AblationObjective.modelBasedOnTrajectory(teacher, 0))
        .withMessage("steps must be positive, was 0");
  }

  /** What is predicted for the target moves to what the formula says, on its own way too. */
  @Test
  void negativeGuidanceLeadsAwayFromTheTarget() {
    for (AblationObjective objective :
        List.of(
            AblationObjective.negativeGuidance(1.5),
            AblationObjective.negativeGuidanceFromAnchor(1.5),
            AblationObjective.negativeGuidanceOnTrajectory(1.5, 2))) {
      try (AblationResult result = plan().objective(objective).run()) {
        List<TrainingResult.Step> history = result.history();
        double first = history.subList(0, 10).stream().mapToDouble(s -> s.loss()).sum();
        double last = history.subList(70, 80).stream().mapToDouble(s -> s.loss()).sum();
        assertThat(last).as(objective.name()).isLessThan(0.9 * first);
        assertThat(result.provenance().settings()).containsEntry("objective", objective.name());
      }
    }
    assertThat(AblationObjective.negativeGuidanceOnTrajectory(2, 5).name())
        .isEqualTo("negative-guidance(2.0, trajectory of 5 steps)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AblationObjective.negativeGuidance(0))
        .withMessage("scale must be positive, was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AblationObjective.negativeGuidanceOnTrajectory(2, 0))
        .withMessage("steps must be positive, was 0");
  }

  /** Its teacher moves too, so that the first loss alone says something. */
  @Test
  void selfDistillationLeadsToTheEmptyPrompt() {
    try (AblationResult distilled = plan().objective(AblationObjective.selfDistillation(0)).run();
        AblationResult guided = plan().objective(AblationObjective.negativeGuidance(1)).run();
        AblationResult drawn = plan().objective(AblationObjective.selfDistillation(2)).run()) {
      double loss = distilled.history().get(0).loss();
      assertThat(loss)
          .as("that of negative guidance with scale 1")
          .isCloseTo(guided.history().get(0).loss(), within(1e-5));
      assertThat(drawn.history().get(0).loss()).isPositive().isNotEqualTo(loss);
    }
    assertThat(AblationObjective.selfDistillation(2).name())
        .isEqualTo("self-distillation(trajectory of 2 steps)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AblationObjective.selfDistillation(-1))
        .withMessage("steps must not be negative, was -1");
  }

  // Drawing

  @Test
  void isDrawnByEulerAlongTheFlowUnlessAnotherIsChosen() {
    LatentSampler sampler = LatentSampler.of(model);
    assertThat(sampler.settings().sampler()).isEqualTo(Sampler.flowMatchEuler());
    NDArray latents = sampler.sample(TARGETS, 5, model.manager());
    assertThat(latents.getShape()).isEqualTo(new Shape(2, 3, 4, 6));
    assertThat(latents.toFloatArray()).isNotEmpty();
    for (float value : latents.toFloatArray()) {
      assertThat(value).isFinite();
    }
    NDArray alone = sampler.sample(TARGETS.subList(1, 2), 6, model.manager());
    assertThat(alone.allClose(latents.get("1:"))).isTrue();
  }

  @Test
  void aModelCanBringItsPublishersSettings() {
    SamplingSettings published = new SamplingSettings(Sampler.ddim(), 7, 2, "", 3);
    try (TinyDiffusion other = TinyDiffusion.open(1)) {
      assertThat(LatentSampler.of(other).settings()).isEqualTo(SamplingSettings.defaults());
      other.with(SamplingDefaults.class, () -> published);
      assertThat(LatentSampler.of(other).settings()).isEqualTo(published);
      assertThat(SamplingSettings.defaults().compatibleWith(other))
          .as("what the model can draw with stays")
          .isEqualTo(SamplingSettings.defaults());
    }
    SamplingSettings suited =
        SamplingSettings.defaults().negativePrompt("dog").compatibleWith(model);
    assertThat(suited).isEqualTo(SamplingSettings.defaultsFor(model).negativePrompt("dog"));
  }

  @Test
  void theNetworkSeesFloatTimesOfTheSchedule() {
    SamplingSettings settings = SamplingSettings.defaultsFor(model).steps(3);
    NDArray timesteps = model.schedule().toArray(new double[] {1000, 1000}, model.manager());
    assertThat(timesteps.getDataType()).isEqualTo(DataType.FLOAT32);
    NDArray drawn = LatentSampler.of(model).settings(settings).sample(TARGETS, 5, model.manager());
    NDArray other =
        LatentSampler.of(model)
            .settings(settings.sampler(((FlowMatchEuler) settings.sampler()).terminal(0.5)))
            .sample(TARGETS, 5, model.manager());
    assertThat(other.allClose(drawn)).isFalse();
  }

  @Test
  void theSizeOfTheImageReachesTheConditions() {
    Conditioning small = model.encode(ANCHORS, new LatentSize(2, 2), model.manager());
    assertThat(small.get(Conditioning.TIME_IDS).toFloatArray())
        .isNotEqualTo(
            model.encode(ANCHORS, model.manager()).get(Conditioning.TIME_IDS).toFloatArray());
    NDArray drawn = LatentSampler.of(model).latentSize(2, 8).sample(ANCHORS, 1, model.manager());
    assertThat(drawn.getShape()).isEqualTo(new Shape(2, 3, 2, 8));
  }

  @Test
  void embeddedGuidanceIsAConditionOfTheNetwork() {
    SamplingSettings settings = SamplingSettings.defaultsFor(model).steps(3);
    float[] none = draw(settings.guidance(Guidance.none()));
    assertThat(draw(settings.guidance(Guidance.embedded(3.5)))).isNotEqualTo(none);
    assertThat(draw(settings.guidance(Guidance.classifierFree(1)))).isEqualTo(none);
    assertThat(draw(settings.guidance(Guidance.classifierFree(4)))).isNotEqualTo(none);
    try (TinyDiffusion without = TinyDiffusion.open(1)) {
      SamplingSettings given = SamplingSettings.defaults().guidance(Guidance.embedded(3.5));
      LatentSampler sampler = LatentSampler.of(without).settings(given);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> sampler.sample(ANCHORS, 1, without.manager()))
          .withMessage("conditioning: the network does not take [guidance]; it takes [text]");
    }
  }

  private float[] draw(SamplingSettings settings) {
    return LatentSampler.of(model)
        .settings(settings)
        .sample(TARGETS, 5, model.manager())
        .toFloatArray();
  }

  @Test
  void aSamplerOfDiscreteTimestepsIsRefused() {
    LatentSampler sampler = LatentSampler.of(model).settings(SamplingSettings.defaults());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.sample(ANCHORS, 1, model.manager()))
        .withMessageContaining("dpm-solver++ does not work with the model's schedule")
        .withMessageContaining("rectified_flow")
        .withMessageContaining("flow-match-euler");
  }

  // Ablating

  /** Mean squared distance of the target's prediction from the anchor's before the run. */
  private double distance(Map<String, NDArray> anchors) {
    double sum = 0;
    try (NDManager scope = model.manager().newSubManager()) {
      for (Map.Entry<String, NDArray> anchor : anchors.entrySet()) {
        double time = Double.parseDouble(anchor.getKey());
        sum += predict(TARGETS, time, scope).sub(anchor.getValue()).square().mean().getFloat();
      }
    }
    return sum / anchors.size();
  }

  private NDArray predict(List<String> prompts, double time, NDManager scope) {
    Shape shape = new Shape(2, 3, 4, 6);
    NDArray noised = RandomStreams.gaussian(scope, shape, RandomStreams.stream(8, "noised", 0));
    NDArray timesteps = model.schedule().toArray(new double[] {time, time}, scope);
    return model.predict(noised, timesteps, model.encode(prompts, scope));
  }

  @Test
  void theTargetIsDrawnAsTheAnchorAfterwards() {
    Map<String, NDArray> anchors =
        Map.of(
            "100", predict(ANCHORS, 100, model.manager()),
            "600", predict(ANCHORS, 600, model.manager()),
            "950", predict(ANCHORS, 950, model.manager()));
    double before = distance(anchors);
    try (AblationResult result =
        plan()
            .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
            .weights(WeightGroup.denoiser())
            .run()) {
      assertThat(mean(result.history(), 60, 80)).isLessThan(0.3 * mean(result.history(), 0, 10));
      double after = result.delta().applied(model, () -> distance(anchors));
      assertThat(after).isLessThan(0.3 * before);
      assertThat(result.provenance().settings())
          .hasEntrySatisfying(
              "anchor.sampler", sampler -> assertThat(sampler).startsWith("flow-match-euler"));
    }
  }

  private static double mean(List<TrainingResult.Step> history, int from, int to) {
    return history.subList(from, to).stream()
        .mapToDouble(TrainingResult.Step::loss)
        .average()
        .orElseThrow();
  }

  @Test
  void aPlanWithDefaultsRunsAndCanBeEstimated() {
    Ablation plan = plan().training(t -> t.steps(3).batchSize(2));
    assertThat(plan.estimate().problems()).isEmpty();
    try (AblationResult result = plan.run()) {
      assertThat(result.history()).hasSize(3).allMatch(step -> step.loss() > 0);
      assertThat(result.delta().names()).allMatch(name -> name.matches("network.(key|value)"));
    }
  }

  static List<AblationObjective> objectives() {
    return List.of(
        AblationObjective.modelBased(),
        AblationObjective.noiseBased(),
        AblationObjective.noiseBased(TimestepWeighting.inverseSnr(0.1)),
        AblationObjective.modelBased().plus(AblationObjective.priorPreservation()),
        AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)
            .plus(AblationObjective.maskedPriorPreservation().times(0.2)),
        AblationObjective.noiseBased()
            .plus(AblationObjective.priorPreservation(PriorTarget.DENOISING)));
  }

  @ParameterizedTest
  @MethodSource("objectives")
  void everyObjectiveTrainsOnVelocities(AblationObjective objective) {
    try (AblationResult result =
        plan().training(t -> t.steps(3).batchSize(2)).objective(objective).run()) {
      assertThat(result.history()).allMatch(step -> step.loss() > 0 && step.gradientNorm() > 0);
    }
  }

  /** On a flow the prior is trained towards the velocity, which is not the noise. */
  @Test
  void thePriorOfAFlowIsItsVelocity() {
    List<double[]> seen = new ArrayList<>();
    AblationObjective prior = AblationObjective.priorPreservation();
    AblationObjective compared =
        new AblationObjective() {
          @Override
          public NDArray loss(ObjectiveContext context) {
            TrainingBatch batch = context.priorBatch().orElseThrow();
            NDArray velocity = batch.noise().sub(batch.latents());
            NDArray prediction =
                context.predict(Teacher.CURRENT_WEIGHTS, batch, batch.anchorPrompts());
            seen.add(
                new double[] {
                  prior.loss(context).getFloat(),
                  prediction.sub(velocity).square().mean().getFloat(),
                  AblationObjective.priorPreservation(PriorTarget.NOISE).loss(context).getFloat()
                });
            return prior.loss(context);
          }

          @Override
          public String name() {
            return "compared";
          }

          @Override
          public boolean usesPriorBatch() {
            return true;
          }
        };
    plan().training(t -> t.steps(3).batchSize(2)).objective(compared).run().close();
    assertThat(seen).hasSize(3);
    for (double[] losses : seen) {
      assertThat(losses[0]).isCloseTo(losses[1], Offset.offset(1e-5 * losses[1]));
      assertThat(losses[2]).isNotCloseTo(losses[1], Offset.offset(0.01 * losses[1]));
    }
  }

  @Test
  void anObjectiveSeesTimesAndTargetsOfTheFlow() {
    List<float[]> times = new ArrayList<>();
    AblationObjective watching =
        AblationObjective.named(
            "watching",
            context -> {
              NDArray velocity = Losses.denoisingTarget(context, context.batch());
              assertThat(velocity.toFloatArray())
                  .containsExactly(
                      context.batch().noise().sub(context.batch().latents()).toFloatArray());
              times.add(context.batch().timesteps().toFloatArray());
              return AblationObjective.modelBased().loss(context);
            });
    plan().training(t -> t.steps(4).batchSize(5)).objective(watching).run().close();
    NoiseSchedule schedule = model.schedule();
    assertThat(times).hasSize(4);
    for (float[] batch : times) {
      assertThat(batch).hasSize(5);
      for (float time : batch) {
        assertThat((double) time).isBetween(schedule.minTime(), schedule.maxTime());
      }
    }
  }
}
