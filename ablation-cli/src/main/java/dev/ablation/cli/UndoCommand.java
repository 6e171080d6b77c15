package dev.ablation.cli;

import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Takes a removal out of a ledger. */
@Command(
    name = "undo",
    mixinStandardHelpOptions = true,
    description =
        "Takes one removal out of a ledger; the others still apply. Its evidence stays where it is.")
final class UndoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "REQUEST", description = "Identifier of the request.")
  private String request;

  @Mixin private LedgerOption ledger = new LedgerOption();
  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  UndoCommand() {}

  @Override
  public Integer call() throws IOException {
    try (Ledger opened = Ledger.open(ledger.file())) {
      LedgerEntry entry = opened.undo(request);
      output.print(
          spec,
          ListCommand.json(entry),
          "took out request '%s' (%s)%n"
              .formatted(entry.request(), String.join(", ", entry.targets())));
    }
    return ExitCode.OK;
  }
}
