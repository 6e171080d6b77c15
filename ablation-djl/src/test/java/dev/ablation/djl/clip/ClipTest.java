package dev.ablation.djl.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.train.InputGradient;
import dev.ablation.image.ImageTransform;
import dev.ablation.image.ImageTransform.Fit;
import dev.ablation.image.Resampling;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightInfo;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.Dtype;
import dev.ablation.sample.Images;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClipTest {
  private static final String STEM = "\"stem_channels\": [8, 16]";
  private static final List<String> TEXTS = List.of("red", "a green cat", "blue", "white sky");
  private static final Kernel CONTRASTIVE =
      Kernel.of("(x): return torch.neg(torch.mean(torch.diagonal(torch.log_softmax(x, 1))))");
  private static final Kernel SUM = Kernel.of("(x): return torch.sum(x)");

  @TempDir Path temporary;

  private Clip untrained(String vision) throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("clip" + vision.length()), vision);
    return Clip.untrained(folder, SmallClip.options(), 5);
  }

  private static NDArray images(int count, NDManager owner) {
    RandomGenerator random = RandomStreams.stream(9, "images", 0);
    try (NDArray numbers = RandomStreams.gaussian(owner, new Shape(count, 3, 16, 16), random)) {
      return numbers.duplicate();
    }
  }

  /** All weights, through the library's own session and optimiser. */
  @ParameterizedTest
  @ValueSource(strings = {"", STEM})
  void learnsToTellFourImagesByTheirTexts(String vision) throws IOException {
    try (Clip clip = untrained(vision);
        NDManager scope = clip.manager().newSubManager()) {
      NDArray images = images(TEXTS.size(), scope);
      NDArray ids = clip.tokenIds(TEXTS, scope);
      List<String> names = clip.weights().list().stream().map(WeightInfo::name).toList();
      List<Double> losses = new ArrayList<>();
      float[] trained;
      try (TrainingSession session = clip.training().train(names, new GradientOptions(false))) {
        Optimizer optimizer = session.optimizer(AdamW.reference());
        for (int step = 0; step < 25; step++) {
          try (NDManager stepScope = clip.manager().newSubManager()) {
            Gradients gradients =
                session.gradients(
                    () ->
                        CONTRASTIVE.call(
                            clip.logits(clip.embedImages(images), clip.embedTexts(ids))),
                    stepScope);
            if (step == 0) {
              for (int i = 0; i < names.size(); i++) {
                float largest = gradients.values().get(i).abs().max().getFloat();
                // keys' biases have no effect in exact arithmetic
                assertThat(largest)
                    .as(names.get(i))
                    .isGreaterThanOrEqualTo(names.get(i).endsWith("k_proj.bias") ? 0 : 1e-12f);
              }
            }
            losses.add(gradients.loss());
            optimizer.step(gradients.values(), 3e-3, 1);
          }
        }
        trained = clip.embedTexts(ids).toFloatArray();
        for (int i = 0; i < names.size(); i++) {
          clip.weights().overwrite(names.get(i), session.weights().get(i));
        }
      }
      assertThat(losses.get(24)).isLessThan(0.2 * losses.get(0));
      assertThat(clip.embedTexts(ids).toFloatArray()).isEqualTo(trained);
    }
  }

  @ParameterizedTest
  @CsvSource({"'', 16", "'\"stem_channels\": [8, 16]', 16", "'', 40", "'', 8"})
  void theGradientOfAnImageIsThatOfFiniteDifferences(String vision, int size) throws IOException {
    try (Clip clip = untrained(vision);
        NDManager scope = clip.manager().newSubManager()) {
      NDArray unit = scope.zeros(new Shape(1, 3, size, size)).addi(0.5f);
      NDArray texts = clip.embedTexts(clip.tokenIds(List.of("red"), scope));
      InputGradient towards =
          InputGradient.of(
              unit, x -> SUM.call(clip.logits(clip.embedImages(clip.prepare(x)), texts)));
      assertThat(towards.gradient().getShape()).isEqualTo(unit.getShape());
      double norm = towards.gradient().norm().getFloat();
      assertThat(norm).isPositive();
      // along the gradient the loss rises by its norm
      double step = 0.02 / norm;
      NDArray further = unit.add(towards.gradient().mul(step));
      NDArray back = unit.sub(towards.gradient().mul(step));
      double rise = logit(clip, further, texts) - logit(clip, back, texts);
      assertThat(rise / (2 * step * norm * norm)).isCloseTo(1, offset(0.02));
      assertThat(logit(clip, unit, texts)).isCloseTo(towards.loss(), offset(1e-5));
    }
  }

  private static double logit(Clip clip, NDArray unit, NDArray texts) {
    return clip.logits(clip.embedImages(clip.prepare(unit)), texts).getFloat();
  }

  @Test
  void aLossWithoutTheInputIsRefused() throws IOException {
    try (Clip clip = untrained("");
        NDManager scope = clip.manager().newSubManager()) {
      NDArray unit = scope.ones(new Shape(1, 3, 16, 16));
      assertThatThrownBy(() -> InputGradient.of(unit, x -> scope.ones(new Shape())))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("the loss must depend on the input");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> InputGradient.of(unit, x -> x.duplicate()))
          .withMessage("loss: expected a scalar, was of shape (1, 3, 16, 16)");
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, 0", "F16, 0.02"})
  void whatIsSavedIsReadAgain(Dtype format, float tolerance) throws IOException {
    Path saved = temporary.resolve("saved");
    FeatureMatrix texts;
    String hash;
    BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
    image.setRGB(20, 10, 0xff8040);
    FeatureMatrix images;
    try (Clip clip = untrained(STEM)) {
      clip.save(saved, format);
      texts = clip.encode(TEXTS);
      images = clip.extract(List.of(image));
      hash = clip.info().sha256();
    }
    try (Clip clip = Clip.load(saved, SmallClip.options())) {
      assertThat(clip.encode(TEXTS).row(2)).containsExactly(texts.row(2), offset(tolerance));
      assertThat(clip.extract(List.of(image)).row(0))
          .containsExactly(images.row(0), offset(tolerance));
      assertThat(clip.info().name()).isEqualTo("clip saved");
      assertThat(clip.info().dimension()).isEqualTo(16);
      assertThat(clip.info().sha256().equals(hash)).isEqualTo(format == Dtype.F32);
      assertThat(clip.logitScale()).isCloseTo(1 / 0.07, offset(0.02));
    }
    assertThat(Files.size(saved.resolve("model.safetensors"))).isPositive();
  }

  /** An untrained model depends on its seed alone. */
  @Test
  void theSeedDecides() throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("seeds"), "");
    List<String> hashes = new ArrayList<>();
    for (long seed : new long[] {1, 1, 2}) {
      try (Clip clip = Clip.untrained(folder, SmallClip.options(), seed)) {
        hashes.add(clip.info().sha256());
      }
    }
    assertThat(hashes.get(0)).isEqualTo(hashes.get(1)).isNotEqualTo(hashes.get(2));
  }

  @Test
  void thePreprocessorIsRead() throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("preprocessor"), "");
    ImageTransform standard = ImageTransform.clip(16);
    assertThat(transform(folder, null)).isEqualTo(standard);
    assertThat(transform(folder, "{}")).isEqualTo(standard);
    // OpenAI's files, older and newer
    assertThat(
            transform(
                folder,
                """
                {"crop_size": 16, "do_center_crop": true, "do_normalize": true, "do_resize": true,
                 "image_mean": [0.48145466, 0.4578275, 0.40821073], "resample": 3, "size": 16,
                 "image_std": [0.26862954, 0.26130258, 0.27577711]}
                """))
        .isEqualTo(standard);
    assertThat(
            transform(
                folder,
                """
                {"crop_size": {"height": 16, "width": 16}, "size": {"shortest_edge": 20},
                 "rescale_factor": 0.00392156862745098, "do_rescale": true,
                 "do_convert_rgb": true, "resample": 2}
                """))
        .isEqualTo(
            new ImageTransform(
                Fit.SHORTER_SIDE,
                20,
                Resampling.BILINEAR,
                true,
                16,
                standard.mean(),
                standard.std()));
    assertThat(
            transform(
                folder,
                "{\"do_resize\": false, \"do_center_crop\": false, \"do_normalize\": false}"))
        .isEqualTo(
            new ImageTransform(
                Fit.AS_IS,
                0,
                Resampling.BICUBIC,
                true,
                0,
                List.of(0.0, 0.0, 0.0),
                List.of(1.0, 1.0, 1.0)));
    assertThat(
            transform(
                folder, "{\"size\": {\"height\": 16, \"width\": 16}, \"do_center_crop\": false}"))
        .isEqualTo(
            new ImageTransform(
                Fit.BOTH_SIDES, 16, Resampling.BICUBIC, true, 0, standard.mean(), standard.std()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"crop_size\": 17} | crop_size must be image_size of the vision model, 16, was 17",
        "{\"size\": 12} | crop_size must be at most size 12",
        "{\"resample\": 0} | resample must be a filter of Pillow, 1 to 5, was 0",
        "{\"rescale_factor\": 1.0} | rescale_factor must be 1/255",
        "{\"image_std\": [1, 0, 1]} | image_std must be three numbers, deviations positive",
        "{\"size\": {\"height\": 16, \"width\": 17}} | size must be a square",
      })
  void aPreprocessorThatDoesNotFitIsRefused(String json, String message) throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("preprocessor"), "");
    assertThatThrownBy(() -> transform(folder, json))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("preprocessor_config.json: " + message);
  }

  @Test
  void readsTheProcessorOfNewerVersionsAndKeepsIt() throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("processor"), "");
    Files.delete(folder.resolve("preprocessor_config.json"));
    Files.writeString(
        folder.resolve("processor_config.json"),
        """
        {"processor_class": "CLIPProcessor", "image_processor": {"size": {"shortest_edge": 18},
         "crop_size": {"height": 16, "width": 16}, "image_mean": [0.1, 0.2, 0.3],
         "image_std": [0.4, 0.5, 0.6]}}
        """);
    ImageTransform expected =
        new ImageTransform(
            Fit.SHORTER_SIDE,
            18,
            Resampling.BICUBIC,
            true,
            16,
            List.of(0.1, 0.2, 0.3),
            List.of(0.4, 0.5, 0.6));
    assertThat(transform(folder, null)).isEqualTo(expected);
    Path saved = temporary.resolve("saved-processor");
    try (Clip clip = Clip.untrained(folder, SmallClip.options(), 1)) {
      clip.save(saved, Dtype.F32);
    }
    assertThat(transform(saved, null)).isEqualTo(expected);
  }

  @Test
  void hasNoDefaultWhereNoPreprocessingIsStated() throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("no-processor"), "");
    Files.delete(folder.resolve("preprocessor_config.json"));
    Files.writeString(folder.resolve("processor_config.json"), "{}");
    assertThatThrownBy(() -> transform(folder, null))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(folder + " must have preprocessor_config.json");
  }

  private static ImageTransform transform(
      Path folder, @org.jspecify.annotations.Nullable String json) throws IOException {
    if (json != null) {
      Files.writeString(folder.resolve("preprocessor_config.json"), json);
    }
    try (Clip clip = Clip.untrained(folder, SmallClip.options(), 1)) {
      return clip.transform();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"stem_channels\": [8] | stem_channels must be multiples of 8",
        "\"stem_channels\": [8, 12] | stem_channels must be multiples of 8",
        "\"num_attention_heads\": 5 | num_attention_heads must be a divisor of hidden_size 32",
        "\"image_size\": 3 | image_size must be at least patch_size 4",
        "\"num_channels\": 1 | num_channels must be 3",
        "\"hidden_act\": \"no\" | hidden_act must be supported",
      })
  void aConfigurationThatDoesNotFitIsRefused(String vision, String message) throws IOException {
    Path folder = temporary.resolve("config");
    SmallClip.folder(folder, "");
    Path config = folder.resolve("config.json");
    // the repetition that the first published files have, and that counts
    String text = Files.readString(config).strip();
    Files.writeString(
        config,
        text.substring(0, text.length() - 1) + ", \"vision_config_dict\": {" + vision + "}}");
    assertThatThrownBy(() -> Clip.untrained(folder, SmallClip.options(), 1))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("config.json: " + message);
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    Path folder = SmallClip.folder(temporary.resolve("missing"), "");
    assertThatThrownBy(() -> Clip.load(folder, SmallClip.options()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(folder.toString());
    try (Clip clip = Clip.untrained(folder, SmallClip.options(), 1)) {
      clip.save(temporary.resolve("plain"), Dtype.F32);
    }
    Path stem = SmallClip.folder(temporary.resolve("stem"), STEM);
    Files.copy(
        temporary.resolve("plain").resolve("model.safetensors"), stem.resolve("model.safetensors"));
    assertThatThrownBy(() -> Clip.load(stem, SmallClip.options()))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining(
            "clip: missing tensor vision_model.embeddings.patch_embedding.convs.0.weight")
        .hasMessageContaining(
            "clip: unexpected tensor vision_model.embeddings.patch_embedding.weight");
    Files.delete(folder.resolve("config.json"));
    assertThatThrownBy(() -> Clip.load(folder, SmallClip.options()))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void wrongCallsAreRefused() throws IOException {
    Clip clip = untrained("");
    try (NDManager scope = clip.manager().newSubManager()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> clip.embedImages(scope.ones(new Shape(1, 3, 16, 17))))
          .withMessage("images: expected (B, 3, 16, 16), was (1, 3, 16, 17)");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> clip.prepare(scope.ones(new Shape(3, 16, 16))))
          .withMessage("images: expected (B, 3, h, h), was (3, 16, 16)");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> clip.encode(List.of()))
          .withMessage("texts must not be empty");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> clip.extract(List.of()))
          .withMessage("images must not be empty");
    }
    clip.close();
    clip.close();
    assertThatThrownBy(() -> clip.encode(TEXTS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the CLIP model is closed");
  }

  /** The same way as a picture of bytes goes, but for rounding. */
  @Test
  void preparingArraysIsTransformingImages() throws IOException {
    try (Clip clip = untrained("");
        NDManager scope = clip.manager().newSubManager()) {
      BufferedImage image = new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB);
      for (int i = 0; i < 1600; i++) {
        image.setRGB(
            i % 40, i / 40, (6 * (i % 40)) << 16 | (6 * (i / 40)) << 8 | 3 * (i % 40 + i / 40));
      }
      float[] expected = clip.transform().values(image);
      NDArray unit = Images.array(List.of(image), scope).toType(DataType.FLOAT32, true).div(255f);
      float[] prepared = clip.prepare(unit).toFloatArray();
      // two roundings of half a level in 255, divided by deviations of about 0.27
      assertThat(prepared).containsExactly(expected, offset(0.02f));
    }
  }

  /** Nothing but the result outlives a call. */
  @Test
  void callsLeaveNothingBehind() throws IOException {
    try (Clip clip = untrained(STEM)) {
      List<BufferedImage> images = List.of(new BufferedImage(20, 16, BufferedImage.TYPE_INT_RGB));
      clip.extract(images);
      clip.encode(TEXTS);
      int before = clip.manager().getManagedArrays().size();
      for (int i = 0; i < 3; i++) {
        clip.extract(images);
        clip.encode(TEXTS);
        try (NDManager scope = clip.manager().newSubManager()) {
          NDArray unit = scope.ones(new Shape(1, 3, 16, 16));
          InputGradient.of(unit, x -> SUM.call(clip.embedImages(clip.prepare(x))));
        }
      }
      assertThat(clip.manager().getManagedArrays()).hasSize(before);
    }
  }
}
