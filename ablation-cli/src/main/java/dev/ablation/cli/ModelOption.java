package dev.ablation.cli;

import dev.ablation.emoji.command.DeviceOption;
import dev.ablation.job.JobModel;
import dev.ablation.job.JobSession;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The model that a command works on. */
final class ModelOption {
  @Option(
      names = "--model",
      paramLabel = "MODEL",
      defaultValue = JobModel.EMBEDDED,
      description =
          "Checkpoint folder or file of the base model, owner/name of the Hugging Face Hub, or"
              + " 'embedded' for the emoji model. Default:"
              + " ${DEFAULT-VALUE}.")
  private String location = JobModel.EMBEDDED;

  @Mixin private DeviceOption device = new DeviceOption();

  DiffusionModel open() throws IOException {
    return JobSession.openModel(source());
  }

  JobModel source() {
    return new JobModel(
        JobModel.named(location).location(), null, device.name(), null, null, null, List.of());
  }
}
