package dev.ablation.job.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a ledger keeps and what it refuses. */
class LedgerTest {
  private static final String BASE = "b".repeat(64);

  @TempDir private Path folder;

  private Path file() {
    return folder.resolve("ledger.json");
  }

  @Test
  void entriesKeepTheirOrderAndAreTakenOutSingly() throws IOException {
    try (Ledger ledger = Ledger.open(file(), BASE)) {
      ledger.add("TR-1", folder.resolve("runs/1"), "1".repeat(64), List.of("style 'ink'"));
      ledger.add("TR-2", Path.of("/else/2"), "2".repeat(64), List.of("style 'noto'"));
      ledger.add("TR-3", folder.resolve("runs/3"), "3".repeat(64), List.of("instance 'owl'"));
      assertThat(ledger.undo("TR-2").active()).isFalse();
    }
    List<LedgerEntry> entries = Ledger.read(file());
    assertThat(entries).extracting(LedgerEntry::request).containsExactly("TR-1", "TR-2", "TR-3");
    assertThat(entries).extracting(LedgerEntry::active).containsExactly(true, false, true);
    assertThat(entries.get(0).bundle()).isEqualTo(Path.of("runs/1"));
    assertThat(Ledger.bundle(file(), entries.get(0))).isEqualTo(folder.resolve("runs/1"));
    assertThat(Ledger.bundle(file(), entries.get(1))).isEqualTo(Path.of("/else/2"));
    try (Ledger again = Ledger.open(file())) {
      again.add("TR-2", folder.resolve("runs/2"), "2".repeat(64), List.of("style 'noto'"));
      assertThat(again.entries()).hasSize(4);
    }
  }

  @Test
  void whatAnotherRequestRemovedIsRefused() throws IOException {
    try (Ledger ledger = Ledger.open(file(), BASE)) {
      ledger.add("TR-1", folder.resolve("1"), "1".repeat(64), List.of("style 'ink'"));
      byte[] before = Files.readAllBytes(file());
      assertThatThrownBy(
              () -> ledger.add("TR-2", folder.resolve("2"), "1".repeat(64), List.of("a")))
          .isInstanceOf(LedgerException.class)
          .hasMessageContaining("request 'TR-1' has entered this delta already");
      assertThatThrownBy(
              () -> ledger.add("TR-2", folder.resolve("2"), "2".repeat(64), List.of("style 'Ink'")))
          .hasMessageContaining("request 'TR-1' has removed the style 'Ink' already");
      assertThatThrownBy(
              () -> ledger.add("TR-1", folder.resolve("2"), "2".repeat(64), List.of("a")))
          .hasMessageContaining("request 'TR-1' is entered already");
      assertThat(file()).hasBinaryContent(before);
      ledger.undo("TR-1");
      assertThatThrownBy(() -> ledger.undo("TR-1")).hasMessageContaining("is taken out already");
      assertThatThrownBy(() -> ledger.undo("TR-9"))
          .hasMessageContaining("no request 'TR-9'; known are [TR-1]");
    }
  }

  @Test
  void twoWritersAreRefused() throws IOException {
    try (Ledger ledger = Ledger.open(file(), BASE)) {
      ledger.add("TR-1", folder.resolve("1"), "1".repeat(64), List.of("style 'ink'"));
      assertThatThrownBy(() -> Ledger.open(file(), BASE))
          .isInstanceOf(LedgerException.class)
          .hasMessageContaining("another writer has the ledger open");
      assertThat(Ledger.read(file())).hasSize(1);
    }
    try (Ledger free = Ledger.open(file(), BASE)) {
      assertThat(free.entries()).hasSize(1);
    }
  }

  @Test
  void anotherBaseAndAnotherFileAreRefused() throws IOException {
    try (Ledger ledger = Ledger.open(file(), BASE)) {
      ledger.add("TR-1", folder.resolve("1"), "1".repeat(64), List.of("style 'ink'"));
    }
    assertThatThrownBy(() -> Ledger.open(file(), "c".repeat(64)))
        .hasMessageContaining("is for a base model with SHA-256 bbb");
    Path other = Files.writeString(folder.resolve("other.json"), "{\"entries\": 1}");
    assertThatThrownBy(() -> Ledger.read(other)).hasMessageContaining("not a ledger");
  }
}
