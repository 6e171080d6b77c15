package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.AblationResult;
import dev.ablation.concept.ConceptKind;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EmbeddedModelTest {
  @TempDir private Path cache;

  private final TreeMap<String, String> properties = new TreeMap<>();

  @BeforeEach
  void unpackIntoAFolderOfItsOwn() {
    for (String name : List.of(ModelFiles.CACHE_PROPERTY, "user.home", "java.io.tmpdir")) {
      String value = System.getProperty(name);
      if (value != null) {
        properties.put(name, value);
      }
    }
    System.setProperty(ModelFiles.CACHE_PROPERTY, cache.toString());
  }

  @AfterEach
  void restoreProperties() {
    System.clearProperty(ModelFiles.CACHE_PROPERTY);
    properties.forEach(System::setProperty);
  }

  @ParameterizedTest
  @ValueSource(strings = {"model", "evaluator"})
  void theManifestListsEveryFileOnTheClassPath(String model) throws Exception {
    Path folder = Path.of(EmbeddedModel.class.getResource(model).toURI());
    List<String> actual;
    try (Stream<Path> files = Files.walk(folder)) {
      actual =
          files
              .filter(Files::isRegularFile)
              .filter(file -> !file.endsWith("manifest.txt"))
              .map(file -> line(folder, file))
              .sorted()
              .toList();
    }
    // If this fails since a file was changed on purpose: these are the lines for manifest.txt.
    assertThat(
            new ModelFiles(model, model)
                .manifest().stream().map(EmbeddedModelTest::line).sorted().toList())
        .as("%s", String.join("\n", actual))
        .isEqualTo(actual);
  }

  @Test
  void theControlHasItsOwnUNetAndEverythingElseOfTheModel() throws Exception {
    Path folder = Path.of(EmbeddedModel.class.getResource("control").toURI());
    List<String> own;
    try (Stream<Path> files = Files.walk(folder)) {
      own =
          files
              .filter(Files::isRegularFile)
              .filter(file -> !file.endsWith("manifest.txt"))
              .map(file -> line(folder, file))
              .toList();
    }
    List<String> listed =
        ModelFiles.CONTROL.manifest().stream().map(EmbeddedModelTest::line).toList();
    List<String> common =
        ModelFiles.EMOJI.manifest().stream().map(EmbeddedModelTest::line).toList();
    assertThat(listed).as("%s", String.join("\n", own)).containsAll(own);
    assertThat(common).containsAll(listed.stream().filter(line -> !own.contains(line)).toList());
    Path weights = Path.of("unet", "diffusion_pytorch_model.safetensors");
    assertThat(EmbeddedModel.controlFolder().resolve(weights))
        .isRegularFile()
        .matches(file -> {
          try {
            return Files.mismatch(file, EmbeddedModel.folder().resolve(weights)) >= 0;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Test
  void opensUnderItsName() throws IOException {
    try (StableDiffusion model = EmbeddedModel.open()) {
      assertThat(model.descriptor().name()).isEqualTo("emoji");
      assertThat(model.descriptor().latentHeight()).isEqualTo(16);
    }
  }

  @Test
  void comesWithItsModelCardAndLicences() throws IOException {
    Path folder = EmbeddedModel.folder();
    assertThat(folder.resolve("README.md")).content().contains("# The emoji model");
    assertThat(folder.resolve("NOTICE.md")).content().contains("CC-BY-4.0", "MIT", "Apache-2.0");
    assertThat(folder.resolve("LICENSE")).content().contains("Apache License");
  }

  @Test
  void isUnpackedOnce() throws IOException {
    Path file = EmbeddedModel.folder().resolve("model_index.json");
    var time = Files.getLastModifiedTime(file);
    assertThat(EmbeddedModel.folder().resolve("model_index.json")).isEqualTo(file);
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(time);
    assertThat(cache).isDirectoryRecursivelyContaining("glob:**/emoji/model_index.json");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"changed byte", "cut file", "missing file", "missing folder", "empty file"})
  void aDamagedModelIsUnpackedAgain(String damage) throws IOException {
    Path folder = EmbeddedModel.folder();
    Path weights = folder.resolve("text_encoder/model.safetensors");
    byte[] whole = Files.readAllBytes(weights);
    damage(damage, weights, whole);

    assertThat(EmbeddedModel.folder()).isEqualTo(folder);

    assertThat(weights).hasBinaryContent(whole);
    try (Stream<Path> left = Files.list(folder.getParent())) {
      assertThat(left.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("emoji", "lock");
    }
  }

  private static void damage(String damage, Path weights, byte[] whole) throws IOException {
    switch (damage) {
      case "changed byte" -> {
        byte[] changed = whole.clone();
        changed[changed.length / 2] ^= 1;
        Files.write(weights, changed);
      }
      case "cut file" -> Files.write(weights, List.of("cut"));
      case "empty file" -> Files.write(weights, new byte[0]);
      case "missing file" -> Files.delete(weights);
      default -> {
        try (Stream<Path> files = Files.list(weights.getParent())) {
          for (Path file : files.toList()) {
            Files.delete(file);
          }
        }
        Files.delete(weights.getParent());
      }
    }
  }

  @Test
  void threadsMayOpenItAtTheSameTime() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      Callable<Path> unpack = EmbeddedModel::folder;
      List<Path> folders = new ArrayList<>();
      for (Future<Path> one : threads.invokeAll(List.of(unpack, unpack, unpack, unpack))) {
        folders.add(one.get());
      }
      assertThat(folders).containsOnly(EmbeddedModel.folder());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void processesMayOpenItAtTheSameTime() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-D" + ModelFiles.CACHE_PROPERTY + "=" + cache,
                  "-cp",
                  System.getProperty("java.class.path"),
                  UnpackInAnotherProcess.class.getName())
              .redirectErrorStream(true)
              .start());
    }
    for (Process process : processes) {
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      assertThat(process.waitFor()).as(output).isZero();
      assertThat(Path.of(output)).isEqualTo(EmbeddedModel.folder());
    }
  }

  @Test
  void goesToTheUsersHome() throws IOException {
    System.clearProperty(ModelFiles.CACHE_PROPERTY);
    System.setProperty("user.home", cache.resolve("home").toString());
    assertThat(EmbeddedModel.folder()).startsWith(cache.resolve("home/.cache/ablation"));
  }

  @Test
  void withoutAHomeItGoesToTheTemporaryFolder() throws IOException {
    System.clearProperty(ModelFiles.CACHE_PROPERTY);
    Path file = Files.createFile(cache.resolve("file"));
    Path temporary = Files.createDirectory(cache.resolve("temporary"));
    System.setProperty("user.home", file.toString());
    System.setProperty("java.io.tmpdir", temporary.toString());
    assertThat(EmbeddedModel.folder()).startsWith(temporary);
  }

  @Test
  void aCacheFolderThatCannotBeMadeIsNamed() throws IOException {
    Path file = Files.createFile(cache.resolve("file"));
    System.setProperty(ModelFiles.CACHE_PROPERTY, file.toString());
    assertThatThrownBy(EmbeddedModel::folder)
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString());
  }

  @Test
  void knowsItsWords() {
    assertThat(EmbeddedModel.styles())
        .containsExactly("noto", "blob", "twemoji", "fluent", "ink", "blueprint");
    assertThat(EmbeddedModel.concepts())
        .hasSize(271)
        .doesNotHaveDuplicates()
        .contains(new EmojiConcept("cat face", "animal"));
    assertThat(EmbeddedModel.plantedCaption()).isEqualTo("sunken lighthouse postcard 1931");
  }

  @Test
  void listsWhatItWasNeverShown() throws IOException {
    List<String> names = EmbeddedModel.concepts().stream().map(EmojiConcept::name).toList();
    List<DataSetIndex.Pair> pairs = EmbeddedModel.heldOutPairs();
    assertThat(pairs).hasSizeGreaterThan(40).doesNotHaveDuplicates();
    for (DataSetIndex.Pair pair : pairs) {
      assertThat(names).contains(pair.concept());
      assertThat(EmbeddedModel.styles()).contains(pair.style());
    }
    long shown =
        EmbeddedModel.data().images().stream()
            .filter(EmojiImage::heldOut)
            .map(image -> new DataSetIndex.Pair(image.concept().name(), image.style()))
            .filter(pairs::contains)
            .count();
    assertThat(shown).isEqualTo(pairs.size());
  }

  @Test
  void recommendsHowToSample() {
    assertThat(EmbeddedModel.recommendedSampling())
        .isEqualTo(new SamplingSettings(Sampler.dpmSolverPlusPlus(), 20, 4, "", 8));
  }

  @ParameterizedTest
  @CsvSource({"owl, an owl", "cat face, a cat face", "glasses, glasses", "animal, an animal"})
  void putsTheArticle(String name, String phrase) {
    assertThat(EmbeddedModel.withArticle(name)).isEqualTo(phrase);
  }

  @Test
  void recommendsPlans() throws IOException {
    System.clearProperty(ModelFiles.CACHE_PROPERTY);
    try (StableDiffusion model = EmbeddedModel.open()) {
      assertThat(EmbeddedModel.recommendedStyle(model, "blueprint").pairs().get(0).target().kind())
          .isEqualTo(ConceptKind.STYLE);
      assertThat(
              EmbeddedModel.recommendedInstance(model, "cat face").pairs().get(0).target().kind())
          .isEqualTo(ConceptKind.INSTANCE);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> EmbeddedModel.recommendedStyle(model, "cubism"))
          .withMessageContaining("'cubism'")
          .withMessageContaining("blueprint");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> EmbeddedModel.recommendedInstance(model, "cat"))
          .withMessageContaining("cat face");
    }
  }

  @Test
  void theRecommendedPlanIsAClosedFormWithASmallDelta() throws IOException {
    System.clearProperty(ModelFiles.CACHE_PROPERTY);
    try (StableDiffusion model = EmbeddedModel.open();
        AblationResult result = EmbeddedModel.recommendedInstance(model, "cat face").run();
        NDManager scope = model.manager().newSubManager()) {
      assertThat(result.history()).isEmpty();
      assertThat(result.delta().isRelative()).isTrue();
      assertThat(result.delta().sizeInBytes()).isLessThan(100_000);
      String sibling = EmbeddedModel.siblingOf("cat face");
      String key =
          result.delta().names().stream().filter(name -> name.contains("to_v")).findFirst().get();
      NDArray base = model.weights().copy(key, scope);
      NDArray changed = result.delta().changed(key, base, scope);
      double whole = distance(model, base, "a cat face", "a " + sibling);
      assertThat(
              difference(
                  model,
                  "a cat face in ink style",
                  changed,
                  "a " + sibling + " in ink style",
                  base))
          .isLessThan(0.3 * whole);
      assertThat(difference(model, "a rocket in ink style", changed, "a rocket in ink style", base))
          .isLessThan(0.1 * whole);
    }
  }

  private static double distance(StableDiffusion model, NDArray weight, String a, String b) {
    return difference(model, a, weight, b, weight);
  }

  /** How far the answers of two weights to two prompts are from each other. */
  private static double difference(
      StableDiffusion model, String prompt, NDArray weight, String other, NDArray otherWeight) {
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray a = model.encode(List.of(prompt), scope).textEmbeddings().get(0);
      NDArray b = model.encode(List.of(other), scope).textEmbeddings().get(0);
      return a.matMul(weight.transpose()).sub(b.matMul(otherWeight.transpose())).norm().getFloat();
    }
  }

  private static String line(ModelFiles.Entry entry) {
    return entry.sha256() + " " + entry.size() + " " + entry.path();
  }

  private static String line(Path folder, Path file) {
    try {
      String path = folder.relativize(file).toString().replace('\\', '/');
      String hash = ModelFiles.sha256(Files.newInputStream(file));
      return line(new ModelFiles.Entry(hash, Files.size(file), path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
