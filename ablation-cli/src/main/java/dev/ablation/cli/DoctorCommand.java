package dev.ablation.cli;

import com.google.gson.JsonParser;
import dev.ablation.djl.doctor.Diagnosis;
import dev.ablation.djl.doctor.NativeDoctor;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Examines the native libraries. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = {
      "Says which libtorch is loaded from where, its flavour, devices, memory, instruction sets, the"
          + " cache folder, what would be downloaded, and which setting mends what is wrong.",
      "",
      "It loads the library in a process of its own, so that one that does not fit harms nothing."
          + " Exit code 1 if nothing can be computed.",
    })
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--no-load",
      description = "Only reads settings and files: loads, unpacks and downloads nothing.")
  private boolean noLoad;

  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  DoctorCommand() {}

  @Override
  public Integer call() {
    Diagnosis found = noLoad ? NativeDoctor.examineSettings() : NativeDoctor.examine();
    output.print(spec, JsonParser.parseString(found.toJson()), found.toString());
    return found.healthy() ? ExitCode.OK : ExitCode.FAILED;
  }
}
