package dev.ablation.djl.hub;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Which files are taken, and how the cache is laid out, compared with the Python libraries. */
class HubGoldenTest {
  private static final String SNAPSHOT = "snapshots/";

  @TempDir Path temporary;

  @TestFactory
  Stream<DynamicTest> selectsAsDiffusersDoes() {
    JsonObject golden = Golden.object(Golden.path("formats/hub/file-selection.json"));
    return golden.getAsJsonArray("cases").asList().stream()
        .map(JsonElement::getAsJsonObject)
        .map(test ->
            DynamicTest.dynamicTest(
                test.get("case").getAsString(),
                () -> check(golden.getAsJsonObject("listings"), test)));
  }

  private void check(JsonObject listings, JsonObject test) throws IOException {
    List<String> listing = Golden.strings(listings.get(test.get("listing").getAsString()));
    Path index = Files.createTempFile(temporary, "index", ".json");
    Files.writeString(index, listings.get(test.get("model_index").getAsString()).toString());
    Set<String> components = DiffusionPipeline.components(index, LoadOptions.defaults());
    JsonObject args = test.getAsJsonObject("args");
    String variant = args.has("variant") ? args.get("variant").getAsString() : null;
    FileSelection selection = FileSelection.of(listing, components, variant);
    if (test.has("error") && !test.get("error").isJsonNull()) {
      assertThat(selection.lacksVariant() || !selection.onlyPickles().isEmpty()).isTrue();
      return;
    }
    // What diffusers takes of the components that are read here.
    Set<String> expected = new TreeSet<>();
    boolean pickles = false;
    Set<String> passed =
        args.has("passed") ? new TreeSet<>(Golden.strings(args.get("passed"))) : Set.of();
    for (String file : Golden.strings(test.get("selected"))) {
      String folder = file.contains("/") ? file.substring(0, file.indexOf('/')) : "";
      if (folder.isEmpty() || components.contains(folder)) {
        expected.add(file);
        pickles |= file.endsWith(".bin");
      }
    }
    if (!pickles) {
      assertThat(selection.selected().stream().filter(file -> !isIn(file, passed)))
          .containsExactlyElementsOf(expected);
      assertThat(selection.onlyPickles()).isEmpty();
    } else if (selection.onlyPickles().isEmpty()) {
      // Pickles were asked for. They are never taken, as there is something else.
      assertThat(args.get("use_safetensors").getAsBoolean()).isFalse();
      assertThat(selection.selected()).noneMatch(file -> file.endsWith(".bin"));
    }
  }

  private static boolean isIn(String file, Set<String> folders) {
    return folders.stream().anyMatch(folder -> file.startsWith(folder + "/"));
  }

  private static JsonObject recorded() {
    return Golden.object(Golden.path("formats/hub/requests-and-cache.json"));
  }

  /** The recorded repository, commit and cache, built by this library. */
  @Test
  void laysTheCacheOutAsPythonDoes() throws IOException {
    JsonObject golden = recorded();
    JsonObject expected = golden.getAsJsonObject("cache tree");
    String commit = golden.get("refs/main").getAsString();
    HubCache cache = new HubCache(temporary, "org/tiny", true);
    List<HubFile> files = files(golden.getAsJsonObject("tree cache"));
    cache.prepare();
    cache.rememberTree(commit, files);
    cache.remember("main", commit);
    String snapshot = "models--org--tiny/" + SNAPSHOT + commit + "/";
    for (HubFile file : files) {
      if (expected.has(snapshot + file.path())) {
        cache.alone(
            file.etag(),
            () -> {
              Files.write(cache.blob(file.etag()), new byte[(int) file.size()]);
              cache.link(commit, file, true);
            });
      }
    }
    Set<String> found = new TreeSet<>();
    try (Stream<Path> walk = Files.walk(temporary)) {
      for (Path path : walk.filter(path -> !Files.isDirectory(path)).toList()) {
        String name = temporary.relativize(path).toString().replace('\\', '/');
        found.add(name);
        String content =
            Files.isSymbolicLink(path)
                ? "-> " + Files.readSymbolicLink(path).toString().replace('\\', '/')
                : Files.size(path) + " bytes";
        // White space in JSON is free.
        if (!name.contains("/trees/")) {
          assertThat(content).as(name).isEqualTo(expected.get(name).getAsString());
        }
      }
    }
    assertThat(found).isEqualTo(new TreeSet<>(expected.keySet()));
    assertThat(temporary.resolve("CACHEDIR.TAG"))
        .hasContent(golden.get("CACHEDIR.TAG").getAsString());
    assertThat(temporary.resolve("models--org--tiny/refs/main")).hasContent(commit);
    Path tree = temporary.resolve("models--org--tiny/trees/" + commit + ".json");
    assertThat(Golden.object(tree)).isEqualTo(golden.getAsJsonObject("tree cache"));
    assertThat(cache.tree(commit)).hasValue(files);
  }

  private static List<HubFile> files(JsonObject tree) {
    List<HubFile> files = new ArrayList<>();
    for (Map.Entry<String, JsonElement> entry : tree.getAsJsonObject("files").entrySet()) {
      JsonObject file = entry.getValue().getAsJsonObject();
      String id = file.get("blob_id").getAsString();
      String etag = file.has("lfs_sha256") ? file.get("lfs_sha256").getAsString() : id;
      files.add(new HubFile(entry.getKey(), file.get("size").getAsLong(), etag, id));
    }
    return files;
  }

  /** Each recorded request of single files, with the same address and the same kind of headers. */
  @Test
  void asksAsPythonDoes() throws IOException {
    JsonObject golden = recorded();
    String commit = golden.get("refs/main").getAsString();
    Set<String> expected = new TreeSet<>();
    golden
        .getAsJsonObject("snapshot_download main, allow *.json and *.safetensors")
        .getAsJsonArray("requests")
        .forEach(request -> expected.add(described(request.getAsJsonObject())));
    try (HubServer server = new HubServer()) {
      HubModel model =
          new HubModel("org/tiny", HubSettings.of(Map.of(), temporary))
              .endpoint(server.endpoint())
              .cache(temporary)
              .token("hf_EXAMPLETOKEN")
              .revision(commit);
      JsonObject tree = golden.getAsJsonObject("tree cache").getAsJsonObject("files");
      for (String path : tree.keySet()) {
        server.file(path, new byte[tree.getAsJsonObject(path).has("lfs_size") ? 5000 : 10]);
      }
      for (String path : tree.keySet()) {
        if (path.endsWith(".json") || path.endsWith(".safetensors")) {
          model.file(path);
        }
      }
      assertThat(server.requests())
          .isNotEmpty()
          .filteredOn(request -> !request.ofStorage() && request.method().equals("HEAD"))
          .allSatisfy(request ->
              assertThat(expected)
                  .contains(
                      "%s %s %s".formatted(request.method(), request.path(), request.token())));
    }
  }

  private static String described(JsonObject request) {
    JsonObject headers = request.getAsJsonObject("request_headers");
    return "%s %s %s"
        .formatted(
            request.get("method").getAsString(),
            request.get("path").getAsString(),
            headers.has("authorization") ? headers.get("authorization").getAsString() : "");
  }
}
