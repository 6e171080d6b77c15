package dev.ablation.djl.hub;

import static dev.ablation.djl.hub.HubServer.COMMIT;
import static dev.ablation.djl.hub.HubServer.REPOSITORY;
import static dev.ablation.djl.hub.HubServer.cut;
import static dev.ablation.djl.hub.HubServer.packed;
import static dev.ablation.djl.hub.HubServer.status;
import static dev.ablation.djl.hub.HubServer.text;
import static dev.ablation.djl.hub.HubServer.whole;
import static dev.ablation.djl.hub.HubServer.wrong;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.hub.HubException.Reason;
import dev.ablation.djl.hub.HubServer.Request;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads from a server that behaves as a Hub. */
class HubModelTest {
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

  @TempDir Path temporary;

  private Path cache;
  private HubServer server;
  private final List<Duration> pauses = new ArrayList<>();

  @BeforeEach
  void start() throws IOException {
    cache = temporary.resolve("hub");
    server = new HubServer();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private HubModel model() {
    return new HubModel(REPOSITORY, HubSettings.of(Map.of(), temporary))
        .endpoint(server.endpoint())
        .cache(cache)
        .token("hf_EXAMPLE")
        .retries(new Retries(pauses::add));
  }

  /** A pipeline as it is published: with other formats and parts that nobody here reads. */
  private HubServer published() throws IOException {
    Path golden = Golden.path("pipelines/tiny-sd1");
    server
        .folder(golden)
        .file("README.md", "# Tiny")
        .file("v1-5-pruned.ckpt", new byte[5000])
        .file("v1-5-pruned.safetensors", new byte[5000])
        .file("unet/diffusion_pytorch_model.bin", new byte[5000])
        .file("unet/diffusion_pytorch_model.fp16.safetensors", new byte[5000])
        .file("safety_checker/config.json", "{}")
        .file("safety_checker/model.safetensors", new byte[5000])
        .file("unet/run.py", "raise SystemExit");
    return server;
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  @Test
  void fetchesWhatThePipelineNeedsAndOpensIt() throws IOException {
    published();
    Path folder = model().download();
    assertThat(folder).isEqualTo(cache.resolve("models--org--tiny/snapshots/" + COMMIT));
    List<String> fetched;
    try (Stream<Path> walk = Files.walk(folder)) {
      fetched =
          walk.filter(Files::isRegularFile)
              .map(file -> folder.relativize(file).toString().replace('\\', '/'))
              .toList();
    }
    Path golden = Golden.path("pipelines/tiny-sd1");
    try (Stream<Path> walk = Files.walk(golden)) {
      assertThat(fetched)
          .containsExactlyInAnyOrderElementsOf(
              walk.filter(Files::isRegularFile)
                  .map(file -> golden.relativize(file).toString().replace('\\', '/'))
                  .toList());
    }
    for (String path : fetched) {
      assertThat(folder.resolve(path)).hasBinaryContent(server.content(path));
    }
    LoadOptions options = LoadOptions.defaults().device(Golden.device()).threads(1);
    try (DiffusionModel model = DiffusionPipeline.load(folder, options)) {
      assertThat(model.weights().list()).isNotEmpty();
    }
  }

  @Test
  void fillsTheCacheAsPythonDoes() throws IOException {
    published();
    Path folder = model().download();
    Path repository = cache.resolve("models--org--tiny");
    assertThat(repository.resolve("refs/main")).hasContent(COMMIT);
    assertThat(cache.resolve("CACHEDIR.TAG")).isRegularFile();
    String etag = server.etag(WEIGHTS);
    assertThat(Files.readSymbolicLink(folder.resolve(WEIGHTS)))
        .isEqualTo(Path.of("../../../blobs/" + etag));
    assertThat(Files.readSymbolicLink(folder.resolve("model_index.json")))
        .isEqualTo(Path.of("../../blobs/" + server.etag("model_index.json")));
    assertThat(cache.resolve(".locks/models--org--tiny/" + etag + ".lock")).isEmptyFile();
    assertThat(repository.resolve("trees/" + COMMIT + ".json")).isRegularFile();
    try (Stream<Path> blobs = Files.list(repository.resolve("blobs"))) {
      assertThat(blobs).noneMatch(blob -> blob.toString().endsWith(".incomplete"));
    }
  }

  @Test
  void fetchesNothingTwice() throws IOException {
    published();
    Path folder = model().download();
    server.forget();
    assertThat(model().download()).isEqualTo(folder);
    assertThat(server.requests())
        .extracting(Request::path)
        .hasSize(1)
        .first()
        .asString()
        .endsWith("/revision/main");
    server.forget();
    assertThat(model().revision(COMMIT).download()).isEqualTo(folder);
    assertThat(model().revision(COMMIT).file(WEIGHTS)).isEqualTo(folder.resolve(WEIGHTS));
    assertThat(model().offline(true).download()).isEqualTo(folder);
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void theTokenGoesToTheHubAlone() throws IOException {
    server.file("large.safetensors", random(10_000)).require("hf_EXAMPLE");
    model().file("large.safetensors");
    assertThat(server.requests().stream().filter(Request::ofStorage))
        .isNotEmpty()
        .allMatch(request -> request.token().isEmpty());
    assertThat(server.requests().stream().filter(request -> !request.ofStorage()))
        .isNotEmpty()
        .allMatch(request -> request.token().equals("Bearer hf_EXAMPLE"));
  }

  @Test
  void aBrokenConnectionIsContinued() throws IOException {
    byte[] content = random(3 << 20);
    server
        .file("large.safetensors", content)
        .next("large.safetensors", cut(1_000_000), cut(2_500_000));
    Path file = model().file("large.safetensors");
    assertThat(file).hasBinaryContent(content);
    List<String> ranges =
        server.requests().stream().filter(Request::ofStorage).map(Request::range).toList();
    assertThat(ranges).hasSize(3);
    assertThat(ranges.get(0)).isEmpty();
    assertThat(ranges.subList(1, 3)).allMatch(range -> range.matches("bytes=[1-9]\\d*-"));
  }

  @Test
  void aLaterRunGoesOnWhereAnEarlierOneWasKilled() throws IOException {
    byte[] content = random(100_000);
    server.file("large.safetensors", content);
    Path blobs = Files.createDirectories(cache.resolve("models--org--tiny/blobs"));
    Path part = blobs.resolve(server.etag("large.safetensors") + ".ablation.incomplete");
    Files.write(part, Arrays.copyOf(content, 60_000));
    assertThat(model().file("large.safetensors")).hasBinaryContent(content);
    assertThat(server.requests().stream().filter(Request::ofStorage).map(Request::range))
        .containsExactly("bytes=60000-");
    assertThat(part).doesNotExist();
  }

  @Test
  void whatAnEarlierRunLeftDamagedIsFetchedAnew() throws IOException {
    byte[] content = random(100_000);
    server.file("large.safetensors", content);
    Path blobs = Files.createDirectories(cache.resolve("models--org--tiny/blobs"));
    String etag = server.etag("large.safetensors");
    for (int size : new int[] {60_000, 100_000, 120_000}) {
      Files.write(blobs.resolve(etag + ".ablation.incomplete"), new byte[size]);
      assertThat(model().file("large.safetensors")).hasBinaryContent(content);
      Files.delete(cache.resolve("models--org--tiny/snapshots/" + COMMIT + "/large.safetensors"));
      Files.delete(blobs.resolve(etag));
    }
  }

  @Test
  void serversThatCannotContinueSendAllAgain() throws IOException {
    byte[] content = random(100_000);
    server
        .file("large.safetensors", content)
        .next("large.safetensors", cut(60_000), whole(), status(500));
    assertThat(model().file("large.safetensors")).hasBinaryContent(content);
    server
        .file("other.safetensors", Arrays.copyOf(content, 90_000))
        .next(
            "other.safetensors",
            cut(60_000),
            status(416),
            cut(50_000),
            status(206, "Content-Range", "bytes 7-89999/90000"));
    assertThat(model().file("other.safetensors")).hasSize(90_000);
  }

  @Test
  void waitsAsTheServerAsks() throws IOException {
    server
        .file("config.json", "{}")
        .next(
            "/org/tiny/resolve/main/config.json",
            status(429, "Retry-After", "7"),
            status(503),
            status(429, "Retry-After", "Sat, 01 Jan 2000 00:00:00 GMT"))
        .next("config.json", status(502));
    assertThat(model().file("config.json")).hasContent("{}");
    assertThat(pauses)
        .containsExactly(
            Duration.ofSeconds(7), Duration.ofSeconds(1), Duration.ZERO, Duration.ofMillis(500));
  }

  @Test
  void smallFilesMayComePacked() throws IOException {
    server.file("config.json", "{\"a\": 1}").next("config.json", packed());
    assertThat(model().file("config.json")).hasContent("{\"a\": 1}");
  }

  @Test
  void wrongBytesAreFetchedAgainOnlyIfTheyWereContinued() throws IOException {
    byte[] content = random(100_000);
    server.file("large.safetensors", content).next("large.safetensors", wrong());
    assertThatThrownBy(() -> model().file("large.safetensors"))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.WRONG_CONTENT))
        .hasMessageContaining("large.safetensors")
        .hasMessageContaining(server.etag("large.safetensors"));
    assertThat(cache.resolve("models--org--tiny/blobs")).isEmptyDirectory();
    assertThat(model().file("large.safetensors")).hasBinaryContent(content);
  }

  @Test
  void aBlobOfAnotherRevisionIsLinked() throws IOException {
    byte[] content = random(10_000);
    server.file("large.safetensors", content);
    Path blobs = Files.createDirectories(cache.resolve("models--org--tiny/blobs"));
    Files.write(blobs.resolve(server.etag("large.safetensors")), content);
    assertThat(model().file("large.safetensors")).hasBinaryContent(content);
    assertThat(server.requests()).extracting(Request::method).containsOnly("HEAD");
  }

  @Test
  void withoutSymbolicLinksTheSnapshotHoldsTheFiles() throws IOException {
    published();
    HubModel model =
        new HubModel(
                REPOSITORY, HubSettings.of(Map.of("HF_HUB_DISABLE_SYMLINKS", "YES"), temporary))
            .endpoint(server.endpoint())
            .cache(cache);
    Path folder = model.download();
    assertThat(folder.resolve(WEIGHTS)).hasBinaryContent(server.content(WEIGHTS));
    assertThat(Files.isSymbolicLink(folder.resolve(WEIGHTS))).isFalse();
    assertThat(cache.resolve("models--org--tiny/blobs")).isEmptyDirectory();
    server.forget();
    model.download();
    assertThat(server.requests()).hasSize(1);
  }

  @Test
  void withoutConnectionTheCacheHelpsOut() throws IOException {
    published();
    Path folder = model().download();
    server.close();
    assertThat(model().download()).isEqualTo(folder);
    assertThat(model().file(WEIGHTS)).isEqualTo(folder.resolve(WEIGHTS));
    assertThatThrownBy(() -> model().file("v1-5-pruned.safetensors"))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.UNREACHABLE))
        .hasMessageContaining("HF_HUB_OFFLINE")
        .hasMessageContaining(server.endpoint().toString());
  }

  @Test
  void offlineNeedsEveryFile() throws IOException {
    published();
    assertThatThrownBy(() -> model().offline(true).download())
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_CACHED))
        .hasMessageContaining(cache.toString());
    Path folder = model().download();
    Files.delete(folder.resolve(WEIGHTS));
    server.forget();
    assertThatThrownBy(() -> model().offline(true).download())
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_CACHED))
        .hasMessageContaining(WEIGHTS);
    assertThatThrownBy(() -> model().offline(true).file(WEIGHTS)).hasMessageContaining(WEIGHTS);
    // A cache that an older Python filled has no listing.
    Files.delete(cache.resolve("models--org--tiny/trees/" + COMMIT + ".json"));
    assertThatThrownBy(() -> model().offline(true).download())
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_CACHED));
    assertThat(server.requests()).isEmpty();
    model().download();
    Files.delete(cache.resolve("models--org--tiny/trees/" + COMMIT + ".json"));
    assertThat(model().offline(true).download()).isEqualTo(folder);
  }

  @Test
  void theVariantIsTaken() throws IOException {
    Path golden = Golden.path("pipelines/tiny-sd1");
    server.folder(golden);
    for (String part : List.of("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model")) {
      server.file(part + ".fp16.safetensors", server.content(part + ".safetensors"));
    }
    Path folder = model().variant("fp16").download();
    assertThat(folder.resolve("unet/diffusion_pytorch_model.fp16.safetensors")).isRegularFile();
    assertThat(folder.resolve(WEIGHTS)).doesNotExist();
    assertThat(folder.resolve("text_encoder/model.safetensors")).isRegularFile();
  }

  @Test
  void tellsHowFarItIs() throws IOException {
    published();
    List<HubProgress> told = new ArrayList<>();
    Path folder = model().progress(told::add).download();
    long total = 0;
    for (String path : List.of(WEIGHTS, "vae/diffusion_pytorch_model.safetensors")) {
      total += Files.size(folder.resolve(path));
    }
    HubProgress last = told.get(told.size() - 1);
    assertThat(last.done()).isEqualTo(last.total()).isGreaterThan(total);
    assertThat(last.fraction()).isEqualTo(1);
    assertThat(told).extracting(HubProgress::file).contains(WEIGHTS, "tokenizer/vocab.json");
  }

  @Test
  void threadsFetchAFileOnce() throws Exception {
    byte[] content = random(1 << 20);
    server.file("large.safetensors", content);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      Callable<Path> fetch = () -> model().file("large.safetensors");
      for (Future<Path> file : threads.invokeAll(List.of(fetch, fetch, fetch, fetch))) {
        assertThat(file.get()).hasBinaryContent(content);
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(server.requests().stream().filter(Request::ofStorage)).hasSize(1);
  }

  @Test
  void anInterruptEndsADownloadAndKeepsWhatArrived() throws Exception {
    byte[] content = random(4 << 20);
    server.file("large.safetensors", content);
    HubModel model =
        model()
            .progress(progress -> {
              if (progress.done() > 1 << 20) {
                Thread.currentThread().interrupt();
              }
            });
    assertThatThrownBy(() -> model.file("large.safetensors"))
        .isInstanceOf(java.io.InterruptedIOException.class);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(
            cache.resolve(
                "models--org--tiny/blobs/"
                    + server.etag("large.safetensors")
                    + ".ablation.incomplete"))
        .isRegularFile();
    assertThat(model().file("large.safetensors")).hasBinaryContent(content);
    assertThat(server.requests()).extracting(Request::range).anyMatch(range -> !range.isEmpty());
  }

  @Test
  void aMirrorAnswersForTheHub() throws IOException {
    server
        .file("config.json", "{}")
        .next(
            "/org/tiny/resolve/main/config.json",
            status(307, "Location", "https://huggingface.co/org/tiny/resolve/main/config.json"));
    assertThat(model().file("config.json")).hasContent("{}");
    assertThat(server.requests()).allMatch(request -> !request.ofStorage());
  }

  @Test
  void aMovedRepositoryIsFollowed() throws IOException {
    server
        .file("config.json", "{}")
        .next(
            "/org/tiny/resolve/main/config.json",
            status(301, "Location", "/org/tiny/resolve/" + COMMIT + "/config.json"));
    assertThat(model().file("config.json")).hasContent("{}");
    assertThat(server.requests()).allMatch(request -> request.token().equals("Bearer hf_EXAMPLE"));
  }

  @Test
  void namesCarryRevisionsWithSlashes() throws IOException {
    server.file("my file+1.json", "{}");
    Path file = model().revision("refs/pr/1").file("my file+1.json");
    assertThat(file).hasContent("{}");
    assertThat(cache.resolve("models--org--tiny/refs/refs/pr/1")).hasContent(COMMIT);
    assertThat(server.requests().get(0).path())
        .isEqualTo("/org/tiny/resolve/refs%2Fpr%2F1/my%20file%2B1.json");
  }

  @Test
  void anAnswerThatIsNoListingIsRefused() {
    server
        .next("/api/models/org/tiny/revision/main", text("{\"sha\": \"" + COMMIT + "\"}"))
        .next("/api/models/org/tiny/tree/" + COMMIT, text("<html>"));
    assertThatThrownBy(() -> model().download())
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.reason()).isEqualTo(Reason.INVALID_ANSWER));
  }
}
