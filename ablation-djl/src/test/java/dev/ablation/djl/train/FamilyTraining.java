package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.event.AblationEvent;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.PriorTarget;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.train.BatchSource;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.TrainingPair;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;

/**
 * The training runs of a family of models: losses, gradient norms, first gradients and predictions,
 * final weights; and the latents that the data are made of.
 */
public final class FamilyTraining {
  /** Options of a run that this test understands; a run with another one fails. */
  private static final Set<String> OPTIONS =
      Set.of(
          "loss",
          "group",
          "lr",
          "teacher",
          "timesteps",
          "prior",
          "t5",
          "guidance",
          "mask",
          "detach",
          "steps",
          "trained_tensors",
          "trained_values",
          "after1",
          "slim");

  /** What a run's record holds besides options. */
  private static final Set<String> RESULTS =
      Set.of(
          "losses",
          "instance_losses",
          "prior_losses",
          "grad_norms_before_clipping",
          "losses_float64",
          "grad_norms_float64",
          "f32_vs_f64");

  private static final double LOSS = 1e-4;
  private static final double GRADIENT_NORM = 3e-4;

  private final Opener opener;
  private final double gradientTolerance;
  private final double predictionTolerance;

  /**
   * Creates the tests.
   *
   * @param opener opens the model of a run
   * @param gradientTolerance of gradients
   * @param predictionTolerance of predictions
   */
  public FamilyTraining(Opener opener, double gradientTolerance, double predictionTolerance) {
    this.opener = opener;
    this.gradientTolerance = gradientTolerance;
    this.predictionTolerance = predictionTolerance;
  }

  /** Opens the model of a run. */
  @FunctionalInterface
  public interface Opener {
    /** Opens it, with some options of the run. */
    DiffusionModel open(Family family, JsonObject run, LoadOptions options) throws IOException;
  }

  /** Returns the tests of a family. */
  public Stream<DynamicNode> tests(Family family) {
    JsonObject runs = Golden.object(FlowGolden.path(family.name() + "/training/runs.json"));
    assertThat(runs.keySet()).as("runs of %s", family.name()).isNotEmpty();
    List<DynamicNode> tests = new ArrayList<>();
    tests.add(dynamicTest("latents", () -> checkLatents(family, first(runs))));
    for (String name : runs.keySet()) {
      tests.add(dynamicTest(name, () -> check(family, name, runs.getAsJsonObject(name))));
    }
    return tests.stream();
  }

  private static JsonObject first(JsonObject runs) {
    return runs.getAsJsonObject(runs.keySet().iterator().next());
  }

  private static LoadOptions options(TensorFile data) {
    LoadOptions options = LoadOptions.defaults().device(Golden.device()).threads(1);
    if (data.names().contains("in.timesteps")) {
      return options;
    }
    // The last tokenizer of a family that is trained by flow matching is T5's.
    String ids = data.names().contains("in.input_ids_3") ? "in.input_ids_3" : "in.input_ids_2";
    return options.maxSequenceLength(Math.toIntExact(data.shape(ids).get(2)));
  }

  /** Images of the pool become the latents of the data, and prompts become their token ids. */
  private void checkLatents(Family family, JsonObject run) throws IOException {
    TensorFile file = family.file("training/data");
    try (DiffusionModel model = opener.open(family, run, options(file));
        NDManager scope = model.manager().newSubManager()) {
      LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
      NDArray pool = pool(file, scope);
      Tensor expected = file.tensor("latents");
      long[] index = file.longs("in.image_index");
      int rows = Math.toIntExact(file.shape("in.image_index").get(1));
      NDArray noise = file.array("in.posterior_noise", scope);
      for (int step = 0; step < expected.shape().get(0); step++) {
        NDList images = new NDList();
        for (int row = 0; row < rows; row++) {
          images.add(pool.get(index[step * rows + row] + ":" + (index[step * rows + row] + 1)));
        }
        NDArray batch = NDArrays.concat(images, 0);
        FlowGolden.VAE.check(
            "latents " + step,
            Tensor.of(codec.encode(batch, noise.get(step))),
            expected.item(step));
      }
      checkIds(model, family, file);
    }
  }

