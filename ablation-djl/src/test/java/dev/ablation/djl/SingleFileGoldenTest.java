package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import dev.ablation.djl.internal.singlefile.FileContent;
import dev.ablation.djl.internal.singlefile.FilePart;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.CheckpointExport;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints in one file, and the names in them, against those that diffusers gives. */
class SingleFileGoldenTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final Path FORMATS = GOLDEN.resolve("formats");

  private static final List<String> COMPONENTS = List.of("unet", "vae", "text_encoder");

  @TempDir private Path temp;

  private static LoadOptions options(Path config) {
    return LoadOptions.defaults().device(Golden.device()).threads(1).config(config);
  }

  /** The golden single file, or where the directory has none, one made by the table of names. */
  private Path file(String model) throws IOException {
    Path golden = FORMATS.resolve("singlefile").resolve(model + ".ldm.safetensors");
    return Files.exists(golden) ? golden : joined(model);
  }

  private Path joined(String model) throws IOException {
    Path target = temp.resolve(model + ".ldm.safetensors");
    try (NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch")) {
      Map<String, Map<Integer, NDArray>> parts = new TreeMap<>();
      for (String component : COMPONENTS) {
        String stem = names(component).stem();
        try (Checkpoint checkpoint =
            Checkpoint.open(folder(model).resolve(component), stem, null)) {
          for (Row row : rows(model)) {
            if (row.component().equals(component)
                && checkpoint.tensors().containsKey(row.folderName())) {
              NDArray tensor = checkpoint.read(row.folderName(), manager);
              NDArray part = tensor.getDataType() == DataType.INT64 ? tensor : tensor.duplicate();
              parts
                  .computeIfAbsent(row.fileName(), key -> new TreeMap<>())
                  .put(row.firstRow(), part.reshape(row.partShape()));
            }
          }
        }
      }
      Map<String, NDArray> tensors = new TreeMap<>();
      parts.forEach(
          (name, ofTensor) -> tensors.put(name, NDArrays.concat(new NDList(ofTensor.values()), 0)));
      tensors.put("model_ema.decay", manager.zeros(new Shape()));
      tensors.put("alphas_cumprod", manager.zeros(new Shape(1000)));
      if (model.endsWith("sd2")) {
        String text = "cond_stage_model.model.";
        tensors.put(text + "transformer.resblocks.23.ln_1.bias", manager.zeros(new Shape(7)));
        tensors.put(text + "text_projection", manager.zeros(new Shape(7, 7)));
        tensors.put(text + "logit_scale", manager.zeros(new Shape()));
      }
      SafetensorsWriter.write(target, tensors, Map.of());
    }
    return target;
  }

  private static Path folder(String model) {
    return GOLDEN.resolve("pipelines").resolve(model);
  }

  private static Map<String, float[]> weights(StableDiffusion model) {
    Map<String, float[]> weights = new TreeMap<>();
    model.unet().forEachWeight((n, w) -> weights.put("unet." + n, w.get().toFloatArray()));
    model.vae().forEachWeight((n, w) -> weights.put("vae." + n, w.get().toFloatArray()));
    model.textEncoder().forEachWeight((n, w) -> weights.put("text." + n, w.get().toFloatArray()));
    return weights;
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-sd1", "tiny-sd2"})
  void aSingleFileIsTheModelOfTheFolder(String model) throws IOException {
    try (StableDiffusion single = StableDiffusion.load(file(model), options(folder(model)));
        StableDiffusion whole = StableDiffusion.load(folder(model), GoldenModels.options())) {
      Map<String, float[]> expected = weights(whole);
      Map<String, float[]> actual = weights(single);
      assertThat(actual.keySet()).isEqualTo(expected.keySet()).hasSizeGreaterThan(300);
      actual.forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
      assertThat(single.weights().sha256()).isEqualTo(whole.weights().sha256());
      assertThat(single.descriptor().name()).isEqualTo(model + ".ldm");
      single.capability(CheckpointExport.class).orElseThrow().export(temp.resolve("exported"));
    }
    try (StableDiffusion exported =
        StableDiffusion.load(temp.resolve("exported"), options(folder(model)))) {
      assertThat(exported.weights().list()).isNotEmpty();
    }
  }

  /** A row of a table of names: the same tensor in a folder and in a single file. */
  private record Row(
      String component, String folderName, String fileName, Shape fileShape, String operation) {

    private static final Pattern ROWS = Pattern.compile("rows ?\\[(\\d+),(\\d+)\\)");

    static Row of(String line) {
      String[] cells = line.split("\t", -1);
      long[] shape =
          Arrays.stream(cells[4].replaceAll("[\\[\\] ]", "").split(","))
              .mapToLong(Long::parseLong)
              .toArray();
      return new Row(cells[0], cells[1], cells[2], new Shape(shape), cells[5]);
    }

    int firstRow() {
      Matcher rows = ROWS.matcher(operation);
      return rows.matches() ? Integer.parseInt(rows.group(1)) : 0;
    }

    /** The shape of the tensor in the folder as a part of the one in the file. */
    Shape partShape() {
      Matcher rows = ROWS.matcher(operation);
      if (!rows.matches()) {
        return fileShape;
      }
      long[] shape = fileShape.getShape().clone();
      shape[0] = Long.parseLong(rows.group(2)) - Long.parseLong(rows.group(1));
      return new Shape(shape);
    }

    boolean isWeight() {
      return !folderName.endsWith("position_ids");
    }

    TensorPiece piece() {
      if (operation.equals("transpose")) {
        return TensorPiece.whole(folderName).transpose();
      }
      Matcher rows = ROWS.matcher(operation);
      if (!rows.matches()) {
        return TensorPiece.whole(folderName);
      }
      int width = Integer.parseInt(rows.group(2)) - firstRow();
      return TensorPiece.split(
          folderName, firstRow() / width, Math.toIntExact(fileShape.get(0)) / width);
    }
  }

  private static List<Row> rows(String table) throws IOException {
    List<Row> rows = new ArrayList<>();
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(
                    Files.newInputStream(
                        FORMATS.resolve("names").resolve(table + ".names.tsv.gz"))),
                StandardCharsets.UTF_8))) {
      reader.readLine();
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        rows.add(Row.of(line));
      }
    }
    return rows;
  }

  /** Also at the geometry of the published models, of which there are no weights here. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-sd1", "tiny-sd2", "sd1", "sd2"})
  void everyNameIsThatOfTheTable(String table) throws IOException {
    assertNamesOf(rows(table), COMPONENTS);
  }

  private static void assertNamesOf(List<Row> rows, List<String> components) {
    Set<String> tensors = new LinkedHashSet<>();
    rows.forEach(row -> tensors.add(row.fileName()));
    for (String component : components) {
      Set<String> weights = new LinkedHashSet<>();
      rows.stream()
          .filter(row -> row.component().equals(component) && row.isWeight())
          .forEach(row -> weights.add(row.folderName()));
      assertThat(weights).as(component).hasSizeGreaterThan(30);
      NetworkNames names = names(component);
      TensorMapping mapping =
          FilePart.find(component, names, tensors)
              .orElseThrow()
              .mapping(names, tensors, weights, FileContent::isIgnored);
      Set<TensorPiece> found = new LinkedHashSet<>();
      for (Row row : rows) {
        List<TensorPiece> pieces = mapping.pieces(row.fileName());
        if (row.component().equals(component) && row.isWeight()) {
          assertThat(pieces).as(row.fileName()).contains(row.piece());
          found.addAll(pieces);
        } else {
          assertThat(pieces).as(row.fileName()).isEmpty();
        }
      }
      assertThat(found).hasSameSizeAs(weights);
    }
  }

  /** XL's second text encoder is in a layout of its own. */
  @Test
  void everyNameOfXlIsThatOfTheTable() throws IOException {
    assertNamesOf(rows("sdxl"), List.of("unet", "vae", "text_encoder", "text_encoder_2"));
  }

  private static NetworkNames names(String component) {
    return switch (component) {
      case "unet" -> NetworkNames.UNET;
      case "vae" -> NetworkNames.VAE;
      default -> NetworkNames.CLIP_TEXT;
    };
  }

  /** Writes a golden single file again, changed. */
  private Path changed(String model, Change change) throws IOException {
    Path target = temp.resolve(model + "-changed.safetensors");
    try (NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
        Checkpoint checkpoint = Checkpoint.openFile(file(model))) {
      Map<String, NDArray> tensors = new TreeMap<>();
      for (String name : checkpoint.tensors().keySet()) {
        tensors.put(name, checkpoint.read(name, manager));
      }
      change.in(tensors, manager);
      SafetensorsWriter.write(target, tensors, Map.of());
    }
    return target;
  }

  private interface Change {
    void in(Map<String, NDArray> tensors, NDManager manager);
  }

  @Test
  void whatIsMissingUnexpectedOrMisshapenIsReported() throws IOException {
    Path file =
        changed(
            "tiny-sd2",
            (tensors, manager) -> {
              String block = "cond_stage_model.model.transformer.resblocks.0.";
              tensors.remove("model.diffusion_model.out.2.bias");
              tensors.put(block + "attn.in_proj_bias", manager.zeros(new Shape(95)));
              tensors.put("model.diffusion_model.extra", manager.zeros(new Shape(1)));
              tensors.put("somewhere.else", manager.zeros(new Shape(1)));
              tensors.put("model_ema.extra", manager.zeros(new Shape(1)));
            });
    assertThatThrownBy(() -> StableDiffusion.load(file, options(folder("tiny-sd2"))))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(
            file.toString(),
            "unet: missing tensor conv_out.bias",
            "unet: unexpected tensor model.diffusion_model.extra",
            "unexpected tensor somewhere.else",
            "in_proj_bias must have shape (32), has (95)")
        .hasMessageNotContaining("model_ema");
  }

  @Test
  void textModelInTheNamesMayBeMissing() throws IOException {
    String prefix = "cond_stage_model.transformer.";
    Path file =
        changed(
            "tiny-sd1",
            (tensors, manager) -> {
              for (String name : List.copyOf(tensors.keySet())) {
                if (name.startsWith(prefix)) {
                  tensors.put(name.replace("text_model.", ""), tensors.remove(name));
                }
              }
            });
    try (StableDiffusion model = StableDiffusion.load(file, options(folder("tiny-sd1")));
        StableDiffusion whole = StableDiffusion.load(folder("tiny-sd1"), GoldenModels.options())) {
      assertThat(model.weights().sha256()).isEqualTo(whole.weights().sha256());
    }
  }
}
