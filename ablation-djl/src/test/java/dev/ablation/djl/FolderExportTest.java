package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.CheckpointExport;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.TensorEntry;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoint folders that are written, from copies of a golden pipeline. */
class FolderExportTest {
  private static final LoadOptions OPTIONS =
      LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device")));

  private static final String INDEX = "model_index.json";
  private static final String CHECKER = "[\"stable_diffusion\", \"StableDiffusionSafetyChecker\"]";

  @TempDir private Path temp;
  private PipelineCopy copy;
  private Path target;

  @BeforeEach
  void copyPipeline() throws IOException {
    copy = PipelineCopy.into(temp.resolve("model"));
    target = Files.createDirectory(temp.resolve("out")).resolve("exported");
  }

  private static void export(StableDiffusion model, Path folder) throws IOException {
    model.capability(CheckpointExport.class).orElseThrow().export(folder);
  }

  private void export() throws IOException {
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      export(model, target);
    }
  }

  private JsonObject exported(String file) throws IOException {
    return JsonParser.parseString(Files.readString(target.resolve(file))).getAsJsonObject();
  }

  private static Set<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString().replace('\\', '/'))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private void assertNothingWasWritten() throws IOException {
    try (Stream<Path> files = Files.list(target.getParent())) {
      assertThat(files).isEmpty();
    }
  }

  private static Map<String, float[]> weights(StableDiffusion model) {
    Map<String, float[]> weights = new TreeMap<>();
    model.unet().forEachWeight((n, w) -> weights.put("unet." + n, w.get().toFloatArray()));
    model.vae().forEachWeight((n, w) -> weights.put("vae." + n, w.get().toFloatArray()));
    model.textEncoder().forEachWeight((n, w) -> weights.put("text." + n, w.get().toFloatArray()));
    return weights;
  }

  private static void assertSame(Map<String, float[]> actual, Map<String, float[]> expected) {
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    actual.forEach((name, values) -> assertThat(values).as(name).isEqualTo(expected.get(name)));
  }

  @Test
  void theFolderHasAllPartsUnderThePlainNames() throws IOException {
    export();
    Set<String> expected = new TreeSet<>(Set.of(INDEX));
    for (String part : PipelineCopy.NETWORKS) {
      expected.add(part + "/config.json");
      expected.add(part + "/" + PipelineCopy.stem(part) + ".safetensors");
    }
    for (String part : List.of("tokenizer", "scheduler")) {
      for (String file : files(copy.path(part))) {
        expected.add(part + "/" + file);
        assertThat(target.resolve(part).resolve(file))
            .hasSameBinaryContentAs(copy.path(part).resolve(file));
      }
    }
    assertThat(files(target)).isEqualTo(expected);
    JsonObject index = copy.json(INDEX);
    index.addProperty("requires_safety_checker", false);
    assertThat(exported(INDEX)).isEqualTo(index);
    for (String part : PipelineCopy.NETWORKS) {
      assertThat(exported(part + "/config.json")).isEqualTo(copy.json(part + "/config.json"));
    }
  }

  @Test
  void theSameModelIsLoadedAgain() throws IOException {
    Path again = target.resolveSibling("again");
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      export(model, target);
      try (StableDiffusion reloaded = StableDiffusion.load(target, OPTIONS)) {
        assertSame(weights(reloaded), weights(model));
        assertThat(reloaded.unet().config()).isEqualTo(model.unet().config());
        assertThat(reloaded.vae().config()).isEqualTo(model.vae().config());
        assertThat(reloaded.textEncoder().config()).isEqualTo(model.textEncoder().config());
        assertThat(reloaded.schedule()).isEqualTo(model.schedule());
        assertThat(reloaded.predictionType()).isEqualTo(model.predictionType());
        assertThat(reloaded.sampler()).isEqualTo(model.sampler());
        assertThat(reloaded.tokenizer().encode("a photo of a cat"))
            .isEqualTo(model.tokenizer().encode("a photo of a cat"));
        export(reloaded, again);
      }
    }
    assertThat(files(again)).isEqualTo(files(target));
    for (String file : files(target)) {
      assertThat(again.resolve(file)).hasSameBinaryContentAs(target.resolve(file));
    }
  }

  @Test
  void narrowShardsOfVariantsBecomeFloat32InOneFile() throws IOException {
    copy.store("unet", WriteOptions.defaults().storingFloatsAs(Dtype.F16));
    copy.shard("unet", 3);
    copy.store("vae", WriteOptions.defaults().storingFloatsAs(Dtype.BF16));
    Files.move(copy.weightFile("vae"), copy.path("vae/diffusion_pytorch_model.bf16.safetensors"));
    copy.store("text_encoder", WriteOptions.defaults().storingFloatsAs(Dtype.F16));
    copy.set("text_encoder/config.json", "torch_dtype", "\"float16\"");
    copy.set("vae/config.json", "dtype", "\"bfloat16\"");
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      export(model, target);
      assertThat(exported("text_encoder/config.json").get("torch_dtype").getAsString())
          .isEqualTo("float32");
      assertThat(exported("vae/config.json").get("dtype").getAsString()).isEqualTo("float32");
      assertThat(exported("unet/config.json").has("dtype")).isFalse();
      for (String part : PipelineCopy.NETWORKS) {
        Path file = target.resolve(part).resolve(PipelineCopy.stem(part) + ".safetensors");
        try (Checkpoint checkpoint = Checkpoint.openFile(file)) {
          assertThat(checkpoint.tensors().values())
              .extracting(TensorEntry::dtype)
              .containsOnly(Dtype.F32);
          String first = checkpoint.tensors().keySet().iterator().next();
          assertThat(checkpoint.metadataOf(first)).containsEntry("format", "pt");
        }
      }
      try (StableDiffusion reloaded = StableDiffusion.load(target, OPTIONS)) {
        assertSame(weights(reloaded), weights(model));
      }
    }
  }

  @Test
  void oldNamesBecomeNewOnes() throws IOException {
    copy.weights(
        "vae",
        (tensors, manager) -> {
          for (String name : List.copyOf(tensors.keySet())) {
            if (name.contains(".attentions.")) {
              NDArray tensor = tensors.remove(name);
              tensors.put(
                  name.replace(".to_q.", ".query.")
                      .replace(".to_k.", ".key.")
                      .replace(".to_v.", ".value.")
                      .replace(".to_out.0.", ".proj_attn."),
                  tensor);
            }
          }
        });
    export();
    try (Checkpoint vae =
            Checkpoint.openFile(target.resolve("vae/diffusion_pytorch_model.safetensors"));
        Checkpoint text = Checkpoint.openFile(target.resolve("text_encoder/model.safetensors"))) {
      assertThat(vae.tensors().keySet())
          .anyMatch(name -> name.contains(".to_out.0."))
          .noneMatch(name -> name.contains(".query.") || name.contains(".proj_attn."));
      assertThat(text.tensors().keySet())
          .allMatch(name -> name.startsWith("text_model."))
          .noneMatch(name -> name.endsWith("position_ids"));
    }
  }

  @Test
  void boundWeightsAreWritten() throws IOException {
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      Map<String, float[]> expected = weights(model);
      try (NDArray changed = model.weights().get("unet.conv_in.bias").add(1)) {
        model.weights().bind("unet.conv_in.bias", changed);
        expected.put("unet.conv_in.bias", changed.toFloatArray());
        export(model, target);
        model.weights().bind("unet.conv_in.bias", null);
      }
      try (StableDiffusion reloaded = StableDiffusion.load(target, OPTIONS)) {
        assertSame(weights(reloaded), expected);
      }
    }
  }

  @Test
  void aSafetyCheckerIsCopied() throws IOException {
    copy.set(INDEX, "safety_checker", CHECKER);
    copy.set(INDEX, "feature_extractor", "[\"transformers\", \"CLIPImageProcessor\"]");
    copy.set(INDEX, "requires_safety_checker", "true");
    Files.createDirectories(copy.path("safety_checker/inner"));
    Files.writeString(copy.path("safety_checker/config.json"), "{}");
    Files.writeString(copy.path("safety_checker/inner/model.safetensors"), "weights");
    Files.createDirectory(copy.path("feature_extractor"));
    Files.writeString(copy.path("feature_extractor/preprocessor_config.json"), "{}");
    export();
    assertThat(exported(INDEX)).isEqualTo(copy.json(INDEX));
    assertThat(files(target.resolve("safety_checker")))
        .containsExactly("config.json", "inner/model.safetensors");
    assertThat(target.resolve("safety_checker/inner/model.safetensors")).hasContent("weights");
    assertThat(target.resolve("feature_extractor/preprocessor_config.json")).exists();
  }

  @ParameterizedTest
  @ValueSource(strings = {CHECKER, "[null, null]", "null", "absent"})
  void withoutSafetyCheckerNoneIsRequired(String checker) throws IOException {
    if (checker.equals("absent")) {
      copy.remove(INDEX, "safety_checker");
    } else {
      copy.set(INDEX, "safety_checker", checker);
    }
    copy.set(INDEX, "requires_safety_checker", "true");
    export();
    JsonObject index = exported(INDEX);
    assertThat(index.get("requires_safety_checker").getAsBoolean()).isFalse();
    if (checker.equals("absent")) {
      assertThat(index.has("safety_checker")).isFalse();
    } else if (!checker.equals("null")) {
      assertThat(index.get("safety_checker")).isEqualTo(JsonParser.parseString("[null, null]"));
    }
    assertThat(target.resolve("safety_checker")).doesNotExist();
    StableDiffusion.load(target, OPTIONS).close();
  }

  @Test
  void unknownKeysAreKept() throws IOException {
    copy.set(INDEX, "extra", "3");
    copy.set("unet/config.json", "extra", "{\"a\": [1e-05, null, \"\u00fc<>\"]}");
    copy.set("scheduler/scheduler_config.json", "extra", "1");
    export();
    assertThat(exported(INDEX).get("extra").getAsInt()).isEqualTo(3);
    assertThat(exported("unet/config.json")).isEqualTo(copy.json("unet/config.json"));
    assertThat(Files.readString(target.resolve("unet/config.json"))).contains("1e-05", "\u00fc<>");
    assertThat(exported("scheduler/scheduler_config.json").has("extra")).isTrue();
  }

  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC})
  void linksAndReadOnlyFilesAreCopiedAsFiles() throws IOException {
    // as in the cache of a hub
    Path blobs = Files.createDirectory(temp.resolve("blobs"));
    Path snapshot = Files.createDirectory(temp.resolve("snapshots")).resolve("main");
    Files.move(copy.root(), snapshot);
    Files.createSymbolicLink(copy.root(), snapshot);
    try (Stream<Path> files = Files.walk(snapshot)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path blob = Files.move(file, blobs.resolve("blob" + file.toString().hashCode()));
        assertThat(blob.toFile().setReadOnly()).isTrue();
        Files.createSymbolicLink(file, blob);
      }
    }
    export();
    try (Stream<Path> files = Files.walk(target)) {
      assertThat(files).noneMatch(Files::isSymbolicLink);
    }
    StableDiffusion.load(target, OPTIONS).close();
  }

  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC})
  void aLinkOutOfTheFolderIsNotCopied() throws IOException {
    Path secret = Files.writeString(temp.resolve("secret"), "a key");
    Files.createSymbolicLink(copy.root().resolve("tokenizer").resolve("notes.txt"), secret);
    export();
    assertThat(target.resolve("tokenizer/vocab.json")).exists();
    assertThat(target.resolve("tokenizer/notes.txt")).doesNotExist();
    StableDiffusion.load(target, OPTIONS).close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"folder", "full folder", "file", "source"})
  void whatExistsStays(String kind) throws IOException {
    switch (kind) {
      case "folder" -> Files.createDirectory(target);
      case "full folder" -> {
        Files.createDirectory(target);
        Files.writeString(target.resolve("mine"), "mine");
      }
      case "file" -> Files.writeString(target, "mine");
      default -> target = copy.root();
    }
    Set<String> before = files(temp);
    assertThatThrownBy(this::export)
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContainingAll(target.toString(), "exists");
    assertThat(files(temp)).isEqualTo(before);
  }

  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC})
  void aLinkToNothingStays() throws IOException {
    Files.createSymbolicLink(target, temp.resolve("nothing"));
    assertThatThrownBy(this::export).isInstanceOf(FileAlreadyExistsException.class);
    assertThat(target).isSymbolicLink();
    assertThat(temp.resolve("nothing")).doesNotExist();
  }

  @Test
  void theParentMustExist() {
    target = temp.resolve("no").resolve("where");
    assertThatThrownBy(this::export)
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContainingAll(target.getParent().toString(), target.toString());
    assertThat(target.getParent()).doesNotExist();
  }

  @Test
  void theParentMustBeAFolder() throws IOException {
    target = Files.writeString(temp.resolve("file"), "mine").resolve("exported");
    assertThatThrownBy(this::export)
        .isInstanceOf(NotDirectoryException.class)
        .hasMessageContaining(target.getParent().toString());
    assertThat(target.getParent()).hasContent("mine");
  }

  @Test
  void theParentMustBeWritable() throws IOException {
    assertThat(target.getParent().toFile().setWritable(false)).isTrue();
    try {
      assumeFalse(Files.isWritable(target.getParent()), "the superuser may write everywhere");
      assertThatThrownBy(this::export)
          .isInstanceOf(IOException.class)
          .hasMessageContaining(target.getParent().toString());
      assertNothingWasWritten();
    } finally {
      assertThat(target.getParent().toFile().setWritable(true)).isTrue();
    }
  }

  /** Here nobody can create files, not even the superuser. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aFileSystemThatTakesNoFilesIsTold() {
    target = Path.of("/proc/exported");
    assertThatThrownBy(this::export).isInstanceOf(IOException.class).hasMessageContaining("/proc");
    assertThat(target).doesNotExist();
  }

  /** The small files are kept with the model; of weights that were mapped the memory stays. */
  @ParameterizedTest
  @ValueSource(strings = {"tokenizer", "scheduler", "model_index.json", "vae/config.json", "unet"})
  void whatTheSourceHasLostMeanwhileIsWrittenAllTheSame(String file) throws IOException {
    Path before = target.resolveSibling("before");
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      export(model, before);
      copy.delete(file);
      export(model, target);
    }
    assertThat(files(target)).isEqualTo(files(before));
    for (String each : files(before)) {
      assertThat(target.resolve(each)).hasSameBinaryContentAs(before.resolve(each));
    }
  }

  @Test
  void aSafetyCheckerThatIsGoneIsLeftOut() throws IOException {
    copy.set(INDEX, "safety_checker", CHECKER);
    copy.set(INDEX, "requires_safety_checker", "true");
    Files.createDirectories(copy.path("safety_checker"));
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      copy.delete("safety_checker");
      export(model, target);
    }
    assertThat(exported(INDEX).get("safety_checker"))
        .isEqualTo(JsonParser.parseString("[null, null]"));
    assertThat(exported(INDEX).get("requires_safety_checker").getAsBoolean()).isFalse();
  }

  @Test
  void aClosedModelIsNotExported() throws IOException {
    StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS);
    model.close();
    assertThatThrownBy(() -> export(model, target)).isInstanceOf(IllegalStateException.class);
    assertNothingWasWritten();
  }

  @Test
  void theTargetMayBeRelativeAndHaveAnyName() throws IOException {
    target = target.resolveSibling("\u00dcn\u00efc\u00f6d\u00e9 \u6a21\u578b");
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      export(model, Path.of("").toAbsolutePath().relativize(target));
    }
    StableDiffusion.load(target, OPTIONS).close();
  }
}
