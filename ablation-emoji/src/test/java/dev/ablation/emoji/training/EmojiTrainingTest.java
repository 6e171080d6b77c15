package dev.ablation.emoji.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Precision;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.training.EmojiTraining.Part;
import dev.ablation.emoji.training.EmojiTraining.Plan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All stages, one after the other, with networks of a few thousand weights and few objects. */
@Tag("slow")
class EmojiTrainingTest {
  private static final Plan PLAN =
      new Plan(
          small(EmojiTraining.VAE, 3, 2),
          small(EmojiTraining.TEXT, 3, 6),
          small(EmojiTraining.UNET, 4, 4),
          small(EmojiTraining.EVALUATOR, 3, 4),
          1,
          1,
          null,
          null,
          null,
          7);

  private static EmojiDataSet data;

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  @TempDir Path folder;
  private ModelFolder shapes = new ModelFolder(Path.of(""));

  private static StageSettings small(StageSettings settings, int steps, int batchSize) {
    return new StageSettings(
        steps,
        batchSize,
        settings.learningRate(),
        settings.schedule(),
        settings.optimizer(),
        settings.maxGradientNorm(),
        settings.averageDecay(),
        1,
        0);
  }

  @BeforeAll
  static void load() throws IOException {
    EmojiDataSet all = EmojiDataSet.load();
    Set<String> names = new TreeSet<>(Set.of("owl"));
    List<String> heldOut =
        all.images().stream()
            .filter(EmojiImage::heldOut)
            .map(image -> image.concept().name())
            .distinct()
            .toList();
    for (int i = 0; i < heldOut.size(); i += 6) {
      names.add(heldOut.get(i));
    }
    data = all.only(names);
  }

