package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoraFileTest {
  private static final WeightGroup EVERYTHING =
      WeightGroup.denoiser().or(WeightGroup.ofRoles("text", WeightRole.TEXT_ENCODER));

  @TempDir Path folder;

  private StableDiffusion model;
  private String before;

  @BeforeEach
  void open() throws IOException {
    model =
        StableDiffusion.load(
            Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"),
            LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device"))));
    before = model.weights().sha256();
  }

  @AfterEach
  void close() {
    assertThat(model.weights().sha256()).isEqualTo(before);
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting", List.of("painting of a boat", "painting"))
                .images(2)
                .sampling(SamplingSettings.defaults().steps(2)))
        .training(t -> t.steps(2).batchSize(2).learningRate(1e-3));
  }

  /** Low-rank changes of every module, both factors random. */
  private WeightDelta random(double scale, int... ranks) {
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, LoraFactors> changes = new LinkedHashMap<>();
      int at = 0;
      for (WeightInfo info : model.weights().list()) {
        if (info.shape().dimension() > 1 && !info.name().contains("embeddings")) {
          int rank = ranks[at++ % ranks.length];
          LoraFactors initial = Lora.rank(rank).alpha(rank * scale).initial(info, at, scope);
          NDArray up = scope.randomNormal(initial.up().getShape());
          changes.put(info.name(), new LoraFactors(initial.down(), up, scale));
        }
      }
      return WeightDelta.ofLowRank(
          changes,
          model.manager(),
          new Provenance("1", "tiny", before, Map.of(), Map.of("seed", "3"), Map.of()));
    }
  }

  private static void assertEqual(WeightDelta actual, WeightDelta expected) {
    assertThat(actual.names()).containsExactlyInAnyOrderElementsOf(expected.names());
    assertThat(actual.isLowRank()).isTrue();
    for (String name : expected.names()) {
      LoraFactors mine = actual.lowRank(name).orElseThrow();
      LoraFactors theirs = expected.lowRank(name).orElseThrow();
      assertThat(mine.scale()).as(name).isCloseTo(theirs.scale(), within(1e-7));
      assertThat(mine.down().getShape()).isEqualTo(theirs.down().getShape());
      assertThat(mine.down().toFloatArray()).isEqualTo(theirs.down().toFloatArray());
      assertThat(mine.up().getShape()).isEqualTo(theirs.up().getShape());
      assertThat(mine.up().toFloatArray()).isEqualTo(theirs.up().toFloatArray());
    }
  }

  // Training

  @Test
  void linearMapsAndConvolutionsLearnAndOthersAreNamed() {
    List<AblationEvent> events = new ArrayList<>();
    int arrays = model.manager().getManagedArrays().size();
    try (AblationResult result =
        plan()
            .weights(EVERYTHING)
            .training(t -> t.lora(Lora.rank(2).alpha(4)))
            .listener(events::add)
            .run()) {
      List<String> expected =
          model.weights().list().stream()
              .filter(info -> info.shape().dimension() > 1 && !info.name().contains("embeddings"))
              .map(WeightInfo::name)
              .toList();
      assertThat(result.delta().names()).containsExactlyElementsOf(expected);
      assertThat(result.delta().isLowRank()).isTrue();
      for (String name : expected) {
        assertThat(result.delta().get(name).abs().max().getFloat()).as(name).isPositive();
      }
      assertThat(events)
          .filteredOn(AblationEvent.Warning.class::isInstance)
          .extracting(event -> ((AblationEvent.Warning) event).message())
          .anyMatch(message -> message.contains("keep their values") && message.contains("bias"));
      assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    }
  }

  // Files

  @Test
  void writesWhatDiffusersReads() throws IOException {
    Path file = folder.resolve(LoraFile.DEFAULT_NAME);
    try (WeightDelta delta = random(1, 4)) {
      LoraFile.save(delta, file);
      try (SafetensorsFile tensors = SafetensorsFile.open(file);
          WeightDelta again = LoraFile.load(file, model)) {
        assertThat(tensors.metadata())
            .containsEntry("format", "pt")
            .doesNotContainKey(AdapterMetadata.KEY);
        String conv = "unet.conv_in";
        assertThat(tensors.tensor(conv + ".lora_A.weight").shape().get(0)).isEqualTo(4);
        assertThat(tensors.tensor(conv + ".lora_A.weight").shape().dimension()).isEqualTo(4);
        assertThat(tensors.tensors())
            .hasSize(2 * delta.names().size())
            .containsKey("text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight");
        assertEqual(again, delta);
        assertThat(again.provenance()).isEqualTo(delta.provenance());
      }
      assertThatExceptionOfType(FileAlreadyExistsException.class)
          .isThrownBy(() -> LoraFile.save(delta, file));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {1, 0.5, 2.25})
  void alphaAndRanksSurviveEitherSpelling(double scale) throws IOException {
    try (WeightDelta delta = random(scale, 4, 4, 1, 3)) {
      LoraFile.save(delta, folder.resolve("diffusers.safetensors"));
      LoraFile.saveKohya(delta, model, folder.resolve("kohya.safetensors"));
      for (String name : List.of("diffusers.safetensors", "kohya.safetensors")) {
        try (WeightDelta again = LoraFile.load(folder.resolve(name), model)) {
          assertEqual(again, delta);
        }
      }
      try (SafetensorsFile kohya = SafetensorsFile.open(folder.resolve("kohya.safetensors"));
          SafetensorsFile native_ = SafetensorsFile.open(folder.resolve("diffusers.safetensors"))) {
        assertThat(kohya.metadata())
            .containsEntry("ss_network_module", "networks.lora")
            .containsEntry("ss_v2", "False")
            .containsKeys("ss_network_dim", "ss_network_alpha", "ss_network_args");
        assertThat(kohya.tensors())
            .hasSize(3 * delta.names().size())
            .containsKeys(
                "lora_unet_conv_in.lora_down.weight",
                "lora_unet_conv_in.alpha",
                "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight");
        assertThat(native_.metadata().get(AdapterMetadata.KEY))
            .contains("\"unet.r\":4", "\"text_encoder.lora_alpha\":", "\"unet.rank_pattern\":{\"");
      }
    }
  }

  @Test
  void appliesScalesAndTakesBack() throws IOException {
    Path file = folder.resolve("lora.safetensors");
    try (AblationResult result = plan().training(t -> t.lora(Lora.rank(2).alpha(1))).run()) {
      LoraFile.save(result.delta(), file);
      try (WeightDelta loaded = LoraFile.load(file, model);
          WeightDelta half = loaded.scaledBy(0.5);
          WeightDelta merged = loaded.merged()) {
        assertThat(loaded.provenance()).isEqualTo(result.provenance());
        assertThat(loaded.differencesFrom(model)).isEmpty();
        assertThat(half.norm()).isCloseTo(result.delta().norm() / 2, within(1e-5));
        String name = loaded.names().iterator().next();
        float[] all = loaded.applied(model, () -> model.weights().get(name).toFloatArray());
        assertThat(merged.applied(model, () -> model.weights().get(name).toFloatArray()))
            .isEqualTo(all);
        merged.export(model, folder.resolve("merged"));
        try (StableDiffusion again = StableDiffusion.load(folder.resolve("merged"))) {
          assertThat(again.weights().get(name).toFloatArray()).isEqualTo(all);
        }
      }
    }
  }

  @Test
  void aDeltaInFullHasNoLoraFile() {
    try (AblationResult result = plan().run()) {
      Path file = folder.resolve("full.safetensors");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> LoraFile.save(result.delta(), file))
          .withMessageContaining("low-rank changes alone")
          .withMessageContaining(result.delta().names().iterator().next());
      assertThat(file).doesNotExist();
    }
  }

  // Other tools' files

  private static final String MODULE =
      "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0";

  private Shape shape() {
    return model.weights().get(MODULE + ".weight").getShape();
  }

  private Path write(Map<String, String> header, Map<String, Shape> shapes) throws IOException {
    Path file = folder.resolve("other.safetensors");
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      shapes.forEach((name, shape) -> arrays.put(name, scope.ones(shape)));
      SafetensorsWriter.write(file, arrays, header);
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        MODULE + ".lora_A.weight " + MODULE + ".lora_B.weight",
        MODULE + ".lora.down.weight " + MODULE + ".lora.up.weight",
        "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.down.weight"
            + " unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight",
        "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.down.weight"
            + " mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_down.weight"
            + " lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_up.weight"
      })
  void findsAModuleInEverySpelling(String names) throws IOException {
    String[] name = names.split(" ");
    Map<String, Shape> shapes =
        Map.of(
            name[0], new Shape(3, shape().get(1)),
            name[1], new Shape(shape().get(0), 3, 1, 1));
    Path file = write(Map.of("ss_sd_model_name", "base", "note", "n"), shapes);
    try (WeightDelta delta = LoraFile.load(file, model)) {
      assertThat(delta.names()).containsExactly(MODULE + ".weight");
      assertThat(delta.lowRank(MODULE + ".weight").orElseThrow().scale()).isEqualTo(1);
      assertThat(delta.get(MODULE + ".weight").toFloatArray()).containsOnly(3);
      assertThat(delta.provenance().baseName()).isEqualTo("base");
      assertThat(delta.provenance().settings())
          .containsEntry("note", "n")
          .containsEntry("lora.file", "other.safetensors");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"unet.r\":3,\"unet.lora_alpha\":6} 2",
        "{\"unet.r\":3,\"unet.lora_alpha\":6,\"unet.use_rslora\":true} 3.4641016",
        "{\"unet.lora_alpha\":1,\"unet.alpha_pattern\":{\"attn2.to_k\":9,\"attn2.to_out.0\":12}} 4",
        "{\"unet.lora_alpha\":1,\"unet.alpha_pattern\":{\"^to_out.0\":9}} 0.33333333",
        "{\"text_encoder.lora_alpha\":30} 1"
      })
  void alphaIsThatOfTheHeader(String headerAndScale) throws IOException {
    String[] parts = headerAndScale.split(" ");
    Path file =
        write(
            Map.of(AdapterMetadata.KEY, parts[0]),
            Map.of(
                MODULE + ".lora_A.weight", new Shape(3, shape().get(1)),
                MODULE + ".lora_B.weight", new Shape(shape().get(0), 3)));
    try (WeightDelta delta = LoraFile.load(file, model)) {
      assertThat(delta.lowRank(MODULE + ".weight").orElseThrow().scale())
          .isCloseTo(Double.parseDouble(parts[1]), within(1e-6));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        ".lora_magnitude_vector",
        ".lora_B.bias",
        ".dora_scale",
        ".lora_mid.weight",
        ".hada_w1_a",
        ".diff",
        ".weight",
        ".missing.lora_A.weight"
      })
  void namesWhatIsNoPlainLora(String tensor) throws IOException {
    Path file =
        write(
            Map.of(),
            Map.of(
                MODULE + ".lora_A.weight", new Shape(3, shape().get(1)),
                MODULE + ".lora_B.weight", new Shape(shape().get(0), 3),
                MODULE + tensor, new Shape(1)));
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(file, model))
        .withMessageContaining("other.safetensors")
        .withMessageContaining(MODULE + tensor);
  }

  @Test
  void refusesFactorsThatDoNotFit() throws IOException {
    int arrays = model.manager().getManagedArrays().size();
    Path wrong =
        write(
            Map.of(),
            Map.of(
                MODULE + ".lora_A.weight", new Shape(3, shape().get(1) + 1),
                MODULE + ".lora_B.weight", new Shape(shape().get(0), 3)));
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(wrong, model))
        .withMessageContaining(MODULE)
        .withMessageContaining("must be (3, ");
    Path half = write(Map.of(), Map.of(MODULE + ".lora_A.weight", new Shape(3, shape().get(1))));
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(half, model))
        .withMessageContaining("one is missing");
    Path broken =
        write(
            Map.of(AdapterMetadata.KEY, "[1]"),
            Map.of(
                MODULE + ".lora_A.weight", new Shape(3, shape().get(1)),
                MODULE + ".lora_B.weight", new Shape(shape().get(0), 3)));
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(broken, model))
        .withMessageContaining(AdapterMetadata.KEY);
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
  }

  private static Path damaged(String name) throws URISyntaxException {
    return Path.of(LoraFileTest.class.getResource("/damaged/" + name + ".safetensors").toURI());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"lora-pattern-that-backtracks", "lora-rank-of-2-to-32", "lora-alpha-of-1e300"})
  @Timeout(10)
  void refusesNumbersAndPatternsOfAFileThatHaveNoBound(String name) throws Exception {
    Path file = damaged(name);
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(file, model))
        .withMessageStartingWith(file + ": ");
  }

  /** Writes a file of one adapter under other names. */
  private Path renamed(UnaryOperator<String> rename) throws IOException {
    Path usual = folder.resolve("usual.safetensors");
    Path other = folder.resolve("other.safetensors");
    try (WeightDelta delta = random(1, 2)) {
      LoraFile.save(delta, usual);
    }
    try (SafetensorsFile file = SafetensorsFile.open(usual, SafetensorsFile.Access.COPY);
        NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      for (String name : file.tensors().keySet()) {
        arrays.put(name, file.read(name, scope));
        arrays.put(rename.apply(name), file.read(name, scope));
        if (rename.apply(name).contains("default_0")) {
          arrays.remove(name);
        }
      }
      SafetensorsWriter.write(other, arrays, file.metadata());
    }
    return other;
  }

  @Test
  void readsNamesWithTheAdaptersName() throws IOException {
    Path other = renamed(name -> name.replaceFirst("lora_([AB])\\.", "lora_$1.default_0."));
    try (WeightDelta delta = LoraFile.load(other, model);
        WeightDelta usual = LoraFile.load(folder.resolve("usual.safetensors"), model)) {
      assertEqual(delta, usual);
    }
  }

  @Test
  void skipsLayersThatTheTextEncoderDoesNotHave() throws IOException {
    Path other =
        renamed(name -> name.replaceFirst("(text_encoder.*)layers\\.0\\.", "$1layers.11."));
    try (WeightDelta delta = LoraFile.load(other, model);
        WeightDelta usual = LoraFile.load(folder.resolve("usual.safetensors"), model)) {
      assertEqual(delta, usual);
    }
    Path wrong = folder.resolve("wrong.safetensors");
    try (NDManager scope = model.manager().newSubManager()) {
      SafetensorsWriter.write(
          wrong,
          Map.of(
              "text_encoder.text_model.encoder.layers.11.mlp.fc1.lora_A.weight",
              scope.ones(new Shape(1, 32))),
          Map.of());
    }
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(wrong, model))
        .withMessageStartingWith(wrong + ": ");
  }

  // SPM

  /** The modules that the published code of SPM adapts, by the classes of diffusers. */
  @Test
  void theTransformersAreThoseThatSpmAdapts() {
    List<WeightInfo> chosen = WeightGroup.transformers().select(model.weights());
    assertThat(chosen)
        .allMatch(info -> info.name().startsWith("unet.") && info.name().endsWith(".weight"))
        .noneMatch(info -> info.name().contains("norm"));
    long transformers =
        model.weights().list().stream()
            .filter(info -> info.name().endsWith("attentions.0.proj_in.weight"))
            .count();
    long perBlock =
        chosen.stream().filter(info -> info.name().contains("mid_block.attentions.0.")).count();
    // proj_in and proj_out; four maps of each of two attentions; two of the feed-forward network
    assertThat(perBlock).isEqualTo(2 + 2 * 4 + 2);
    assertThat(transformers).isPositive();
  }

  @Test
  void aGateIsKeptAsThatOfSpm() throws IOException {
    Path file = folder.resolve("spm.safetensors");
    Path diffusers = folder.resolve("diffusers.safetensors");
    ConceptGate gate = new ConceptGate(List.of("Van Gogh", "Vincent"), 0);
    try (WeightDelta plain = random(1, 1);
        WeightDelta gated = plain.gatedBy(gate)) {
      LoraFile.saveKohya(gated, model, file);
      LoraFile.save(gated, diffusers);
      try (SafetensorsFile header = SafetensorsFile.open(file)) {
        assertThat(header.metadata())
            .containsEntry("prompts", "Van Gogh,Vincent")
            .containsEntry("rank", "1")
            .containsEntry("alpha", "1.0");
      }
      try (WeightDelta read = LoraFile.load(file, model);
          WeightDelta other = LoraFile.load(diffusers, model)) {
        assertThat(read.gate()).contains(gate);
        assertThat(other.gate()).contains(gate);
        assertEqual(read, gated);
      }
      Path commas = folder.resolve("commas.safetensors");
      try (WeightDelta named = plain.gatedBy(ConceptGate.of("cat, grumpy"))) {
        LoraFile.saveKohya(named, model, commas);
      }
      try (WeightDelta read = LoraFile.load(commas, model)) {
        assertThat(read.gate()).contains(ConceptGate.of("cat, grumpy"));
      }
    }
  }

  /** A file of SPM's own code has its three texts alone; a file of any other LoRA no gate. */
  @Test
  void aFileOfSpmHasTheGateOfItsTargets() throws IOException {
    String module = "lora_unet_mid_block_attentions_0_proj_in";
    WeightInfo info =
        model.weights().list().stream()
            .filter(each -> each.name().equals("unet.mid_block.attentions.0.proj_in.weight"))
            .findFirst()
            .orElseThrow();
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> tensors = new LinkedHashMap<>();
      tensors.put(module + ".alpha", scope.create(1f));
      tensors.put(
          module + ".lora_down.weight", scope.randomNormal(LoraFactors.downShape(info.shape(), 1)));
      tensors.put(
          module + ".lora_up.weight", scope.randomNormal(LoraFactors.upShape(info.shape(), 1)));
      Path file = folder.resolve("snoopy_last.safetensors");
      SafetensorsWriter.write(
          file, tensors, Map.of("prompts", "Snoopy, dog", "rank", "1", "alpha", "1.0"));
      try (WeightDelta read = LoraFile.load(file, model)) {
        assertThat(read.gate()).contains(ConceptGate.of("Snoopy", "dog"));
      }
      Path other = folder.resolve("other.safetensors");
      SafetensorsWriter.write(other, tensors, Map.of("prompts", "Snoopy"));
      try (WeightDelta read = LoraFile.load(other, model)) {
        assertThat(read.gate()).isEmpty();
      }
    }
  }
}