  private static NDArray pool(TensorFile file, NDManager scope) throws IOException {
    byte[] bytes = file.bytes("in.image_pool_uint8");
    float[] values = new float[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      values[i] = (bytes[i] & 0xff) / 127.5f - 1;
    }
    return scope
        .create(values, file.shape("in.image_pool_uint8"))
        .transpose(0, 3, 1, 2)
        .duplicate();
  }

  private static void checkIds(DiffusionModel model, Family family, TensorFile file)
      throws IOException {
    PromptTokenizer tokenizer = model.capability(PromptTokenizer.class).orElseThrow();
    JsonArray steps =
        Golden.object(family.data().resolve("training/prompts.json")).getAsJsonArray("steps");
    Map<String, String> kinds =
        Map.of("input", "target_prompts", "anchor", "anchor_prompts", "class", "class_prompts");
    int compared = 0;
    for (Map.Entry<String, String> kind : kinds.entrySet()) {
      for (int encoder = 1; encoder <= 3; encoder++) {
        String suffix = encoder == 1 ? "" : "_" + encoder;
        String tensor = "in." + kind.getKey() + "_ids" + suffix;
        if (!file.names().contains(tensor)) {
          continue;
        }
        List<String> prompts = new ArrayList<>();
        for (JsonElement step : steps) {
          prompts.addAll(Golden.strings(step.getAsJsonObject().get(kind.getValue())));
        }
        long[] ids = file.longs(tensor);
        int length = ids.length / prompts.size();
        for (int i = 0; i < prompts.size(); i++) {
          List<Integer> row = new ArrayList<>();
          for (int at = 0; at < length; at++) {
            row.add(Math.toIntExact(ids[i * length + at]));
          }
          assertThat(row)
              .as("%s of '%s'", tensor, prompts.get(i))
              .containsSequence(tokenizer.tokens(prompts.get(i), "text_encoder" + suffix).ids());
          compared++;
        }
      }
    }
    assertThat(compared).isPositive();
  }

  private void check(Family family, String name, JsonObject options) throws IOException {
    Set<String> unknown = new TreeSet<>(options.keySet());
    unknown.removeAll(OPTIONS);
    unknown.removeAll(RESULTS);
    assertThat(unknown).as("options that this test does not understand").isEmpty();
    TensorFile data = family.file("training/data");
    try (DiffusionModel model = opener.open(family, options, options(data));
        NDManager scope = model.manager().newSubManager();
        SafetensorsFile golden = SafetensorsFile.open(family.file("training/" + name).path())) {
      String before = model.weights().sha256();
      Run run = new Run(family, model, data, options);
      Set<String> compared = new TreeSet<>();
      TrainingResult result = run.train(run.steps, scope);
      compare(result, golden, options, scope, compared);
      Map<String, NDArray> trained = weights(result, model, scope);
      assertThat(trained).hasSize(options.get("trained_tensors").getAsInt());
      assertThat(trained.values().stream().mapToLong(NDArray::size).sum())
          .isEqualTo(options.get("trained_values").getAsLong());
      compareWeights("final.", trained, model, golden, scope, compared);
      if (flag(options, "after1")) {
        compareWeights(
            "after_step1.",
            weights(run.train(1, scope), model, scope),
            model,
            golden,
            scope,
            compared);
      }
      compared.addAll(
          new FirstStepProbe(
                  run.task(scope),
                  run.batchSize,
                  run.detach,
                  gradientTolerance,
                  predictionTolerance)
              .withGradients(!flag(options, "slim"))
              .compare(golden, scope));
      assertThat(compared).as("tensors compared").isEqualTo(golden.tensors().keySet());
      assertThat(model.weights().sha256()).as("the model's own weights").isEqualTo(before);
    }
  }

  private static boolean isFalse(JsonObject options, String key) {
    return options.has(key) && !options.get(key).getAsBoolean();
  }

