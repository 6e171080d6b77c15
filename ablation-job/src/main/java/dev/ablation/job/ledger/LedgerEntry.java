package dev.ablation.job.ledger;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A removal.
 *
 * @param request that it answers, unique within the ledger
 * @param bundle folder of its evidence, relative to the ledger's if it lies below it
 * @param deltaSha256 hash of the delta's file
 * @param targets what was removed, such as {@code "style 'blueprint'"}
 * @param added when it was entered, of ISO 8601
 * @param undone when it was taken out again; {@code null} while it applies
 */
public record LedgerEntry(
    String request,
    Path bundle,
    String deltaSha256,
    List<String> targets,
    String added,
    @Nullable String undone) {

  /** Copies the targets. */
  public LedgerEntry {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(bundle, "bundle");
    Objects.requireNonNull(deltaSha256, "deltaSha256");
    Objects.requireNonNull(added, "added");
    targets = List.copyOf(targets);
  }

  /** {@return whether it applies} */
  public boolean active() {
    return undone == null;
  }

  /** {@return a target that another entry removes as well} */
  Optional<String> sharedWith(LedgerEntry other) {
    List<String> theirs =
        other.targets.stream().map(target -> target.toLowerCase(Locale.ROOT)).toList();
    return targets.stream()
        .filter(target -> theirs.contains(target.toLowerCase(Locale.ROOT)))
        .findFirst();
  }

  LedgerEntry undone(String when) {
    return new LedgerEntry(request, bundle, deltaSha256, targets, added, when);
  }
}
