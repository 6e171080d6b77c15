package dev.ablation.djl.embedding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.StableDiffusionXL;
import dev.ablation.djl.internal.torchfile.Pickles;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.golden.Golden;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextualInversionTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final String PROMPT = "a photo of <boat> at sea";

  @TempDir Path folder;

  private NDManager scope;

  @BeforeEach
  void open() {
    scope = NDManager.newBaseManager(Golden.device(), "PyTorch");
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Path pipeline(String name) {
    return GOLDEN.resolve("pipelines").resolve(name);
  }

  private static LoadOptions options(TextualInversion... added) {
    LoadOptions options = LoadOptions.defaults().device(Golden.device());
    for (TextualInversion each : added) {
      options = options.textualInversion(each);
    }
    return options;
  }

  private static float[][] rows(int count, int width, float first) {
    float[][] rows = new float[count][width];
    for (int i = 0; i < count; i++) {
      for (int k = 0; k < width; k++) {
        rows[i][k] = first + i + k / 64f;
      }
    }
    return rows;
  }

  private static WeightInfo table(DiffusionModel model) {
    return model.weights().list().stream()
        .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aModelIsOpenedWithATokenAndExportedWithIt() throws IOException {
    TextualInversion made = TextualInversion.of("<boat>", rows(3, 32, 0.5f));
    Path file = folder.resolve("learned_embeds.safetensors");
    made.save(file);
    Path checkpoint = pipeline("tiny-sd1");
    Path exported = folder.resolve("exported");
    int[] ids;
    String sha256;
    // @start region="open"
    TextualInversion boat = TextualInversion.load(file);
    LoadOptions options = LoadOptions.defaults().textualInversion(boat);
    try (StableDiffusion model = StableDiffusion.load(checkpoint, options)) {
      ids = model.tokenizer().encode("a photo of <boat> at sea"); // three ids for <boat>
      sha256 = model.weights().sha256();
      model.capability(CheckpointExport.class).orElseThrow().export(exported);
    }
    // @end
    assertThat(Files.readString(folder.resolve("exported/tokenizer/added_tokens.json")))
        .contains("\"<boat>\": 1000", "\"<boat>_2\": 1002");
    assertThat(Files.readString(folder.resolve("exported/text_encoder/config.json")))
        .contains("\"vocab_size\": 1003");
    try (StableDiffusion again = StableDiffusion.load(folder.resolve("exported"), options())) {
      assertThat(again.tokenizer().encode(PROMPT)).containsExactly(ids).contains(1000, 1001, 1002);
      assertThat(again.weights().sha256()).isEqualTo(sha256);
      assertThat(again.tokenizer().attentionLength(PROMPT))
          .isEqualTo(again.tokenizer().ids(PROMPT).size() + 2);
    }
  }

  @ParameterizedTest
  @EnumSource(WeightDtype.class)
  void theRowsAreExactInEveryFormat(WeightDtype dtype) throws IOException {
    float[][] vectors = rows(2, 32, 0.123f);
    LoadOptions options = options(TextualInversion.of("<boat>", vectors)).weightDtype(dtype);
    try (StableDiffusion model = StableDiffusion.load(pipeline("tiny-sd1"), options);
        StableDiffusion plain =
            StableDiffusion.load(pipeline("tiny-sd1"), options().weightDtype(dtype))) {
      NDArray with = model.weights().get(table(model).name());
      NDArray without = plain.weights().get(table(plain).name());
      long count = without.getShape().get(0);
      assertThat(with.getShape()).isEqualTo(new Shape(count + 2, without.getShape().get(1)));
      assertThat(with.get("0:" + count).toFloatArray()).isEqualTo(without.toFloatArray());
      assertThat(with.get(count).toFloatArray()).containsExactly(vectors[0]);
      assertThat(with.get(count + 1).toFloatArray()).containsExactly(vectors[1]);
    }
  }

  @Test
  void severalTokensAreAddedInOrderAndAPromptIsCutBetweenThem() throws IOException {
    LoadOptions options =
        options(
            TextualInversion.of("<boat>", rows(40, 32, 0)),
            TextualInversion.of("<sea>", rows(1, 32, 1)));
    try (StableDiffusion model = StableDiffusion.load(pipeline("tiny-sd1"), options)) {
      assertThat(model.tokenizer().ids("<sea>")).containsExactly(1040);
      assertThat(model.tokenizer().ids("<BOAT>")).hasSize(40).startsWith(1000).endsWith(1039);
      assertThat(model.tokenizer().cut("<boat> a")).isEmpty();
      assertThat(model.tokenizer().cut("<boat> a <boat> b")).isEqualTo("<boat> b");
      assertThat(model.tokenizer().encode("<boat> <boat>")).hasSize(77).endsWith(1034, 999);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"safetensors", "bin", "pt"})
  void formsAreReadAlike(String ending) throws IOException {
    Path file = folder.resolve("boat." + ending);
    NDArray vectors = scope.create(rows(2, 32, 1));
    if (ending.equals("safetensors")) {
      SafetensorsWriter.write(file, Map.of("emb_params", vectors), Map.of());
    } else {
      String name = ending.equals("pt") ? "string_to_param.*" : "<boat>";
      Pickles.write(file, Map.of(name, vectors));
    }
    TextualInversion read = TextualInversion.load(file);
    assertThat(read.token()).isEqualTo(ending.equals("bin") ? "<boat>" : "boat");
    assertThat(read.vectors(0)).isDeepEqualTo(rows(2, 32, 1));
    assertThat(TextualInversion.load(file, "other").tokens()).containsExactly("other", "other_1");
  }

  @Test
  void eachToolGetsTheFormThatItReads() throws IOException {
    TextualInversion one = TextualInversion.of("<boat>", rows(2, 32, 1));
    TextualInversion two = TextualInversion.of("<boat>", rows(2, 32, 1), rows(2, 40, 2));
    one.save(folder.resolve("diffusers.safetensors"));
    one.saveForWebui(folder.resolve("webui.safetensors"));
    two.save(folder.resolve("xl.safetensors"));
    for (String[] expected :
        new String[][] {
          {"diffusers", "<boat>"}, {"webui", "emb_params"}, {"xl", "clip_g", "clip_l"}
        }) {
      Path file = folder.resolve(expected[0] + ".safetensors");
      try (SafetensorsFile written = SafetensorsFile.open(file)) {
        assertThat(written.tensors().keySet())
            .containsExactlyInAnyOrderElementsOf(List.of(expected).subList(1, expected.length));
      }
      TextualInversion read = TextualInversion.load(file);
      TextualInversion made = expected[0].equals("xl") ? two : one;
      assertThat(read.token()).isEqualTo("<boat>");
      assertThat(read.textEncoders()).isEqualTo(made.textEncoders());
      for (int i = 0; i < made.textEncoders(); i++) {
        assertThat(read.vectors(i)).isDeepEqualTo(made.vectors(i));
      }
      assertThatExceptionOfType(FileAlreadyExistsException.class).isThrownBy(() -> made.save(file));
    }
  }

  @Test
  void whatDoesNotFitTheModelIsNamed() {
    TextualInversion wide = TextualInversion.of("<boat>", rows(1, 1024, 1));
    TextualInversion two = TextualInversion.of("<boat>", rows(1, 32, 1), rows(1, 40, 2));
    TextualInversion one = TextualInversion.of("<boat>", rows(1, 32, 1));
    TextualInversion known = TextualInversion.of("!", rows(1, 32, 1));
    assertThatExceptionOfType(InvalidCheckpointException.class)
        .isThrownBy(() -> StableDiffusion.load(pipeline("tiny-sd1"), options(wide)).close())
        .withMessageContainingAll("<boat>", "must have 32 numbers", "have 1024");
    assertThatExceptionOfType(InvalidCheckpointException.class)
        .isThrownBy(() -> StableDiffusion.load(pipeline("tiny-sd1"), options(two)).close())
        .withMessageContainingAll("<boat>", "has 1 text encoders");
    assertThatExceptionOfType(InvalidCheckpointException.class)
        .isThrownBy(() -> StableDiffusionXL.load(pipeline("tiny-sdxl"), options(one)).close())
        .withMessageContainingAll("<boat>", "has 2 text encoders");
    for (TextualInversion[] again : new TextualInversion[][] {{known}, {one, one}}) {
      assertThatExceptionOfType(InvalidCheckpointException.class)
          .isThrownBy(() -> StableDiffusion.load(pipeline("tiny-sd1"), options(again)).close())
          .withMessageContainingAll(again[0].token(), "there already");
    }
    Path flux = Path.of(System.getProperty("ablation.golden2"), "pipelines", "tiny-sd3");
    assertThatExceptionOfType(InvalidCheckpointException.class)
        .isThrownBy(() -> DiffusionPipeline.load(flux, options(one)).close())
        .withMessageContaining("no added tokens");
  }

  @Test
  void whatIsNoTextualInversionIsNamed() throws IOException {
    Path file = folder.resolve("other.safetensors");
    SafetensorsWriter.write(
        file, Map.of("a", scope.ones(new Shape(1, 2)), "b", scope.ones(new Shape(1))), Map.of());
    assertThatIOException()
        .isThrownBy(() -> TextualInversion.load(file))
        .withMessageStartingWith(file + ": ")
        .withMessageContaining("vectors of one token");
    Path cube = folder.resolve("cube.safetensors");
    SafetensorsWriter.write(cube, Map.of("a", scope.ones(new Shape(1, 2, 3))), Map.of());
    assertThatIOException()
        .isThrownBy(() -> TextualInversion.load(cube))
        .withMessageContaining("(n, width)");
    Path nan = folder.resolve("nan.safetensors");
    SafetensorsWriter.write(nan, Map.of("a", scope.full(new Shape(1, 2), Float.NaN)), Map.of());
    assertThatIOException()
        .isThrownBy(() -> TextualInversion.load(nan))
        .withMessageContaining("finite");
    assertThatIllegalArgumentException().isThrownBy(() -> TextualInversion.of(" ", rows(1, 2, 0)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TextualInversion.of("t", rows(76, 2, 0)))
        .withMessageContaining("75");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TextualInversion.of("t", rows(1, 2, 0), rows(2, 2, 0)));
  }
}
