package dev.ablation.djl.doctor;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.doctor.LoadedTorch.ComputeDevice;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Starts {@link LoadProbe} in a process of its own: a library that does not fit may end the process
 * that loads it.
 */
final class ProbeProcess {
  /** Unpacking takes a few seconds, a first start of CUDA up to a minute. */
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private static final int SIGNALS = 128;

  private ProbeProcess() {}

  /**
   * What became of the process.
   *
   * @param loaded what it found; empty if it failed
   * @param failure why; empty if it did not
   * @param started whether it ran at all
   */
  record Outcome(Optional<LoadedTorch> loaded, String failure, boolean started) {}

  static Outcome run(Surroundings around) {
    Path log = null;
    try {
      log = Files.createTempFile("ablation-doctor", ".log");
      ProcessBuilder builder =
          new ProcessBuilder(command(around))
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .directory(new File(System.getProperty("java.io.tmpdir")));
      builder.environment().clear();
      builder.environment().putAll(around.environment());
      Process process = builder.start();
      process.getOutputStream().close();
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
        return failed("%s took more than %d s".formatted(stage(lines(log)), PATIENCE.toSeconds()));
      }
      return outcome(lines(log), process.exitValue());
    } catch (IOException e) {
      return new Outcome(Optional.empty(), "no process could be started: " + e.getMessage(), false);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Outcome(Optional.empty(), "interrupted", false);
    } finally {
      delete(log);
    }
  }

  /** Native code may have written what is no text. */
  private static List<String> lines(Path log) throws IOException {
    return new String(Files.readAllBytes(log), StandardCharsets.UTF_8).lines().toList();
  }

  private static void delete(@Nullable Path log) {
    try {
      if (log != null) {
        Files.deleteIfExists(log);
      }
    } catch (IOException e) {
      log.toFile().deleteOnExit();
    }
  }

  private static Outcome failed(String why) {
    return new Outcome(Optional.empty(), why, true);
  }

  static Outcome outcome(List<String> lines, int exit) {
    Optional<String> result =
        lines.stream()
            .filter(line -> line.startsWith(LoadProbe.RESULT))
            .map(line -> line.substring(LoadProbe.RESULT.length()))
            .findFirst();
    if (result.isPresent()) {
      JsonObject found = JsonParser.parseString(result.get()).getAsJsonObject();
      return found.has("error") ? failed(found.get("error").getAsString()) : loaded(found);
    }
    if (lines.stream().noneMatch(line -> line.startsWith(LoadProbe.STAGE))) {
      String last = lines.isEmpty() ? "" : ": " + lines.get(lines.size() - 1).strip();
      return new Outcome(
          Optional.empty(),
          "the process ended with exit code %d before it began%s".formatted(exit, last),
          false);
    }
    String how =
        switch (exit - SIGNALS) {
          case 4 -> "an illegal instruction (SIGILL)";
          case 6 -> "an abort (SIGABRT)";
          case 7 -> "a bus error (SIGBUS)";
          case 9 -> "SIGKILL, as the system does for lack of memory";
          case 11 -> "a segmentation fault (SIGSEGV)";
          default -> "exit code " + exit;
        };
    return failed("the process crashed while %s: %s".formatted(stage(lines), how));
  }

  private static Outcome loaded(JsonObject found) {
    List<ComputeDevice> devices = new ArrayList<>();
    for (JsonElement element : found.getAsJsonArray("devices")) {
      JsonObject device = element.getAsJsonObject();
      devices.add(
          new ComputeDevice(
              device.get("name").getAsString(),
              device.has("computeCapability") ? device.get("computeCapability").getAsString() : "",
              number(device, "memoryBytes"),
              number(device, "freeBytes")));
    }
    LoadedTorch torch =
        new LoadedTorch(
            found.get("version").getAsString(),
            found.get("folder").getAsString(),
            found.get("threads").getAsInt(),
            devices,
            found.get("tokenizers").getAsBoolean());
    return new Outcome(
        Optional.of(torch),
        found.has("tokenizersError") ? found.get("tokenizersError").getAsString() : "",
        true);
  }

  private static OptionalLong number(JsonObject object, String name) {
    return object.has(name) ? OptionalLong.of(object.get(name).getAsLong()) : OptionalLong.empty();
  }

  private static String stage(List<String> lines) {
    return lines.stream()
        .filter(line -> line.startsWith(LoadProbe.STAGE))
        .reduce((first, second) -> second)
        .map(line -> line.substring(LoadProbe.STAGE.length()))
        .orElse("starting");
  }

  private static List<String> command(Surroundings around) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx256m");
    command.add("-XX:-CreateCoredumpOnCrash");
    command.add("-Djava.awt.headless=true");
    if (Runtime.version().feature() >= 22) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    around.forwarded().forEach((name, value) -> command.add("-D" + name + "=" + value));
    String modules = System.getProperty("jdk.module.path", "");
    String classes = System.getProperty("java.class.path", "");
    if (!classes.isEmpty()) {
      command.add("-cp");
      command.add(absolute(classes));
    }
    Module own = ProbeProcess.class.getModule();
    if (own.isNamed()) {
      command.add("-p");
      command.add(absolute(modules));
      command.add("-m");
      command.add(own.getName() + "/" + LoadProbe.class.getName());
    } else {
      command.add(LoadProbe.class.getName());
    }
    return command;
  }

  /** The process starts in another folder, where a crash may leave its log. */
  private static String absolute(String path) {
    List<String> entries = new ArrayList<>();
    for (String entry : path.split(File.pathSeparator, -1)) {
      entries.add(Path.of(entry).toAbsolutePath().toString());
    }
    return String.join(File.pathSeparator, entries);
  }
}
