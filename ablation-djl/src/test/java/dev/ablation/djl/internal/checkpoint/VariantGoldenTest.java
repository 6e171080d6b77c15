package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.NarrowFloats;
import dev.ablation.safetensors.TensorEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Parts of models stored in narrower floats, each in a folder {@code <pipeline>-<part>}. Their
 * values are those of the part, rounded.
 */
class VariantGoldenTest {

  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));

  private record Variant(String name, Path folder, Path base, String stem) {}

  @TestFactory
  Stream<DynamicTest> everyTensorIsThatOfTheBaseRounded() throws IOException {
    List<Variant> variants = new ArrayList<>(variants("variants"));
    assertThat(variants).as("folders of variants").isNotEmpty();
    if (Files.isDirectory(GOLDEN.resolve("formats").resolve("sharded"))) { // 2 MB, not in the copy
      variants.addAll(variants("sharded"));
    }
    return variants.stream()
        .flatMap(variant -> {
          try (Checkpoint narrow = open(variant.folder(), variant.stem());
              Checkpoint base = open(variant.base(), variant.stem())) {
            List<String> names = List.copyOf(narrow.tensors().keySet());
            return Stream.concat(
                Stream.of(
                    DynamicTest.dynamicTest(
                        variant.name() + " has the tensors of the base",
                        () ->
                            assertThat(names)
                                .isNotEmpty()
                                .containsExactlyInAnyOrderElementsOf(base.tensors().keySet()))),
                names.stream()
                    .map(name ->
                        DynamicTest.dynamicTest(
                            variant.name() + " " + name, () -> compare(variant, name))));
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }

  private static List<Variant> variants(String kind) throws IOException {
    try (Stream<Path> folders = Files.list(GOLDEN.resolve("formats").resolve(kind))) {
      return folders.sorted().map(VariantGoldenTest::variant).toList();
    }
  }

  private static Variant variant(Path folder) {
    String name = folder.getFileName().toString();
    try (Stream<Path> pipelines = Files.list(GOLDEN.resolve("pipelines"))) {
      Path pipeline =
          pipelines
              .filter(path -> name.startsWith(path.getFileName() + "-"))
              .findFirst()
              .orElseThrow(() -> new AssertionError("no pipeline for " + folder));
      // A name may end with the format: tiny-sd1-unet-fp16.
      String rest = name.substring(pipeline.getFileName().toString().length() + 1);
      String part = rest.replaceFirst("-(fp16|bf16)$", "");
      String stem =
          part.startsWith("text_encoder")
              ? WeightFiles.TRANSFORMERS_STEM
              : WeightFiles.DIFFUSERS_STEM;
      return new Variant(name, folder, pipeline.resolve(part), stem);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** No variant is named: the only one of the folder is taken. */
  private static Checkpoint open(Path folder, String stem) throws IOException {
    return Checkpoint.open(folder, stem, null);
  }

  private static void compare(Variant variant, String name) throws IOException {
    Device device = Device.fromName(System.getProperty("ablation.device"));
    try (NDManager manager = NDManager.newBaseManager(device);
        Checkpoint narrow = open(variant.folder(), variant.stem());
        Checkpoint base = open(variant.base(), variant.stem())) {
      TensorEntry entry = narrow.tensors().get(name);
      NDArray actual = narrow.readFloat32(name, manager);
      float[] expected = base.readFloat32(name, manager).toFloatArray();
      for (int i = 0; i < expected.length; i++) {
        if (entry.dtype() == Dtype.BF16) {
          expected[i] = NarrowFloats.fromBfloat16(NarrowFloats.toBfloat16(expected[i]));
        } else if (entry.dtype() == Dtype.F16) {
          expected[i] = NarrowFloats.fromFloat16(NarrowFloats.toFloat16(expected[i]));
        }
      }
      assertThat(actual.getShape()).isEqualTo(base.tensors().get(name).shape());
      assertThat(actual.toFloatArray()).isEqualTo(expected);
    }
  }
}
