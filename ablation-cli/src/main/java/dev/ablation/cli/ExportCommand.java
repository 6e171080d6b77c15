package dev.ablation.cli;

import com.google.gson.JsonObject;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.djl.lora.LowRankApproximation;
import dev.ablation.djl.lora.LowRankSettings;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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
        "Writes a model with deltas applied, for programs other than this one: a checkpoint, or the"
            + " change alone as a LoRA file.")
final class ExportCommand implements Callable<Integer> {
  /** What is written. */
  enum Format {
    CHECKPOINT,
    LORA,
    KOHYA,
    DELTA
  }

  @Spec private CommandSpec spec;
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private Deltas deltas = new Deltas();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "checkpoint",
      description =
          "checkpoint (a folder in diffusers' layout, or a single file if PATH ends in .safetensors),"
              + " lora (diffusers, peft), kohya (a LoRA file for ComfyUI and A1111), or delta (the sum"
              + " of the deltas). Default: ${DEFAULT-VALUE}.")
  private Format format = Format.CHECKPOINT;

  @Option(
      names = "--rank",
      paramLabel = "N",
      description =
          "For lora and kohya: the highest rank of a weight's change. Default: whatever keeps the"
              + " change exact.")
  private @Nullable Integer rank;

  @Mixin private NewPathOption output = new NewPathOption();
  @Mixin private Output printed = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  ExportCommand() {}

  @Override
  public Integer call() throws IOException {
    output.checkAbsent();
    Path target = output.path();
    if (rank != null && format != Format.LORA && format != Format.KOHYA) {
      throw new ParameterException(
          spec.commandLine(), "--rank is for --format lora and kohya, was given for " + format);
    }
    JsonObject json = new JsonObject();
    try (DiffusionModel opened = model.open()) {
      Optional<WeightDelta> sum = deltas.sum(opened);
      if (sum.isEmpty()) {
        throw new ParameterException(
            spec.commandLine(), "--delta or --ledger must name at least one delta");
      }
      try (WeightDelta delta = sum.get()) {
        switch (format) {
          case CHECKPOINT -> delta.export(opened, target);
          case LORA, KOHYA -> writeLora(delta, opened, json);
          case DELTA -> delta.save(target);
        }
      }
    }
    json.addProperty("output", target.toString());
    String error =
        json.has("rank")
            ? String.format(
                Locale.ROOT,
                ": rank %d, relative error %.4f",
                json.get("rank").getAsInt(),
                json.get("relativeError").getAsDouble())
            : "";
    printed.print(spec, json, "wrote %s%s%n".formatted(target, error));
    return ExitCode.OK;
  }

  /** How far the file is from the change is told. */
  private void writeLora(WeightDelta delta, DiffusionModel opened, JsonObject json)
      throws IOException {
    Path target = output.path();
    LowRankSettings settings =
        rank == null ? LowRankSettings.fullRank() : LowRankSettings.rank(rank);
    try (LowRankApproximation found = LowRankApproximation.of(delta, opened, settings)) {
      if (format == Format.KOHYA) {
        LoraFile.saveKohya(found.delta(), opened, target);
      } else {
        LoraFile.save(found.delta(), target);
      }
      json.addProperty("rank", found.maxRank());
      json.addProperty("relativeError", found.relativeError());
    }
  }
}