  @BeforeEach
  void shrink() throws IOException {
    Path template = folder.resolve("template");
    Path embedded = EmbeddedModel.folder();
    try (Stream<Path> files = Files.walk(embedded)) {
      for (Path file : files.filter(path -> !path.toString().endsWith("tensors")).toList()) {
        Path target = template.resolve(embedded.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target);
        }
      }
    }
    change(
        template.resolve("vae/config.json"),
        Map.of("block_out_channels", ints(2, 2, 4), "norm_num_groups", ints(2)));
    change(
        template.resolve("unet/config.json"),
        Map.of(
            "block_out_channels", ints(4, 8, 8),
            "attention_head_dim", ints(1, 2, 2),
            "norm_num_groups", ints(2),
            "cross_attention_dim", ints(8)));
    change(
        template.resolve("text_encoder/config.json"),
        Map.of(
            "hidden_size", ints(8),
            "intermediate_size", ints(8),
            "num_hidden_layers", ints(1),
            "num_attention_heads", ints(2)));
    shapes = new ModelFolder(template);
  }

  private static JsonArray ints(int... values) {
    JsonArray array = new JsonArray();
    for (int value : values) {
      array.add(value);
    }
    return array;
  }

  private static void change(Path config, Map<String, JsonArray> changes) throws IOException {
    JsonObject json = JsonParser.parseString(Files.readString(config)).getAsJsonObject();
    changes.forEach((key, values) -> json.add(key, values.size() == 1 ? values.get(0) : values));
    Files.writeString(config, json.toString());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private boolean train(Path run, Set<Part> parts, BooleanSupplier stop) throws IOException {
    return train(run, parts, data, PLAN, stop);
  }

  private boolean train(
      Path run, Set<Part> parts, EmojiDataSet shown, Plan plan, BooleanSupplier stop)
      throws IOException {
    Files.createDirectories(run);
    return new EmojiTraining(run, shapes, shown, plan, 2, (stage, step, steps, message) -> {}, stop)
        .run(parts, manager);
  }

  private Map<String, NDArray> averages(Path run, String stage) throws IOException {
    return StageRun.averages(run.resolve(stage + ".safetensors"), manager);
  }

  @Test
  void stoppedInEveryStageItGivesTheSameModelAsInOneGo() throws IOException {
    Path once = folder.resolve("once");
    assertThat(train(once, EnumSet.allOf(Part.class), () -> false)).isTrue();
    Path often = folder.resolve("often");
    for (Part part : Part.values()) {
      AtomicInteger asked = new AtomicInteger();
      assertThat(train(often, Set.of(part), () -> asked.getAndIncrement() > 0)).isFalse();
      assertThat(train(often, Set.of(part), () -> false)).isTrue();
    }
    for (String stage : List.of("vae", "text", "unet", "evaluator")) {
      Map<String, NDArray> expected = averages(once, stage);
      averages(often, stage)
          .forEach((name, array) ->
              assertThat(array.toFloatArray())
                  .as(stage + " " + name)
                  .isEqualTo(expected.get(name).toFloatArray()));
    }
    assertThat(once.resolve("unet-samples.png")).exists();
    assertThat(Files.readAllLines(once.resolve("unet.csv")).get(0)).contains("held_out_both");
    try (StableDiffusion model =
        StableDiffusion.load(once.resolve("model"), LoadOptions.defaults().device(Device.cpu()))) {
      assertThat(model.vae().config().scalingFactor()).isNotEqualTo(1);
      assertThat(model.unet().config().crossAttentionDim()).isEqualTo(8);
    }
    try (Clip clip =
        Clip.load(once.resolve("evaluator"), LoadOptions.defaults().device(Device.cpu()))) {
      float[] planted = clip.extract(List.of(data.planted().toImage())).row(0);
      assertThat(planted).hasSize(clip.config().projectionSize());
    }
    assertThat(Files.readAllLines(once.resolve("evaluator.csv")).get(0)).contains("held_out_style");
    checkAControlOf(once.resolve("model"));
  }

  /** Trains a UNet that never sees some images, with the other networks of a model. */
  private void checkAControlOf(Path model) throws IOException {
    Path control = folder.resolve("control");
    Plan plan =
        new Plan(
            PLAN.vae(),
            PLAN.text(),
            PLAN.unet(),
            PLAN.evaluator(),
            PLAN.variants(),
            PLAN.drawingSteps(),
            null,
            model,
            Precision.FLOAT32,
            7);
    EmojiDataSet part = data.withholding(Set.of("blueprint", EmojiDataSet.PLANTED));
    assertThat(train(control, Set.of(Part.UNET), part, plan, () -> false)).isTrue();
    for (String same : List.of(ModelFolder.VAE, ModelFolder.TEXT_ENCODER)) {
      assertThat(ModelFolder.weightsFile(control.resolve("model"), same))
          .hasSameBinaryContentAs(ModelFolder.weightsFile(model, same));
    }
    assertThat(new ModelFolder(control.resolve("model")).scalingFactor())
        .isEqualTo(new ModelFolder(model).scalingFactor());
    // The images that it may not see are not even encoded.
    long seen = data.images().stream().filter(image -> !image.heldOut()).count();
    long blueprints =
        data.images().stream()
            .filter(image -> !image.heldOut() && image.style().equals("blueprint"))
            .count();
    assertThat(LatentSet.read(control.resolve("latents.safetensors"), manager).size() - 1L)
        .isEqualTo(seen - blueprints);
    for (Set<String> other : List.of(Set.<String>of(), Set.of("blueprint"), Set.of("ink", "owl"))) {
      EmojiDataSet shown = data.withholding(other);
      String names = other.isEmpty() ? "nothing" : String.join(", ", shown.withheld());
      assertThatThrownBy(() -> train(control, Set.of(Part.UNET), shown, plan, () -> false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(
              "is trained without blueprint, planted, not without " + names + ";");
    }
  }

  @Test
  void aPartNamesThePartsThatItNeeds() throws IOException {
    Path run = folder.resolve("run");
    assertThatThrownBy(() -> train(run, Set.of(Part.UNET), () -> false))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("train vae first");
  }
}
