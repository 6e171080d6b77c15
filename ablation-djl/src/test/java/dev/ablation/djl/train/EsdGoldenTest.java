package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.GoldenModels;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.AdamW;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Golden part F, ESD: predictions, loss, gradients and one step of Adam in each case. */
class EsdGoldenTest {
  private static final String BASE = "tiny-sd1";
  private static final String UNET = "unet.";
  private static final Tolerance LOSS = Tolerance.relL2(1e-4);

  /**
   * Adam's first step moves each weight by the rate whatever its gradient; one of the size of
   * rounding decides the sign.
   */
  private static final double STEP = 1e-5;

  @TestFactory
  Stream<DynamicNode> cases() throws IOException {
    TensorFile file = TensorFile.of(Golden.path("F_uce_esd/esd.safetensors"));
    JsonObject cases = Golden.object(Golden.path("F_uce_esd/esd.json"));
    TensorTests tests = new TensorTests(file);
    List<DynamicTest> groups;
    Pipeline pipeline = new Pipeline(BASE, Golden.path("pipelines").resolve(BASE));
    try (StableDiffusion model = GoldenModels.load(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      for (Map.Entry<String, JsonElement> entry : cases.entrySet()) {
        new Case(entry.getKey() + ".", entry.getValue().getAsJsonObject(), file)
            .addTo(tests, model, scope);
      }
      groups = groups(cases, model);
    }
    return Stream.concat(groups.stream(), tests.stream());
  }

  /** The groups choose the weights that the published code trains. */
  private static List<DynamicTest> groups(JsonObject cases, StableDiffusion model) {
    Map<String, WeightGroup> groups =
        Map.of(
            "esd-x", WeightGroup.crossAttention(),
            "esd-x-strict", WeightGroup.crossAttentionKeyValue(),
            "esd-u", WeightGroup.outsideCrossAttention());
    List<DynamicTest> tests = new ArrayList<>();
    for (Map.Entry<String, JsonElement> entry : cases.entrySet()) {
      JsonObject json = entry.getValue().getAsJsonObject();
      WeightGroup group = groups.get(json.get("train_method").getAsString());
      JsonElement names = json.get("parameter_names");
      if (group != null && names.isJsonPrimitive()) { // so many that they are counted only
        int count = group.select(model.weights()).size();
        tests.add(
            dynamicTest(
                entry.getKey() + " number of weights",
                () -> assertThat(count).isEqualTo(names.getAsInt())));
      }
      if (group != null && names.isJsonArray()) {
        List<String> chosen =
            group.select(model.weights()).stream()
                .map(info -> info.name().substring(UNET.length()))
                .toList();
        tests.add(
            dynamicTest(
                entry.getKey() + " weights",
                () ->
                    assertThat(chosen).containsExactlyInAnyOrderElementsOf(Golden.strings(names))));
      }
    }
    return tests;
  }

  private record Case(String prefix, JsonObject json, TensorFile file) {
    void addTo(TensorTests tests, StableDiffusion model, NDManager scope) throws IOException {
      String erased = json.get("erase_concept").getAsString();
      JsonElement wider = json.get("erase_from");
      String changed = wider.isJsonNull() ? erased : wider.getAsString();
      double scale = json.get("negative_guidance").getAsDouble();
      AblationObjective objective =
          wider.isJsonNull()
              ? AblationObjective.negativeGuidance(scale)
              : AblationObjective.negativeGuidanceFromAnchor(scale);
      List<String> names = ends("grad.");
      List<String> weights = names.stream().map(name -> UNET + name).toList();
      NDArray point = file.array(prefix + "xt", scope);
      NDArray time = scope.create(new long[] {json.get("timestep").getAsLong()});
      TrainingBatch batch =
          new TrainingBatch(point, point.zerosLike(), time, List.of(changed), List.of(erased));
      tests.inputs(prefix + "xt");
      checkSelfDistillation(erased, batch, model, scope);
      try (TrainingSession session =
          model
              .capability(Differentiable.class)
              .orElseThrow()
              .train(weights, new GradientOptions(false))) {
        At context = new At(model, session, batch, scope);
        Gradients gradients = session.gradients(() -> objective.loss(context), scope);
        float loss = (float) gradients.loss();
        tests.compare(prefix + "loss", LOSS, () -> new Tensor(new Shape(1), new float[] {loss}));
        Map<String, Tensor> seen = context.seen;
        tests.compare(prefix + "pred_erase", Tolerance.UNET, () -> seen.get(erased));
        tests.compare(prefix + "pred_null", Tolerance.UNET, () -> seen.get(""));
        tests.compare(prefix + "pred_from", Tolerance.UNET, () -> seen.get(changed));
        tests.compare(prefix + "pred_esd", Tolerance.UNET, () -> seen.get(At.TRAINED));
        tests.leaveOut(prefix + "target", "the loss and its gradients follow from it");
        for (int i = 0; i < names.size(); i++) {
          Tensor gradient = Tensor.of(gradients.values().get(i));
          tests.compare(prefix + "grad." + names.get(i), Tolerance.GRADIENT, () -> gradient);
        }
        Optimizer optimizer = session.optimizer(new AdamW(0.9, 0.999, 1e-8, 0));
        double rate = json.get("lr").getAsDouble();
        optimizer.step(gradients.values(), rate, Double.POSITIVE_INFINITY);
        for (String name : ends("after_step.")) {
          Tensor weight = Tensor.of(session.weights().get(names.indexOf(name)));
          tests.compare(prefix + "after_step." + name, Tolerance.maxAbs(STEP), () -> weight);
        }
      }
    }

    /** Before the first step its student is the frozen model, whose predictions are known. */
    private void checkSelfDistillation(
        String erased, TrainingBatch batch, StableDiffusion model, NDManager scope)
        throws IOException {
      TrainingBatch own =
          new TrainingBatch(
              batch.latents(), batch.noise(), batch.timesteps(), List.of(erased), List.of(erased));
      double expected;
      try (NDArray conditional = file.array(prefix + "pred_erase", scope);
          NDArray empty = file.array(prefix + "pred_null", scope)) {
        expected = conditional.sub(empty).square().mean().getFloat();
      }
      try (TrainingSession session =
          model
              .capability(Differentiable.class)
              .orElseThrow()
              .train(
                  ends("grad.").stream().map(name -> UNET + name).toList(),
                  new GradientOptions(false))) {
        Gradients gradients =
            session.gradients(
                () ->
                    AblationObjective.selfDistillation(0).loss(new At(model, session, own, scope)),
                scope);
        assertThat(gradients.loss()).isCloseTo(expected, withinPercentage(0.1));
      }
    }

    private List<String> ends(String kind) {
      return file.names().stream()
          .filter(name -> name.startsWith(prefix + kind))
          .map(name -> name.substring(prefix.length() + kind.length()))
          .toList();
    }
  }

  /** A step at given noised latents, which keeps the predictions by their prompts. */
  private static final class At extends StepContext {
    static final String TRAINED = "of the trained weights";

    private final Map<Conditioning, String> prompts = new HashMap<>();
    private final Map<String, Tensor> seen = new HashMap<>();

    At(StableDiffusion model, TrainingSession session, TrainingBatch batch, NDManager scope) {
      super(model, session, batch, Optional.empty(), scope);
    }

    @Override
    public NDArray noised(TrainingBatch of) {
      return of.latents();
    }

    @Override
    public Conditioning encode(List<String> texts) {
      return encode(Teacher.CURRENT_WEIGHTS, texts);
    }

    @Override
    public Conditioning encode(Teacher teacher, List<String> texts) {
      Conditioning encoded = session.withoutGradients(() -> model.encode(texts, scope));
      prompts.put(encoded, texts.get(0));
      return encoded;
    }

    @Override
    public NDArray predict(NDArray noised, NDArray timesteps, Conditioning conditioning) {
      NDArray prediction = super.predict(noised, timesteps, conditioning);
      seen.put(TRAINED, Tensor.of(prediction));
      return prediction;
    }

    @Override
    public NDArray predict(
        Teacher teacher, NDArray noised, NDArray timesteps, Conditioning conditioning) {
      NDArray prediction =
          session.withBaseWeights(() -> model.predict(noised, timesteps, conditioning));
      seen.put(prompt(conditioning), Tensor.of(prediction));
      return prediction;
    }

    private String prompt(Conditioning conditioning) {
      return prompts.entrySet().stream()
          .filter(entry -> entry.getKey().textEmbeddings() == conditioning.textEmbeddings())
          .map(Map.Entry::getValue)
          .findFirst()
          .orElseThrow();
    }
  }
}
