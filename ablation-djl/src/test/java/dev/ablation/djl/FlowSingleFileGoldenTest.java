package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.dit.SingleFileNames;
import dev.ablation.djl.dit.SingleFileNames.Part;
import dev.ablation.djl.flux.FluxSingleFile;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.WeightFiles;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.sd3.SD3SingleFile;
import dev.ablation.djl.sd3.SD3TransformerConfig;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.Tolerance;
import dev.ablation.safetensors.Dtype;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Second golden set: where single files keep the weights of the transformers. */
class FlowSingleFileGoldenTest {
  private static final Map<Dtype, Kernel> ROUNDED =
      Map.of(
          Dtype.F32,
          Kernel.of("(x): return torch.to(x, 6)"),
          Dtype.F16,
          Kernel.of("(x): return torch.to(torch.to(x, 5), 6)"),
          Dtype.BF16,
          Kernel.of("(x): return torch.to(torch.to(x, 15), 6)"));

  @TempDir private Path folder;

  /** A tensor of the file and the weights that lie in it. */
  private record Row(String file, List<String> weights, String operation, List<Long> sizes) {

    List<Part> expected(String weight, long rows) {
      if (operation.startsWith("swap halves")) {
        return List.of(new Part(file, 1, 2, 2), new Part(file, 0, 1, 2));
      }
      if (operation.equals("copy")) {
        return List.of(new Part(file, 0, 1, 1));
      }
      long unit = sizes.get(0);
      int at = weights.indexOf(weight);
      long from = sizes.subList(0, at).stream().mapToLong(Long::longValue).sum();
      return List.of(
          new Part(
              file,
              Math.toIntExact(from / unit),
              Math.toIntExact((from + sizes.get(at)) / unit),
              Math.toIntExact(rows / unit)));
    }
  }

  private static SingleFileNames names(boolean flux, JsonConfig config) throws IOException {
    return flux
        ? FluxSingleFile.transformer()
        : SD3SingleFile.transformer(SD3TransformerConfig.of(config));
  }

  /** Names and rows at the size of the published models. */
  @TestFactory
  Stream<DynamicTest> inventories() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    String suffix = ".singlefile.tsv.gz";
    try (Stream<Path> files = Files.list(FlowGolden.path("inventory"))) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(suffix) && name.matches("(sd3|flux).*")) {
          String model = name.substring(0, name.length() - suffix.length());
          tests.add(dynamicTest(model, () -> checkInventory(model, file)));
        }
      }
    }
    assertThat(tests).as("inventories of single files").isNotEmpty();
    return tests.stream();
  }

  private void checkInventory(String model, Path file) throws IOException {
    JsonObject inventory =
        Golden.object(FlowGolden.path("inventory/" + model + ".transformer.json"));
    boolean flux = model.startsWith("flux");
    SingleFileNames names =
        names(flux, SmallConfig.read(inventory.getAsJsonObject("config").toString(), folder));
    Map<String, List<Part>> expected = new TreeMap<>();
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      for (String line : reader.lines().skip(1).toList()) {
        String[] cells = line.split("\t", -1);
        if (cells[1].equals("transformer")) {
          List<String> weights = List.of(cells[2].split("\\|"));
          add(
              new Row(withoutPrefix(cells[0], flux), weights, cells[3], sizes(cells[5], weights)),
              JsonParser.parseString(cells[4]).getAsJsonArray().get(0).getAsLong(),
              expected);
        }
      }
    }
    check(names, expected, inventory.getAsJsonObject("tensors").keySet());
  }

  private static String withoutPrefix(String tensor, boolean flux) {
    if (flux) {
      return tensor;
    }
    assertThat(tensor).startsWith(SD3SingleFile.TRANSFORMER);
    return tensor.substring(SD3SingleFile.TRANSFORMER.length());
  }

  private static List<Long> sizes(String shapes, List<String> weights) {
    JsonArray array = JsonParser.parseString(shapes).getAsJsonArray();
    return weights.size() == 1
        ? List.of(array.get(0).getAsLong())
        : array.asList().stream().map(shape -> shape.getAsJsonArray().get(0).getAsLong()).toList();
  }

  private static void add(Row row, long rows, Map<String, List<Part>> expected) {
    for (String weight : row.weights()) {
      expected.put(weight, row.expected(weight, rows));
    }
  }

  private static void check(
      SingleFileNames names, Map<String, List<Part>> expected, Set<String> weights) {
    assertThat(expected.keySet()).isEqualTo(new TreeSet<>(weights)).isNotEmpty();
    Map<String, List<Part>> actual = new TreeMap<>();
    weights.forEach(weight -> actual.put(weight, names.parts(weight)));
    assertThat(actual).isEqualTo(expected);
  }

  /** Values of the small files, which are rounded to the format that they store. */
  @TestFactory
  Stream<DynamicTest> values() throws IOException {
    List<Family> families = new ArrayList<>(FlowGolden.families("StableDiffusion3Pipeline"));
    families.addAll(FlowGolden.families("FluxPipeline"));
    List<DynamicTest> tests = new ArrayList<>();
    for (Family family : families) {
      Path file =
          FlowGolden.path("singlefile").resolve(family.model().getFileName() + ".safetensors");
      if (Files.exists(file)) {
        tests.add(dynamicTest(family.name(), () -> checkValues(family, file)));
      }
    }
    assertThat(tests).as("single files").isNotEmpty();
    return tests.stream();
  }

  private static void checkValues(Family family, Path file) throws IOException {
    boolean flux = family.components("SD3Transformer2DModel").isEmpty();
    String component = family.component(flux ? "FluxTransformer2DModel" : "SD3Transformer2DModel");
    SingleFileNames names = names(flux, FlowGolden.config(family, component));
    String prefix = flux ? "" : SD3SingleFile.TRANSFORMER;
    try (NDManager manager = FlowGolden.manager();
        Checkpoint single = Checkpoint.openFile(file);
        Checkpoint whole =
            Checkpoint.open(family.model().resolve(component), WeightFiles.DIFFUSERS_STEM, null)) {
      Map<String, Long> rowsRead = new LinkedHashMap<>();
      for (String weight : whole.tensors().keySet()) {
        NDList parts = new NDList();
        Dtype dtype = Dtype.F32;
        for (Part part : names.parts(weight)) {
          NDArray tensor = single.readFloat32(prefix + part.tensor(), manager);
          dtype = single.tensors().get(prefix + part.tensor()).dtype();
          long unit = tensor.getShape().get(0) / part.of();
          parts.add(tensor.get(part.from() * unit + ":" + part.to() * unit));
          rowsRead.merge(prefix + part.tensor(), (part.to() - part.from()) * unit, Long::sum);
        }
        NDArray expected = whole.readFloat32(weight, manager);
        Kernel rounded = ROUNDED.get(dtype);
        Tolerance.EXACT.check(
            weight,
            Tensor.of(NDArrays.concat(parts)),
            Tensor.of(GradMode.with(false, () -> rounded.call(expected))));
      }
      Map<String, Long> rows = new LinkedHashMap<>();
      single
          .tensors()
          .forEach((name, entry) -> {
            if (name.startsWith(prefix)) {
              rows.put(name, entry.shape().get(0));
            }
          });
      assertThat(rowsRead).as("rows of every tensor").isEqualTo(rows);
    }
  }

  @Test
  void refusesWeightsThatItDoesNotKnow() {
    for (String weight : List.of("x", "transformer_blocks.0.norm9.weight", "blocks.0.a.weight")) {
      assertThatThrownBy(() -> FluxSingleFile.transformer().parts(weight))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("no name in a single file is known for " + weight);
    }
  }
}
