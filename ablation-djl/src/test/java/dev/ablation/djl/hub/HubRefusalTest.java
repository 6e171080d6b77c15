package dev.ablation.djl.hub;

import static dev.ablation.djl.hub.HubServer.COMMIT;
import static dev.ablation.djl.hub.HubServer.REPOSITORY;
import static dev.ablation.djl.hub.HubServer.cut;
import static dev.ablation.djl.hub.HubServer.longer;
import static dev.ablation.djl.hub.HubServer.status;
import static dev.ablation.djl.hub.HubServer.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.djl.hub.HubException.Reason;
import dev.ablation.djl.hub.HubServer.Reply;
import dev.ablation.djl.hub.HubServer.Request;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.golden.Golden;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What cannot be fetched is refused with a message that says why. */
class HubRefusalTest {
  private static final String TOKEN = "hf_SECRETSECRET";
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path temporary;

  private Path cache;
  private HubServer server;
  private final List<Duration> pauses = new ArrayList<>();

  @BeforeEach
  void start() throws IOException {
    cache = temporary.resolve("hub");
    server = new HubServer().folder(Golden.path("pipelines/tiny-sd1"));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private HubModel model(String name) {
    return new HubModel(name, HubSettings.of(Map.of(), temporary))
        .endpoint(server.endpoint())
        .cache(cache)
        .token(TOKEN)
        .retries(new Retries(pauses::add));
  }

  private HubModel model() {
    return model(REPOSITORY);
  }

  /** Work that fails. */
  private interface Failing {
    void run() throws IOException;
  }

  private void assertRefused(Reason reason, Failing work, String... words) {
    assertThatThrownBy(work::run)
        .isInstanceOfSatisfying(
            HubException.class,
            e -> {
              assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason);
              assertThat(e.getMessage()).startsWith(e.repository());
              for (Throwable t = e; t != null; t = t.getCause()) {
                assertThat(String.valueOf(t.getMessage())).doesNotContain(TOKEN, "sig=");
              }
            })
        .satisfies(
            e -> assertThat(List.of(words)).allMatch(String.valueOf(e.getMessage())::contains));
  }

  @Test
  void whatIsNotThereIsNamed() {
    assertRefused(
        Reason.NO_REPOSITORY, () -> model("org/other").download(), "private", "a token was sent");
    assertRefused(
        Reason.NO_REPOSITORY, () -> model("org/other").withoutToken().file("x"), "no token");
    assertRefused(Reason.NO_REVISION, () -> model().revision("v2").download(), "'v2'");
    assertRefused(Reason.NO_REVISION, () -> model().revision("v2").file("x.json"), "'v2'");
    assertRefused(Reason.NO_FILE, () -> model().file("unet/x.json"), "unet/x.json", "main");
    assertThat(cache.resolve("models--org--tiny/.no_exist/" + COMMIT + "/unet/x.json"))
        .isEmptyFile();
  }

  @Test
  void gatesAreExplained() {
    Reply gate = status(403, "X-Error-Code", "GatedRepo", "X-Error-Message", "Access restricted");
    server
        .next("/org/tiny/resolve/" + COMMIT + "/model_index.json", gate)
        .next("/org/tiny/resolve/main/x.json", status(401, "X-Error-Code", "GatedRepo"));
    assertRefused(
        Reason.GATED, () -> model().download(), server.endpoint() + "/org/tiny", "HF_TOKEN");
    assertRefused(Reason.GATED, () -> model().file("x.json"), "conditions");
  }

  @Test
  void picklesAreNeverFetched() {
    server
        .without(WEIGHTS)
        .file("unet/diffusion_pytorch_model.bin", new byte[5000])
        .file("vae/diffusion_pytorch_model.ckpt", new byte[5000]);
    assertRefused(
        Reason.ONLY_PICKLES, () -> model().download(), "[unet]", "safe_serialization", "refs/pr");
    assertThat(server.requests()).noneMatch(Request::ofStorage);
  }

  @Test
  void incompletePipelinesAreRefusedFirst() {
    server.without(WEIGHTS);
    assertRefused(Reason.NO_FILE, () -> model().download(), "[unet]");
    server.without("model_index.json").file("lora.safetensors", new byte[10]);
    Path index = cache.resolve("models--org--tiny/trees/" + COMMIT + ".json");
    assertThat(index.toFile().delete()).isTrue();
    assertRefused(Reason.NO_FILE, () -> model().download(), "file(name)", "lora.safetensors");
    assertThat(server.requests()).noneMatch(Request::ofStorage);
  }

