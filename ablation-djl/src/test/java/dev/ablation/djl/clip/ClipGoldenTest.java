package dev.ablation.djl.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.image.ImageTransform;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageSimilarity;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Golden part G: the CLIP model and what is computed from its cosines. */
class ClipGoldenTest {
  private static final Tolerance CLIP = Tolerance.maxAbs(1e-5);

  @TestFactory
  Stream<DynamicContainer> models() {
    List<String> folders = Golden.folders("G_metrics");
    assertThat(folders).isNotEmpty();
    return folders.stream()
        .map(name ->
            DynamicContainer.dynamicContainer(
                name, Stream.of(name).flatMap(ClipGoldenTest::tests)));
  }

  private static Stream<DynamicNode> tests(String model) {
    try {
      return compare(Golden.path("G_metrics/" + model));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Stream<DynamicNode> compare(Path folder) throws IOException {
    TensorFile file = TensorFile.of(Golden.path("G_metrics/clip.safetensors"));
    JsonObject values = Golden.object(Golden.path("G_metrics/clip.json"));
    List<String> prompts = Golden.strings(values.get("prompts"));
    Pipeline pipeline = tokenizerOf(file, prompts);
    Tensor hidden;
    Tensor pooled;
    Tensor images;
    Tensor texts;
    Tensor logits;
    double scale;
    try (Clip clip =
            Clip.load(
                folder,
                LoadOptions.defaults()
                    .device(Golden.device())
                    .threads(1)
                    .tokenizer(pipeline.folder().resolve("tokenizer")));
        NDManager scope = clip.manager().newSubManager()) {
      NDArray pixels = file.array("pixel_values", scope);
      NDArray ids = file.array("input_ids", scope);
      NDList states = GradMode.with(false, () -> clip.visionModel().applyAll(new NDList(pixels)));
      pooled = Tensor.of(states.get(0));
      hidden = Tensor.of(states.get(1));
      NDArray imageEmbeddings = clip.embedImages(pixels);
      NDArray textEmbeddings = clip.embedTexts(ids);
      images = Tensor.of(imageEmbeddings);
      texts = Tensor.of(textEmbeddings);
      logits = Tensor.of(clip.logits(imageEmbeddings, textEmbeddings));
      scale = clip.logitScale();
      assertThat(clip.encode(prompts).row(1))
          .containsExactly(texts.item(1).values(), offset(1e-6f));
    }
    int width = Math.toIntExact(images.shape().get(1));
    TextImageSimilarity similarity =
        TextImageSimilarity.of(
            FeatureMatrix.of(images.values(), width), FeatureMatrix.of(texts.values(), width));

    TensorTests tests = new TensorTests(file).inputs("pixel_values", "input_ids", "labels");
    tests
        .compare("vision_last_hidden", Tolerance.TEXT, () -> hidden)
        .compare("vision_pooler", CLIP, () -> pooled)
        .compare("image_embeds", CLIP, () -> images)
        .compare("text_embeds", CLIP, () -> texts)
        .compare("cosine", CLIP, () -> table(similarity, similarity::cosine))
        .compare("logits_per_image", Tolerance.maxAbs(1e-5 * scale), () -> logits)
        .compare(
            "softmax_over_prompts",
            CLIP,
            () -> table(similarity, (i, k) -> similarity.probabilities(i, scale)[k]))
        .compare("clip_score_w2_5", CLIP, () -> table(similarity, similarity::score))
        .compare(
            "clip_score_100",
            Tolerance.maxAbs(1e-3), // a hundred times the cosine's
            () -> table(similarity, (i, k) -> 100 * Math.max(0, similarity.cosine(i, k))));
    return Stream.concat(
        tests.stream(), ofValues(values, similarity, Arrays.stream(file.longs("labels"))));
  }

  /** The directory keeps the tokenizer with a pipeline; it is the one that gives the ids. */
  private static Pipeline tokenizerOf(TensorFile file, List<String> prompts) throws IOException {
    long[] ids = file.longs("input_ids");
    int context = Math.toIntExact(file.shape("input_ids").get(1));
    for (Pipeline pipeline : Golden.pipelines(Golden.folders("pipelines"))) {
      try (ClipTokenizer tokenizer =
          ClipTokenizer.load(pipeline.folder().resolve("tokenizer"), context)) {
        long[] own =
            prompts.stream()
                .flatMapToInt(prompt -> Arrays.stream(tokenizer.encode(prompt)))
                .asLongStream()
                .toArray();
        if (Arrays.equals(own, ids)) {
          return pipeline;
        }
      }
    }
    throw new AssertionError("no pipeline's tokenizer gives the ids of " + file);
  }

  private static Stream<DynamicTest> ofValues(
      JsonObject values, TextImageSimilarity similarity, java.util.stream.LongStream labels) {
    int[] classes = labels.mapToInt(Math::toIntExact).toArray();
    return values.keySet().stream()
        .map(key ->
            dynamicTest(
                "clip.json " + key, () -> check(key, values.get(key), similarity, classes)));
  }

  private static void check(
      String key, JsonElement expected, TextImageSimilarity similarity, int[] labels) {
    int count = similarity.images();
    switch (key) {
      case "prompts" -> assertThat(similarity.texts()).isEqualTo(expected.getAsJsonArray().size());
      case "image_mean" -> assertThat(ImageTransform.clip(224).mean()).isEqualTo(doubles(expected));
      case "image_std" -> assertThat(ImageTransform.clip(224).std()).isEqualTo(doubles(expected));
      case "clip_score_mean_w2_5_per_prompt" -> {
        for (int k = 0; k < similarity.texts(); k++) {
          assertThat(mean(similarity.scores(k))).isCloseTo(doubles(expected).get(k), offset(1e-5));
        }
      }
      case "clip_accuracy_target_prompt0_vs_anchor_prompt1" ->
          assertThat(mean(similarity.preferences(0, 1))).isEqualTo(expected.getAsDouble());
      case "zero_shot_accuracy_with_labels" ->
          assertThat(mean(similarity.hits(labels))).isEqualTo(expected.getAsDouble());
      case "zero_shot_predictions" ->
          assertThat(IntStream.range(0, count).map(similarity::best).boxed())
              .isEqualTo(doubles(expected).stream().map(Double::intValue).toList());
      case "min_gap_top1_top2", "float32_vs_float64_max_abs", "cosine_std" -> {} // of the data
      default -> throw new AssertionError("not compared: " + key);
    }
  }

  private static Tensor table(
      TextImageSimilarity similarity, ToDoubleBiFunction<Integer, Integer> value) {
    float[] values = new float[similarity.images() * similarity.texts()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) value.applyAsDouble(i / similarity.texts(), i % similarity.texts());
    }
    return new Tensor(new Shape(similarity.images(), similarity.texts()), values);
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).sum() / values.length;
  }

  private static List<Double> doubles(JsonElement element) {
    JsonArray array = element.getAsJsonArray();
    return array.asList().stream().map(JsonElement::getAsDouble).toList();
  }
}
