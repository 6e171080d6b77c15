package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.PriorTarget;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.train.BatchSource;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.TrainingPair;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every training run of the golden data that the library can make: losses, gradient norms, first
 * gradients and predictions, final weights.
 */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TrainingGoldenTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));

  private static final String AFTER_ONE = "after_step1.";

  /** Options of a run that this test understands; a run with another one fails. */
  private static final Set<String> OPTIONS =
      Set.of(
          "loss",
          "group",
          "lr",
          "prior",
          "mask",
          "detach",
          "steps",
          "batch_size",
          "prediction_type",
          "ids",
          "quirk",
          "rows_with_gradient",
          "trained_tensors");

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

  private final Map<String, Pipeline> pipelines = new TreeMap<>();

  @AfterAll
  void close() throws IOException {
    for (Pipeline pipeline : pipelines.values()) {
      pipeline.close();
    }
  }

  @TestFactory
  Stream<DynamicNode> runs() throws IOException {
    List<DynamicNode> nodes = new ArrayList<>();
    try (Stream<Path> folders = Files.list(GOLDEN.resolve("E_training"))) {
      for (Path folder : folders.filter(Files::isDirectory).sorted().toList()) {
        nodes.add(dynamicContainer(folder.getFileName().toString(), testsOf(folder)));
      }
    }
    assertThat(nodes).as("pipelines with training runs in %s", GOLDEN).isNotEmpty();
    return nodes.stream();
  }

  private List<DynamicTest> testsOf(Path folder) throws IOException {
    JsonObject runs = json(folder.resolve("runs.json"));
    List<DynamicTest> tests = new ArrayList<>();
    for (String name : runs.keySet()) {
      JsonObject options = runs.getAsJsonObject(name);
      tests.add(dynamicTest(name, () -> check(pipeline(folder), name, options)));
      if (options.get("group").getAsString().equals("embedding")) {
        tests.add(
            dynamicTest(
                name + ", other rows kept", () -> otherRowsStay(pipeline(folder), options)));
      }
    }
    assertThat(tests).as("runs of %s", folder).isNotEmpty();
    return tests;
  }

  private Pipeline pipeline(Path folder) throws IOException {
    String name = folder.getFileName().toString();
    Pipeline known = pipelines.get(name);
    if (known == null) {
      known = new Pipeline(folder, GOLDEN.resolve("pipelines").resolve(name));
      pipelines.put(name, known);
    }
    return known;
  }

  private static void check(Pipeline pipeline, String name, JsonObject options) throws IOException {
    Set<String> unknown = new TreeSet<>(options.keySet());
    unknown.removeAll(OPTIONS);
    unknown.removeAll(RESULTS);
    assertThat(unknown).as("options that this test does not understand").isEmpty();

    Run run = new Run(pipeline, options);
    boolean full = options.get("group").getAsString().equals("full-weight");
    double tolerance = full ? 1e-3 : 1e-4;
    String before = pipeline.model.weights().sha256();
    try (NDManager scope = pipeline.model.manager().newSubManager();
        SafetensorsFile golden =
            SafetensorsFile.open(pipeline.folder.resolve(name + ".safetensors"))) {
      Set<String> compared = new TreeSet<>();
      TrainingResult result = run.train(run.steps, scope);
      double[] losses = doubles(options, "losses");
      double[] norms = doubles(options, "grad_norms_before_clipping");
      assertThat(result.history()).hasSize(losses.length).hasSize(norms.length);
      for (int i = 0; i < losses.length; i++) {
        assertThat(result.history().get(i).loss())
            .as("loss of step %d", i + 1)
            .isCloseTo(losses[i], within(tolerance * losses[i]));
        assertThat(result.history().get(i).gradientNorm())
            .as("gradient norm of step %d", i + 1)
            .isCloseTo(norms[i], within(tolerance * norms[i]));
      }
      assertThat(run.events).hasSize(losses.length);
      compareVector(golden, "loss", losses, tolerance, scope, compared);
      compareVector(golden, "grad_norm", norms, tolerance, scope, compared);

      Map<String, NDArray> trained = weights(result, pipeline, scope);
      assertThat(trained).hasSize(options.get("trained_tensors").getAsInt());
      FinalWeights weights = new FinalWeights(pipeline, golden, run.learningRate, scope);
      trained.forEach(weights::compare);
      weights.check();
      compared.addAll(weights.compared);

      if (golden.tensors().keySet().stream().anyMatch(t -> t.startsWith("step0."))) {
        compared.addAll(
            new FirstStepProbe(run.task(scope), run.batchSize, run.detach).compare(golden, scope));
      }
      List<String> afterOne =
          golden.tensors().keySet().stream().filter(t -> t.startsWith(AFTER_ONE)).toList();
      if (!afterOne.isEmpty()) {
        FinalWeights once = new FinalWeights(pipeline, golden, run.learningRate, scope);
        Map<String, NDArray> one = weights(run.train(1, scope), pipeline, scope);
        for (String tensor : afterOne) {
          String weight = pipeline.weightName(tensor.substring(AFTER_ONE.length()));
          NDArray mine = one.get(weight);
          assertThat(mine).as(tensor).isNotNull();
          once.add(tensor, mine, pipeline.model.weights().get(weight));
        }
        once.check();
        compared.addAll(once.compared);
      }
      assertThat(compared).as("tensors compared").isEqualTo(golden.tensors().keySet());
    }
    assertThat(pipeline.model.weights().sha256()).as("the model's own weights").isEqualTo(before);
  }

  /** What the library does unless told to reproduce the reference: other rows do not change. */
  private static void otherRowsStay(Pipeline pipeline, JsonObject options) {
    Run run = new Run(pipeline, options);
    try (NDManager scope = pipeline.model.manager().newSubManager()) {
      // A wrong row would change at the first step.
      TrainingResult result = run.trainer(Math.min(2, run.steps)).train(run.task(scope));
      Map.Entry<String, NDArray> trained =
          weights(result, pipeline, scope).entrySet().iterator().next();
      NDArray base = pipeline.model.weights().get(trained.getKey());
      int width = Math.toIntExact(base.getShape().get(1));
      float[] before = base.toFloatArray();
      float[] after = trained.getValue().toFloatArray();
      Set<Integer> changed = new TreeSet<>();
      for (int i = 0; i < before.length; i++) {
        if (Float.floatToRawIntBits(before[i]) != Float.floatToRawIntBits(after[i])) {
          changed.add(i / width);
        }
      }
      assertThat(changed).as("rows that changed").isEqualTo(run.rows);
    }
  }

  /** The weights after training. */
  private static Map<String, NDArray> weights(
      TrainingResult result, Pipeline pipeline, NDManager scope) {
    Map<String, NDArray> weights = new TreeMap<>();
    result
        .changes()
        .forEach((name, change) ->
            weights.put(name, change.changed(pipeline.model.weights().get(name), scope)));
    return weights;
  }

  private static void compareVector(
      SafetensorsFile golden,
      String name,
      double[] expected,
      double tolerance,
      NDManager scope,
      Set<String> compared)
      throws IOException {
    float[] values = golden.read(name, scope).toFloatArray();
    assertThat(values).hasSize(expected.length);
    for (int i = 0; i < values.length; i++) {
      assertThat((double) values[i]).isCloseTo(expected[i], within(tolerance * expected[i]));
    }
    compared.add(name);
  }

  private static double[] doubles(JsonObject json, String key) {
    JsonArray array = json.getAsJsonArray(key);
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).getAsDouble();
    }
    return values;
  }

  private static JsonObject json(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  private static double norm(NDArray a) {
    return Math.sqrt(a.square().sum().getFloat());
  }

  /** A model, its data and the prompts in words. */
  private static final class Pipeline implements AutoCloseable {
    final Path folder;
    final StableDiffusion model;
    final SafetensorsFile data;
    final JsonArray prompts;

    Pipeline(Path folder, Path checkpoint) throws IOException {
      this.folder = folder;
      model =
          StableDiffusion.load(
              checkpoint,
              LoadOptions.defaults()
                  .device(Device.fromName(System.getProperty("ablation.device"))));
      data = SafetensorsFile.open(folder.resolve("data.safetensors"));
      prompts = json(folder.resolve("prompts.json")).getAsJsonArray("steps");
    }

    String weightName(String golden) {
      return golden.startsWith("text_model.") ? "text_encoder." + golden : "unet." + golden;
    }

    @Override
    public void close() throws IOException {
      data.close();
      model.close();
    }
  }

  /** One run: the trainer's task with the batches of the golden data. */
  private static final class Run implements BatchSource {
    final Pipeline pipeline;
    final int steps;
    final int batchSize;
    final double learningRate;
    final boolean masked;
    final boolean detach;
    final AblationObjective objective;
    final WeightGroup group;
    final Set<Integer> rows = new TreeSet<>();
    final List<AblationEvent> events = new ArrayList<>();

    Run(Pipeline pipeline, JsonObject options) {
      this.pipeline = pipeline;
      steps = options.get("steps").getAsInt();
      batchSize = options.get("batch_size").getAsInt();
      learningRate = options.get("lr").getAsDouble();
      masked = !options.has("mask") || options.get("mask").getAsBoolean();
      detach = !options.has("detach") || options.get("detach").getAsBoolean();
      boolean modelBased =
          switch (options.get("loss").getAsString()) {
            case "model" -> true;
            case "noise" -> false;
            default -> throw new AssertionError("unknown loss " + options.get("loss"));
          };
      AblationObjective loss =
          modelBased ? AblationObjective.modelBased() : AblationObjective.noiseBased();
      if (options.has("prior")) {
        PriorTarget aim = modelBased ? PriorTarget.NOISE : PriorTarget.DENOISING;
        loss =
            loss.plus(
                AblationObjective.priorPreservation(aim).times(options.get("prior").getAsDouble()));
      }
      objective = loss;
      group =
          switch (options.get("group").getAsString()) {
            case "cross-attn" -> WeightGroup.crossAttentionKeyValue();
            case "attn" -> WeightGroup.attention();
            case "full-weight" -> WeightGroup.denoiser();
            case "embedding" -> WeightGroup.tokenEmbeddings();
            default -> throw new AssertionError("unknown group " + options.get("group"));
          };
      if (options.has("rows_with_gradient")) {
        options.getAsJsonArray("rows_with_gradient").forEach(row -> rows.add(row.getAsInt()));
      }
      assertThat(pipeline.model.predictionType().name())
          .isEqualToIgnoringCase(options.get("prediction_type").getAsString());
    }

    TrainingResult train(int count, NDManager scope) {
      events.clear();
      // The golden runs have the reference's fault of decaying every row of the table.
      return trainer(count).decayOtherRows(true).train(task(scope));
    }

    GradientTrainer trainer(int count) {
      return GradientTrainer.defaults()
          .steps(count)
          .batchSize(batchSize)
          .learningRate(learningRate)
          .stopStartToken(detach);
    }

    TrainingTask task(NDManager scope) {
      return new TrainingTask() {
        @Override
        public DiffusionModel model() {
          return pipeline.model;
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
          return group.select(pipeline.model.weights());
        }

        @Override
        public Map<String, Set<Integer>> rows() {
          return rows.isEmpty() ? Map.of() : Map.of(weights().get(0).name(), rows);
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
        public void emit(AblationEvent event) {
          events.add(event);
        }
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
        NDArray mask =
            masked && first == 0
                ? pipeline.data.read("mask", scope).get(step - 1).get("0:" + size)
                : null;
        return new TrainingBatch(
                rows("latents", step, first, size, scope),
                rows("noise", step, first, size, scope),
                rows("timesteps", step, first, size, scope),
                words(step, anchors, size),
                words(step, targets, size))
            .mask(mask);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    private NDArray rows(String name, int step, int first, int size, NDManager scope)
        throws IOException {
      return pipeline.data.read(name, scope).get(step - 1).get(first + ":" + (first + size));
    }

    private List<String> words(int step, String key, int size) {
      List<String> words = new ArrayList<>();
      pipeline
          .prompts
          .get(step - 1)
          .getAsJsonObject()
          .getAsJsonArray(key)
          .forEach(word -> words.add(word.getAsString()));
      assertThat(words).as("%s of step %d", key, step).hasSize(size);
      return words;
    }
  }

  /** Distance of final weights to the golden ones, in units of how far they moved. */
  private static final class FinalWeights {
    final Pipeline pipeline;
    final SafetensorsFile golden;
    final double tolerance;
    final NDManager scope;
    final Set<String> compared = new TreeSet<>();
    double difference;
    double movement;
    long entries;
    long off;

    FinalWeights(Pipeline pipeline, SafetensorsFile golden, double learningRate, NDManager scope) {
      this.pipeline = pipeline;
      this.golden = golden;
      this.scope = scope;
      tolerance = learningRate < 1e-5 ? 1e-2 : 5e-3;
    }

    void compare(String name, NDArray mine) {
      String key = name.substring(name.indexOf('.') + 1);
      NDArray initial = pipeline.model.weights().get(name);
      try {
        if (golden.tensors().containsKey("final." + key)) {
          add("final." + key, mine, initial);
        } else {
          add("final_first2." + key, mine.get("0:2"), initial.get("0:2"));
          compareSums(key, mine, initial);
        }
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    private void add(String tensor, NDArray mine, NDArray initial) throws IOException {
      NDArray expected = golden.read(tensor, scope);
      NDArray gap = mine.sub(expected);
      difference += gap.square().sum().getFloat();
      movement += expected.sub(initial).square().sum().getFloat();
      entries += gap.size();
      off += gap.abs().gt(1e-5f).sum().getLong();
      compared.add(tensor);
    }

    /** The norm of the difference bounds that of the sums by Cauchy and Schwarz. */
    private void compareSums(String key, NDArray mine, NDArray initial) throws IOException {
      double allowed = tolerance * norm(mine.sub(initial));
      double sum = mine.toType(DataType.FLOAT64, false).sum().getDouble();
      double squares = mine.toType(DataType.FLOAT64, false).square().sum().getDouble();
      assertThat(sum)
          .as("sum of %s", key)
          .isCloseTo(
              golden.readFloat32("final_sum." + key, scope).toFloatArray()[0],
              within(Math.sqrt(mine.size()) * allowed + 1e-5 * Math.sqrt(mine.size())));
      double expectedSquares = golden.readFloat32("final_sumsq." + key, scope).toFloatArray()[0];
      assertThat(squares)
          .as("sum of squares of %s", key)
          .isCloseTo(expectedSquares, within(2 * norm(mine) * allowed + 1e-5 * expectedSquares));
      compared.add("final_sum." + key);
      compared.add("final_sumsq." + key);
    }

    void check() {
      assertThat(Math.sqrt(difference / movement))
          .as("difference of the final weights in units of their movement")
          .isLessThan(tolerance);
      assertThat(off / (double) entries)
          .as("share of entries that are off by more than 1e-5")
          .isLessThanOrEqualTo(0.005);
    }
  }
}
