package dev.ablation.djl.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import com.google.common.hash.Hashing;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.internal.kernel.TorchScriptFiles;
import dev.ablation.golden.Golden;
import dev.ablation.image.ImageTransform;
import dev.ablation.image.Resampling;
import dev.ablation.metric.FeatureMatrix;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TorchScriptExtractorTest {
  @TempDir Path folder;

  /** The file and the values come from PyTorch and Pillow; {@code make.py} beside them. */
  @Test
  void equalsPyTorch() throws IOException {
    JsonObject expected =
        JsonParser.parseString(Files.readString(resource("features.json"))).getAsJsonObject();
    List<BufferedImage> images = new ArrayList<>();
    for (var size : expected.getAsJsonArray("sizes")) {
      JsonArray pair = size.getAsJsonArray();
      images.add(image(pair.get(0).getAsInt(), pair.get(1).getAsInt()));
    }
    Path file = resource("features.pt");
    TorchScriptSettings settings =
        new TorchScriptSettings(
                "five means", ImageTransform.imageNet(expected.get("side").getAsInt()))
            .flags(false)
            .dimension(5)
            .trialSize(64)
            .device(Golden.device());
    FeatureMatrix features;
    try (TorchScriptExtractor extractor = TorchScriptExtractor.load(file, settings)) {
      features = extractor.extract(images);
      assertThat(extractor.info().name()).isEqualTo("five means");
      assertThat(extractor.info().dimension()).isEqualTo(5);
      assertThat(extractor.info().sha256())
          .isEqualTo(Hashing.sha256().hashBytes(Files.readAllBytes(file)).toString());
    }
    JsonArray rows = expected.getAsJsonArray("features");
    assertThat(features.rows()).isEqualTo(rows.size()).isEqualTo(4);
    for (int i = 0; i < rows.size(); i++) {
      for (int k = 0; k < 5; k++) {
        assertThat(features.get(i, k))
            .isCloseTo(rows.get(i).getAsJsonArray().get(k).getAsDouble(), offset(1e-5));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(x): return torch.mean(x) | returned shape ()",
        "(x): return torch.mean(x, [1, 2, 3]) | returned shape (2)",
        "(x): return torch.flatten(x) | returned shape",
        "(x): return torch.flatten(torch.slice(x, 0, 0, 1), 1) | returned shape (1,",
        "(x): return (x, x) | must return one tensor, returned 2",
        "(x): return torch.reshape(x, [7]) | the module failed on an input of shape (2, 3, 16, 16)",
        "(x): return 7 | the module failed on an input of shape (2, 3, 16, 16)",
        "(x, y): return x | the module failed on an input of shape (2, 3, 16, 16)",
        "(x): return torch.div(torch.flatten(x, 1), 0.) | features must be finite",
      })
  void aWrongOutputIsSaidAtLoading(String function, String message) throws IOException {
    Path file = TorchScriptFiles.write(folder.resolve("module.pt"), function);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchScriptExtractor.load(file, plain()).close())
        .withMessageStartingWith(file + ": ")
        .withMessageContaining(message);
  }

  @Test
  void trailingAxesAreFeaturesAndTypesAreWidened() throws IOException {
    for (String type : List.of("5", "6", "7", "3", "15")) {
      Path file =
          TorchScriptFiles.write(
              folder.resolve("module.pt"),
              "(x): return torch.to(torch.slice(torch.mul(x, 255), 2, 0, 2), %s)".formatted(type));
      try (TorchScriptExtractor extractor = TorchScriptExtractor.load(file, plain())) {
        FeatureMatrix features = extractor.extract(List.of(image(16, 16)));
        assertThat(features.dimension()).isEqualTo(3 * 2 * 16);
        assertThat(features.get(0, 1)).as("type %s", type).isCloseTo(7, offset(0.01));
      }
    }
  }

  @Test
  void anImageWithMoreFeaturesThanOthersIsRefused() throws IOException {
    Path file = TorchScriptFiles.write(folder.resolve("m.pt"), "(x): return torch.flatten(x, 1)");
    try (TorchScriptExtractor extractor = TorchScriptExtractor.load(file, plain())) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> extractor.extract(List.of(image(16, 17))))
          .withMessageContaining("must return 768 features for each image, returned 816");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> extractor.extract(List.of(image(16, 17), image(16, 16))))
          .withMessageContaining("features: expected 816 columns, was 768");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> extractor.extract(List.of()))
          .withMessage("images must not be empty");
    }
  }

  @Test
  void aFileThatIsNoneIsNamed() throws IOException {
    Path text = Files.writeString(folder.resolve("text.pt"), "no archive");
    assertThatThrownBy(() -> TorchScriptExtractor.load(text, plain()))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(text + ": cannot be loaded as a TorchScript file: ");
    Path absent = folder.resolve("absent.pt");
    assertThatThrownBy(() -> TorchScriptExtractor.load(absent, plain()))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessage(absent + ": no such TorchScript file");
  }

  @Test
  void otherFeaturesThanExpectedAreRefused() throws IOException {
    Path file = TorchScriptFiles.write(folder.resolve("m.pt"), "(x): return torch.mean(x, [2, 3])");
    TorchScriptSettings settings =
        new TorchScriptSettings("sscd", ImageTransform.imageNet(16))
            .dimension(512)
            .trialSize(16)
            .device(Golden.device());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchScriptExtractor.load(file, settings))
        .withMessage(file + ": must return 512 features for each image, returned 3");
  }

  @Test
  void settingsAreChecked() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TorchScriptSettings(" ", ImageTransform.signed()))
        .withMessage("name must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchScriptSettings.sscd().trialSize(0))
        .withMessage("trialSize must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TorchScriptSettings.sscd().dimension(-1))
        .withMessage("dimension must not be negative, was -1");
    assertThat(TorchScriptSettings.inception().flags()).containsExactly(true);
  }

  private static TorchScriptSettings plain() {
    return new TorchScriptSettings(
            "test",
            new ImageTransform(
                ImageTransform.Fit.AS_IS,
                0,
                Resampling.BOX,
                true,
                0,
                List.of(0.0, 0.0, 0.0),
                List.of(1.0, 1.0, 1.0)))
        .trialSize(16)
        .device(Golden.device());
  }

  private static BufferedImage image(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int red = (x * 7 + y * 3) % 256;
        int green = (x * y) % 256;
        int blue = (x * x + 5 * y) % 256;
        image.setRGB(x, y, red << 16 | green << 8 | blue);
      }
    }
    return image;
  }

  private static Path resource(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(TorchScriptExtractorTest.class.getResource("/torchscript/" + name))
              .toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
