package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.ablation.emoji.dataset.rebuild.SourceManifest.Source;
import dev.ablation.emoji.dataset.rebuild.SourceManifest.Treatment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IconSourceTest {
  @TempDir private Path modules;

  private final Source shapes = MadeUpSets.source("plain", Treatment.ON_WHITE, "shapes");

  @Test
  void readsTheArtifactOnTheClassPath() throws IOException {
    assertThat(IconSource.artifact(MadeUpSets.manifest()).read(shapes).svg("disc", "#000000"))
        .contains("circle");
  }

  @Test
  void readsFoldersOfNpm() throws IOException {
    write(MadeUpSets.json("shapes"));
    assertThat(IconSource.npm(modules).read(shapes).svg("disc", "#000000")).contains("circle");
  }

  @Test
  void namesTheArtifactThatIsNotOnTheClassPath() {
    // The profile that has it is not active in tests.
    assertThatIOException()
        .isThrownBy(() -> {
          SourceManifest manifest = SourceManifest.load();
          IconSource.artifact(manifest).read(manifest.ofStyle("noto"));
        })
        .withMessage(
            "the class path lacks META-INF/resources/webjars/iconify__json/2.2.378/json/noto.json"
                + " of org.webjars.npm:iconify__json:2.2.378");
  }

  @Test
  void namesThePackageThatIsNotInstalled() {
    assertThatIOException()
        .isThrownBy(() -> IconSource.npm(modules).read(shapes))
        .withMessage(
            "no file %s of @iconify-json/shapes@1.0.0",
            modules.resolve("@iconify-json/shapes/icons.json"));
  }

  @Test
  void refusesAnotherVersion() throws IOException {
    byte[] other = "{\"icons\": {}}".getBytes(StandardCharsets.UTF_8);
    write(other);
    assertThatIOException()
        .isThrownBy(() -> IconSource.npm(modules).read(shapes))
        .withMessage(
            "SHA-256 must be %s, was %s: %s of @iconify-json/shapes@1.0.0",
            shapes.npmSha256(),
            MadeUpSets.sha256(other),
            modules.resolve("@iconify-json/shapes/icons.json"));
  }

  private void write(byte[] json) throws IOException {
    Path folder = Files.createDirectories(modules.resolve("@iconify-json").resolve("shapes"));
    Files.write(folder.resolve("icons.json"), json);
  }
}
