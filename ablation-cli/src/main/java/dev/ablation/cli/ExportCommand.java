package dev.ablation.cli;

import com.google.gson.JsonObject;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Writes a model with deltas applied. */
@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    description =
        "Writes a model with deltas applied, for programs other than this one: a checkpoint folder, or"
            + " a LoRA file if the deltas are low-rank.")
final class ExportCommand implements Callable<Integer> {
  /** What is written. */
  enum Format {
    FOLDER,
    LORA,
    DELTA
  }

  @Spec private CommandSpec spec;
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private Deltas deltas = new Deltas();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "folder",
      description =
          "folder (diffusers' layout), lora, or delta (the sum of the deltas). Default:"
              + " ${DEFAULT-VALUE}.")
  private Format format = Format.FOLDER;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "PATH",
      description = "Folder or file to write; must not exist.")
  private Path target;

  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  ExportCommand() {}

  @Override
  public Integer call() throws IOException {
    if (Files.exists(target)) {
      throw new FileAlreadyExistsException(
          target.toString(), null, "exists already; choose an output that does not");
    }
    try (DiffusionModel opened = model.open()) {
      Optional<WeightDelta> sum = deltas.sum(opened);
      if (sum.isEmpty()) {
        throw new ParameterException(
            spec.commandLine(), "--delta or --ledger must name at least one delta");
      }
      try (WeightDelta delta = sum.get()) {
        switch (format) {
          case FOLDER -> delta.export(opened, target);
          case LORA -> LoraFile.save(delta, target);
          case DELTA -> delta.save(target);
        }
      }
    }
    JsonObject json = new JsonObject();
    json.addProperty("output", target.toString());
    output.print(spec, json, "wrote %s%n".formatted(target));
    return ExitCode.OK;
  }
}