  @Test
  void unknownVariantsAreRefused() {
    assertRefused(
        Reason.NO_VARIANT, () -> model().variant("bf16").download(), "'bf16'", "variants []");
    assertThatThrownBy(() -> model().variant("../x"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("variant");
  }

  @Test
  void otherFamiliesAreRefusedBeforeTheirWeights() throws IOException {
    server.file(
        "model_index.json",
        "{\"_class_name\": \"QwenImagePipeline\", \"unet\": [\"diffusers\", \"X\"]}");
    assertThatThrownBy(() -> model().download())
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("Qwen-Image is not supported yet");
    assertThat(server.requests()).noneMatch(Request::ofStorage);
  }

  @Test
  void requiredComponentsCannotBeLeftOut() {
    assertThatThrownBy(() -> model().without("unet").download())
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("[unet]");
  }

  @Test
  void truncatedContentIsNotTaken() throws IOException {
    Reply cut = cut(3000);
    server.next(WEIGHTS, Collections.nCopies(20, cut).toArray(Reply[]::new));
    assertRefused(Reason.UNREACHABLE, () -> model().file(WEIGHTS), WEIGHTS, "broke off", "kept");
    assertThat(cache.resolve("models--org--tiny/blobs/" + server.etag(WEIGHTS))).doesNotExist();
    assertThat(pauses).hasSizeBetween(3, 10);
    server.next(WEIGHTS);
  }

  @Test
  void longerContentIsNotTaken() throws IOException {
    server.next(WEIGHTS, longer());
    assertThatThrownBy(() -> model().file(WEIGHTS)).isInstanceOf(IOException.class);
    assertThat(cache.resolve("models--org--tiny/blobs/" + server.etag(WEIGHTS))).doesNotExist();
  }

  @Test
  void contentWithoutAProvableHashIsNotTaken() {
    server.etag("model_index.json", "5d41402abc4b2a76b9719d911017c592");
    assertRefused(Reason.INVALID_ANSWER, () -> model().file("model_index.json"), "SHA-256");
    assertRefused(Reason.INVALID_ANSWER, () -> model().download(), "model_index.json");
    server.etag("model_index.json", "../../../../x");
    assertRefused(Reason.INVALID_ANSWER, () -> model().file("model_index.json"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x.json",
        "unet/../../x.json",
        "/etc/x.json",
        "unet\\..\\x.json",
        "C:/x.json",
        "a//b",
        "",
        ".",
        "a\u0000b"
      })
  void filesThatLeaveTheirFolderAreRefused(String path) throws IOException {
    server.file(path, "{}");
    assertRefused(Reason.INVALID_ANSWER, () -> model().download(), "outside of its folder");
    assertThatThrownBy(() -> model().file(path))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("file must be");
    assertThat(cache).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "a/b/c", "a b", "../x", "a--b/c", "-a/b", "a/b.", "a/b.git", "a/", "/b", "ä/b"
      })
  void malformedNamesAreRefused(String name) {
    assertThatThrownBy(() -> Hub.model(name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("owner/name")
        .hasMessageContaining("'" + name + "'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../main", "a..b/../c", "a b", "/main", "main/", "a\\b", "a^"})
  void malformedRevisionsAreRefused(String revision) {
    assertThatThrownBy(() -> model().revision(revision))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("revision");
  }

  @Test
  void aCacheThatCannotBeWrittenIsNamed() throws IOException {
    Files.writeString(cache, "a file");
    assertRefused(
        Reason.CACHE, () -> model().download(), cache.toString(), "HF_HUB_CACHE", "cache(folder)");
    assertThat(cache).hasContent("a file");
  }

  @Test
  void whatDoesNotFitOnTheDiskIsNotBegun() {
    server.next(
        "/api/models/org/tiny/tree/" + COMMIT,
        text(
            """
            [{"type": "file", "path": "model_index.json", "size": 9000000000000000,
              "oid": "0187f3b09d66cef7911083ad49f890f5a6589589"}]\
            """));
    assertRefused(Reason.CACHE, () -> model().download(), "9000.0 TB", "left", "HF_HUB_CACHE");
    assertThat(server.requests()).hasSize(2);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aDiskThatFillsUpIsNamed() throws IOException {
    Path blobs = Files.createDirectories(cache.resolve("models--org--tiny/blobs"));
    Files.createSymbolicLink(
        blobs.resolve(server.etag(WEIGHTS) + ".ablation.incomplete"), Path.of("/dev/full"));
    assertRefused(Reason.CACHE, () -> model().file(WEIGHTS), cache.toString(), "No space left");
    assertThat(blobs.resolve(server.etag(WEIGHTS))).doesNotExist();
  }

  @Test
  void busyServersAreNotWaitedForForever() {
    server.next(
        "/org/tiny/resolve/main/x.json",
        Collections.nCopies(50, status(429)).toArray(Reply[]::new));
    assertRefused(Reason.UNREACHABLE, () -> model().file("x.json"), "429", "HF_TOKEN");
    assertThat(pauses).hasSize(5);
    server.next("/org/tiny/resolve/main/y.json", status(503, "Retry-After", "86400"));
    assertRefused(Reason.UNREACHABLE, () -> model().file("y.json"), "503");
    assertThat(pauses).hasSize(5);
  }

  @Test
  void unsafeRedirectsAreNotFollowed() {
    String path = "/org/tiny/resolve/main/x.json";
    server.next(path, status(302, "Location", "file:///etc/passwd"));
    assertRefused(Reason.INVALID_ANSWER, () -> model().file("x.json"), "not safe");
    server.next(path, status(302));
    assertRefused(Reason.INVALID_ANSWER, () -> model().file("x.json"), "nowhere");
    server.next(path, Collections.nCopies(50, status(302, "Location", path)).toArray(Reply[]::new));
    assertRefused(Reason.INVALID_ANSWER, () -> model().file("x.json"), "more than");
  }

  @Test
  void whatIsNoHubIsRefused() {
    server.next("/api/models/org/tiny/revision/main", text("[]"));
    assertRefused(Reason.INVALID_ANSWER, () -> model().download(), "no commit");
    server.next("/org/tiny/resolve/main/x.json", status(200, "ETag", "\"x\""));
    assertRefused(Reason.INVALID_ANSWER, () -> model().file("x.json"), "X-Repo-Commit");
  }

  @Test
  void settingsAreChecked() {
    for (String endpoint : List.of("ftp://x", "huggingface.co", "https://u:p@x", "https://x?q=1")) {
      assertThatThrownBy(() -> model().endpoint(URI.create(endpoint)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("endpoint");
    }
    assertThatThrownBy(() -> model().token("hf_\nX: y"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("hf_");
  }
}
