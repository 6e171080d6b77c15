package dev.ablation.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.image.Resampling;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** The diffusers variant with given sizes and places. */
class AugmentationGoldenTest {
  /** The reference allows one level of 255: libraries round their sines differently. */
  private static final Tolerance ONE_LEVEL = Tolerance.maxAbs(1 / 127.5 + 1e-6);

  private final TensorFile file = TensorFile.of(Golden.path("E_training/preprocess.safetensors"));

  AugmentationGoldenTest() throws IOException {}

  @TestFactory
  Stream<DynamicNode> scalesAndPlacesAsTheReference() throws IOException {
    List<JsonElement> cases =
        JsonParser.parseString(Files.readString(Golden.path("E_training/preprocess.json")))
            .getAsJsonArray()
            .asList();
    assertThat(cases).isNotEmpty();
    TensorTests tests = new TensorTests(file);
    for (JsonElement element : cases) {
      add(element.getAsJsonObject(), tests);
    }
    return tests.stream();
  }

  private void add(JsonObject one, TensorTests tests) throws IOException {
    String prefix = one.get("case").getAsInt() + ".";
    int size = one.get("size").getAsInt();
    int scale = one.get("scale").getAsInt();
    Shape maskShape = file.shape(prefix + "mask");
    int latent = Math.toIntExact(maskShape.get(0));
    Canvas canvas = new Canvas(latent, latent, size / latent);
    Augmentation augmentation = Augmentation.diffusers();
    Placement placement =
        new Placement(scale, scale, one.get("top").getAsInt(), one.get("left").getAsInt(), true);
    BufferedImage input = image(prefix + "input_uint8");
    assertThat(input.getHeight()).isEqualTo(one.get("input_height").getAsInt());
    assertThat(input.getWidth()).isEqualTo(one.get("input_width").getAsInt());
    tests
        .inputs(prefix + "input_uint8")
        .compareAll(
            List.of(prefix + "resized_uint8"),
            dynamicTest(
                prefix + "resized_uint8",
                () -> {
                  assertThat(augmentation.resampling()).isEqualTo(Resampling.LANCZOS);
                  Tolerance.maxAbs(1)
                      .check(
                          prefix + "resized_uint8",
                          bytes(augmentation.resampling().resize(input, scale, scale)),
                          bytes(image(prefix + "resized_uint8")));
                }))
        .compare(
            prefix + "instance_image",
            ONE_LEVEL,
            () ->
                new Tensor(new Shape(3, size, size), augmentation.render(input, placement, canvas)))
        .compare(
            prefix + "mask", Tolerance.EXACT, () -> new Tensor(maskShape, mask(placement, canvas)));
  }

  private static float[] mask(Placement placement, Canvas canvas) {
    float[] mask = placement.mask(canvas);
    if (mask == null) {
      mask = new float[canvas.latentHeight() * canvas.latentWidth()];
      java.util.Arrays.fill(mask, 1);
    }
    return mask;
  }

  private BufferedImage image(String name) throws IOException {
    Shape shape = file.shape(name);
    int height = Math.toIntExact(shape.get(0));
    int width = Math.toIntExact(shape.get(1));
    byte[] bytes = file.bytes(name);
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < height * width; i++) {
      int rgb =
          (bytes[3 * i] & 0xff) << 16 | (bytes[3 * i + 1] & 0xff) << 8 | (bytes[3 * i + 2] & 0xff);
      image.setRGB(i % width, i / width, rgb);
    }
    return image;
  }

  private static Tensor bytes(BufferedImage image) {
    int height = image.getHeight();
    int width = image.getWidth();
    float[] values = new float[3 * height * width];
    for (int i = 0; i < height * width; i++) {
      int rgb = image.getRGB(i % width, i / width);
      values[3 * i] = (rgb >> 16) & 0xff;
      values[3 * i + 1] = (rgb >> 8) & 0xff;
      values[3 * i + 2] = rgb & 0xff;
    }
    return new Tensor(new Shape(height, width, 3), values);
  }
}
