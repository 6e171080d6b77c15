package dev.ablation.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {

  @TempDir private Path root;

  @Test
  void aFolderAppearsWhole() throws IOException {
    Path target = root.resolve("model");
    AtomicFiles.writeFolder(
        target,
        folder -> {
          assertThat(target).doesNotExist();
          assertThat(folder).hasParentRaw(root.toAbsolutePath());
          Files.createDirectories(folder.resolve("unet"));
          Path file = Files.writeString(folder.resolve("unet").resolve("config.json"), "{}");
          assertThat(file.toFile().setReadOnly()).isTrue();
        });
    assertThat(target.resolve("unet").resolve("config.json")).hasContent("{}");
    assertThat(root).isDirectoryNotContaining(path -> !path.equals(target));
  }

  @Test
  void aFailureLeavesNoFolder() {
    Path target = root.resolve("model");
    assertThatThrownBy(() ->
            AtomicFiles.writeFolder(
                target,
                folder -> {
                  Files.createDirectories(folder.resolve("a").resolve("b"));
                  Files.writeString(folder.resolve("a").resolve("b").resolve("c"), "text");
                  throw new IllegalStateException("half way");
                }))
        .hasMessage("half way");
    assertThat(root).isEmptyDirectory();
  }

  @Test
  void existingFoldersAreRefused() throws IOException {
    Path target = Files.createDirectory(root.resolve("model"));
    assertThatThrownBy(() ->
            AtomicFiles.writeFolder(
                target,
                folder -> {
                  throw new AssertionError("must not be called");
                }))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining(target.toString());
  }

  @Test
  void aFolderThatAppearsMeanwhileStays() {
    Path target = root.resolve("model");
    assertThatThrownBy(
            () -> AtomicFiles.writeFolder(target, folder -> Files.createDirectory(target)))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(target).isEmptyDirectory();
    assertThat(root).isDirectoryNotContaining(path -> !path.equals(target));
  }

  @Test
  void textIsWrittenAndReplaced() throws IOException {
    Path target = root.resolve("report.json");
    AtomicFiles.writeString(target, Existing.REFUSE, "\u00e9ins");
    AtomicFiles.writeString(target, Existing.REPLACE, "zw\u00f6lf");
    assertThat(target).hasContent("zw\u00f6lf");
    assertThatThrownBy(() -> AtomicFiles.writeString(target, Existing.REFUSE, "drei"))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(target).hasContent("zw\u00f6lf");
    assertThat(root).isDirectoryNotContaining(path -> !path.equals(target));
  }

  @Test
  void targetsAreCheckedBeforehand() throws IOException {
    Path file = Files.writeString(root.resolve("file"), "text");
    Path missing = root.resolve("none").resolve("file");
    assertThatThrownBy(() -> AtomicFiles.checkTarget(missing, Existing.REPLACE))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContainingAll("none", "does not exist");
    assertThatThrownBy(() -> AtomicFiles.checkTarget(file.resolve("x"), Existing.REPLACE))
        .isInstanceOf(NotDirectoryException.class)
        .hasMessageContaining(file.toString());
    assertThatThrownBy(() -> AtomicFiles.checkTarget(file, Existing.REFUSE))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThatThrownBy(() -> AtomicFiles.checkTarget(root.getRoot(), Existing.REFUSE))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no file name");
    assertThatThrownBy(() -> AtomicFiles.writeString(root, Existing.REPLACE, "text"))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("folder");
    AtomicFiles.checkTarget(file, Existing.REPLACE);
    AtomicFiles.checkTarget(Path.of("a-name-without-a-folder"), Existing.REFUSE);
  }

  /** Whoever may write into its folder would have a file in its place. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aDeviceIsNotReplaced() {
    assertThatThrownBy(() -> AtomicFiles.checkTarget(Path.of("/dev/null"), Existing.REPLACE))
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining("/dev/null");
  }

  @Test
  void longNamesFit() throws IOException {
    Path target = root.resolve("n".repeat(255));
    AtomicFiles.writeString(target, Existing.REFUSE, "text");
    assertThat(target).hasContent("text");
  }
}