  private static boolean flag(JsonObject options, String key) {
    return options.has(key) && options.get(key).getAsBoolean();
  }

  private static void compare(
      TrainingResult result,
      SafetensorsFile golden,
      JsonObject options,
      NDManager scope,
      Set<String> compared)
      throws IOException {
    float[] losses = golden.read("loss", scope).toFloatArray();
    float[] norms = golden.read("grad_norm", scope).toFloatArray();
    JsonArray recorded = options.getAsJsonArray("losses");
    assertThat(result.history())
        .hasSize(losses.length)
        .hasSameSizeAs(norms)
        .hasSize(recorded.size());
    for (int i = 0; i < losses.length; i++) {
      assertThat((double) losses[i])
          .isCloseTo(recorded.get(i).getAsDouble(), within(1e-6 * losses[i]));
      assertThat(result.history().get(i).loss())
          .as("loss of step %d", i + 1)
          .isCloseTo(losses[i], within(LOSS * losses[i]));
      assertThat(result.history().get(i).gradientNorm())
          .as("gradient norm of step %d", i + 1)
          .isCloseTo(norms[i], within(GRADIENT_NORM * norms[i]));
    }
    compared.add("loss");
    compared.add("grad_norm");
  }

  private static Map<String, NDArray> weights(
      TrainingResult result, DiffusionModel model, NDManager scope) {
    Map<String, NDArray> weights = new TreeMap<>();
    result
        .changes()
        .forEach(
            (name, change) -> weights.put(name, change.changed(model.weights().get(name), scope)));
    return weights;
  }

  /** Distance to the golden weights, in units of how far they moved. */
  private static void compareWeights(
      String prefix,
      Map<String, NDArray> trained,
      DiffusionModel model,
      SafetensorsFile golden,
      NDManager scope,
      Set<String> compared)
      throws IOException {
    double difference = 0;
    double movement = 0;
    long entries = 0;
    long off = 0;
    for (Map.Entry<String, NDArray> weight : trained.entrySet()) {
      String tensor = prefix + weight.getKey().substring(weight.getKey().indexOf('.') + 1);
      NDArray expected = golden.read(tensor, scope);
      NDArray gap = weight.getValue().sub(expected);
      difference += gap.square().sum().getFloat();
      movement += expected.sub(model.weights().get(weight.getKey())).square().sum().getFloat();
      entries += gap.size();
      off += gap.abs().gt(1e-5f).sum().getLong();
      compared.add(tensor);
    }
    assertThat(Math.sqrt(difference / movement))
        .as("difference of the weights %s in units of their movement", prefix)
        .isLessThan(1e-2);
    assertThat(off / (double) entries)
        .as("share of entries that are off by more than 1e-5")
        .isLessThanOrEqualTo(0.005);
  }

  /** One run: the trainer's task with the batches of the golden data. */
  private static final class Run implements BatchSource {
    final DiffusionModel model;
    final TensorFile data;
    final JsonArray prompts;
    final String timesteps;
    final int steps;
    final int batchSize;
    final double learningRate;
    final boolean masked;
    final boolean detach;
    final AblationObjective objective;
    final WeightGroup group;

    Run(Family family, DiffusionModel model, TensorFile data, JsonObject options) {
      this.model = model;
      this.data = data;
      prompts =
          Golden.object(family.data().resolve("training/prompts.json")).getAsJsonArray("steps");
      timesteps =
          options.has("timesteps")
              ? options.get("timesteps").getAsString() + ".timestep"
              : "in.timesteps";
      masked = !options.has("mask") || flag(options, "mask");
      // Joint attention has no start token.
      detach = data.names().contains("in.timesteps") && !isFalse(options, "detach");
      steps = options.get("steps").getAsInt();
      batchSize = Math.toIntExact(data.shape("in.mask").get(1));
      learningRate = options.get("lr").getAsDouble();
      objective = objective(options);
      group = group(options.get("group").getAsString());
    }

