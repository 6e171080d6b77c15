package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.delta.WeightChange;
import dev.ablation.djl.GoldenModels;
import dev.ablation.event.AblationEvent;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * The training runs of SDXL in the second directory: losses, gradient norms, first gradients and
 * predictions, final weights.
 */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SdxlTrainingGoldenTest {
  private static final String FOLDER = "sdxl/training/";
  private static final String AFTER_ONE = "after_step1.";
  private static final String FINAL = "final.";
  private static final double LOSSES = 1e-4;
  private static final double NORMS = 3e-4;
  private static final double MOVEMENT = 1e-2;

  /** Options that this test understands, and results; a run with another key fails. */
  private static final Set<String> KEYS =
      Set.of(
          "slim",
          "after1",
          "loss",
          "group",
          "lr",
          "teacher",
          "prior",
          "mask",
          "detach",
          "steps",
          "trained_tensors",
          "trained_values",
          "losses",
          "instance_losses",
          "prior_losses",
          "grad_norms_before_clipping",
          "losses_float64",
          "grad_norms_float64",
          "f32_vs_f64");

  private final List<Data> opened = new ArrayList<>();

  @AfterAll
  void close() throws IOException {
    for (Data data : opened) {
      data.close();
    }
  }

  @TestFactory
  Stream<DynamicNode> runs() throws IOException {
    JsonObject runs = Golden.object(Golden.second(FOLDER + "runs.json"));
    assertThat(runs.keySet()).isNotEmpty();
    List<DynamicNode> tests = new ArrayList<>();
    for (Pipeline pipeline : Golden.allPipelines(Golden.folders("pipelines"))) {
      if (pipeline.className().equals("StableDiffusionXLPipeline")) {
        Data data = new Data(pipeline);
        opened.add(data);
        for (String name : runs.keySet()) {
          tests.add(dynamicTest(name, () -> check(data, name, runs.getAsJsonObject(name))));
        }
      }
    }
    assertThat(tests).as("models of SDXL in %s", Golden.directory()).isNotEmpty();
    return tests.stream();
  }

  private static void check(Data data, String name, JsonObject options) throws IOException {
    Set<String> unknown = new TreeSet<>(options.keySet());
    unknown.removeAll(KEYS);
    assertThat(unknown).as("options that this test does not understand").isEmpty();
    Run run = new Run(data, options);
    String before = data.model.weights().sha256();
    try (NDManager scope = data.model.manager().newSubManager();
        SafetensorsFile golden =
            SafetensorsFile.open(Golden.second(FOLDER + name + ".safetensors"))) {
      Set<String> compared = new TreeSet<>();
      TrainingResult result = run.train(run.steps, scope);
      double[] losses = doubles(options, "losses");
      double[] norms = doubles(options, "grad_norms_before_clipping");
      assertThat(result.history()).hasSize(losses.length).hasSize(norms.length);
      for (int i = 0; i < losses.length; i++) {
        assertThat(result.history().get(i).loss())
            .as("loss of step %d", i + 1)
            .isCloseTo(losses[i], within(LOSSES * losses[i]));
        assertThat(result.history().get(i).gradientNorm())
            .as("gradient norm of step %d", i + 1)
            .isCloseTo(norms[i], within(NORMS * norms[i]));
      }
      compareVector(golden, "loss", losses, LOSSES, scope, compared);
      compareVector(golden, "grad_norm", norms, NORMS, scope, compared);
      assertThat(result.changes()).hasSize(options.get("trained_tensors").getAsInt());
      compareWeights(data, result, golden, FINAL, scope, compared);
      if (golden.tensors().keySet().stream().anyMatch(t -> t.startsWith("step0."))) {
        compared.addAll(
            new FirstStepProbe(run.task(scope), run.batchSize, run.detach).compare(golden, scope));
      }
      if (golden.tensors().keySet().stream().anyMatch(t -> t.startsWith(AFTER_ONE))) {
        compareWeights(data, run.train(1, scope), golden, AFTER_ONE, scope, compared);
      }
      assertThat(compared).as("tensors compared").isEqualTo(golden.tensors().keySet());
    }
    assertThat(data.model.weights().sha256()).as("the model's own weights").isEqualTo(before);
  }

  private static void compareWeights(
      Data data,
      TrainingResult result,
      SafetensorsFile golden,
      String prefix,
      NDManager scope,
      Set<String> compared)
      throws IOException {
    double difference = 0;
    double movement = 0;
    long entries = 0;
    long off = 0;
    for (Map.Entry<String, WeightChange> change : result.changes().entrySet()) {
      String weight = change.getKey();
      NDArray initial = data.model.weights().get(weight);
      NDArray mine = change.getValue().changed(initial, scope);
      String tensor = prefix + weight.substring(weight.indexOf('.') + 1);
      NDArray expected = golden.read(tensor, scope);
      assertThat(mine.getShape()).as(tensor).isEqualTo(expected.getShape());
      NDArray gap = mine.sub(expected);
      difference += gap.square().sum().getFloat();
      movement += expected.sub(initial).square().sum().getFloat();
      entries += gap.size();
      off += gap.abs().gt(1e-5f).sum().getLong();
      compared.add(tensor);
    }
    assertThat(Math.sqrt(difference / movement))
        .as("difference of %s weights in units of their movement", prefix)
        .isLessThan(MOVEMENT);
    assertThat(off / (double) entries)
        .as("share of entries of %s that are off by more than 1e-5", prefix)
        .isLessThanOrEqualTo(0.005);
  }

  private static void compareVector(
      SafetensorsFile golden,
      String name,
      double[] expected,
      double tolerance,
      NDManager scope,
      Set<String> compared)
      throws IOException {
    float[] values = golden.readFloat32(name, scope).toFloatArray();
    assertThat(values).hasSize(expected.length);
    for (int i = 0; i < values.length; i++) {
      assertThat((double) values[i]).isCloseTo(expected[i], within(tolerance * expected[i]));
    }
    compared.add(name);
  }

  private static double[] doubles(JsonObject json, String key) {
    return json.getAsJsonArray(key).asList().stream()
        .mapToDouble(JsonElement::getAsDouble)
        .toArray();
  }

  /** A model, the steps' data and the prompts in words. */
  private static final class Data implements AutoCloseable {
    final DiffusionModel model;
    final SafetensorsFile tensors;
    final JsonArray prompts;

    Data(Pipeline pipeline) throws IOException {
      model = GoldenModels.open(pipeline);
      tensors = SafetensorsFile.open(Golden.second(FOLDER + "data.safetensors"));
      prompts = Golden.object(Golden.second(FOLDER + "prompts.json")).getAsJsonArray("steps");
    }

    NDArray rows(String name, int step, int first, int size, NDManager scope) {
      try {
        return tensors.read(name, scope).get(step - 1).get(first + ":" + (first + size));
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void close() throws IOException {
      tensors.close();
      model.close();
    }
  }

  /** One run: the trainer's task with the batches of the golden data. */
  private static final class Run implements BatchSource {
    final Data data;
    final DiffusionModel model;
    final int steps;
    final int batchSize;
    final double learningRate;
    final boolean masked;
    final boolean detach;
    final AblationObjective objective;
    final WeightGroup group;

    Run(Data data, JsonObject options) {
      this.data = data;
      model = data.model;
      steps = options.get("steps").getAsInt();
      batchSize = data.prompts.get(0).getAsJsonObject().getAsJsonArray("target_prompts").size();
      learningRate = options.get("lr").getAsDouble();
      masked = !options.has("mask") || options.get("mask").getAsBoolean();
      detach = !options.has("detach") || options.get("detach").getAsBoolean();
      AblationObjective loss =
          switch (options.get("loss").getAsString()) {
            case "model" -> AblationObjective.modelBased(teacher(options));
            case "noise" -> AblationObjective.noiseBased();
            default -> throw new AssertionError("unknown loss " + options.get("loss"));
          };
      if (options.has("prior")) {
        loss =
            loss.plus(
                AblationObjective.priorPreservation(PriorTarget.NOISE)
                    .times(options.get("prior").getAsDouble()));
      }
      objective = loss;
      group =
          switch (options.get("group").getAsString()) {
            case "cross-attn" -> WeightGroup.crossAttentionKeyValue();
            case "attn" -> WeightGroup.attention();
            default -> throw new AssertionError("unknown group " + options.get("group"));
          };
    }

    private static Teacher teacher(JsonObject options) {
      return switch (options.get("teacher").getAsString()) {
        case "current" -> Teacher.CURRENT_WEIGHTS;
        case "frozen" -> Teacher.FROZEN_WEIGHTS;
        default -> throw new AssertionError("unknown teacher " + options.get("teacher"));
      };
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
      NDArray mask = masked && first == 0 ? data.rows("in.mask", step, 0, size, scope) : null;
      return new TrainingBatch(
              data.rows("latents", step, first, size, scope),
              data.rows("in.noise", step, first, size, scope),
              data.rows("in.timesteps", step, first, size, scope),
              words(step, anchors),
              words(step, targets))
          .mask(mask)
          .conditions(
              Map.of(
                  Conditioning.TIME_IDS, data.rows("in.time_ids", step, first, size, scope)));
    }

    private List<String> words(int step, String key) {
      return Golden.strings(data.prompts.get(step - 1).getAsJsonObject().get(key));
    }
  }
}