    private static AblationObjective objective(JsonObject options) {
      Teacher teacher =
          switch (options.has("teacher") ? options.get("teacher").getAsString() : "current") {
            case "current" -> Teacher.CURRENT_WEIGHTS;
            case "frozen" -> Teacher.FROZEN_WEIGHTS;
            default -> throw new AssertionError("unknown teacher " + options.get("teacher"));
          };
      AblationObjective loss =
          switch (options.get("loss").getAsString()) {
            case "model" -> AblationObjective.modelBased(teacher);
            case "noise" -> AblationObjective.noiseBased();
            default -> throw new AssertionError("unknown loss " + options.get("loss"));
          };
      return options.has("prior")
          ? loss.plus(
              AblationObjective.priorPreservation(PriorTarget.DENOISING)
                  .times(options.get("prior").getAsDouble()))
          : loss;
    }

    private static WeightGroup group(String name) {
      return switch (name) {
        case "text-kv", "cross-attn" -> WeightGroup.crossAttentionKeyValue();
        case "qkv" ->
            projections(
                name, EnumSet.complementOf(EnumSet.of(Projection.OUTPUT, Projection.OTHER)));
        case "attn" -> WeightGroup.attention();
        default -> throw new AssertionError("unknown group " + name);
      };
    }

    private static WeightGroup projections(String name, Set<Projection> projections) {
      return new WeightGroup(
          name,
          info ->
              info.component().equals("transformer")
                  && info.projection()
                      .filter(of -> projections.contains(of.projection()))
                      .isPresent());
    }

    TrainingResult train(int count, NDManager scope) {
      return GradientTrainer.defaults()
          .steps(count)
          .batchSize(batchSize)
          .learningRate(learningRate)
          .stopStartToken(detach)
          .train(task(scope));
    }

    TrainingTask task(NDManager scope) {
      return new TrainingTask() {
        @Override
        public DiffusionModel model() {
          return model;
        }

        @Override
        public List<TrainingPair> pairs() {
          throw new UnsupportedOperationException("gradients are of batches");
        }

        @Override
        public AblationObjective objective() {
          return objective;
        }

        @Override
        public List<WeightInfo> weights() {
          return group.select(model.weights());
        }

        @Override
        public Map<String, Set<Integer>> rows() {
          return Map.of();
        }

        @Override
        public BatchSource batches() {
          return Run.this;
        }

        @Override
        public NDManager resultScope() {
          return scope;
        }

        @Override
        public void checkCancelled() {}

        @Override
        public void emit(AblationEvent event) {}
      };
    }

    @Override
    public TrainingBatch batch(int step, int size, NDManager scope) {
      return read(step, 0, size, "target_prompts", "anchor_prompts", scope);
    }

    @Override
    public Optional<TrainingBatch> priorBatch(int step, int size, NDManager scope) {
      return Optional.of(read(step, size, size, "class_prompts", "class_prompts", scope));
    }

    private TrainingBatch read(
        int step, int first, int size, String targets, String anchors, NDManager scope) {
      try {
        NDArray mask = masked && first == 0 ? rows("in.mask", step, 0, size, scope) : null;
        return new TrainingBatch(
                rows("latents", step, first, size, scope),
                rows("in.noise", step, first, size, scope),
                rows(timesteps, step, first, size, scope),
                words(step, anchors),
                words(step, targets))
            .mask(mask)
            .conditions(
                data.names().contains("in.time_ids")
                    ? Map.of(Conditioning.TIME_IDS, rows("in.time_ids", step, first, size, scope))
                    : Map.of());
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    private NDArray rows(String name, int step, int first, int size, NDManager scope)
        throws IOException {
      return data.array(name, scope).get(step - 1).get(first + ":" + (first + size)).duplicate();
    }

    private List<String> words(int step, String key) {
      List<String> words = Golden.strings(prompts.get(step - 1).getAsJsonObject().get(key));
      assertThat(words).as("%s of step %d", key, step).hasSize(batchSize);
      return words;
    }
  }
}
