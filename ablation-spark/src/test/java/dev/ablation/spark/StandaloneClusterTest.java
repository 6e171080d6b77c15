package dev.ablation.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRoot;
import dev.ablation.job.JobRun;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A master and two workers, each a JVM, on this machine. */
@Tag("slow")
@DisabledOnOs(OS.WINDOWS) // Spark's scripts and links
class StandaloneClusterTest {
  private static final Pattern URL = Pattern.compile("Starting Spark master at (spark://\\S+)");
  private static final Duration LONG = Duration.ofMinutes(4);
  private static final int WORKERS = 2;

  @TempDir private Path folder;

  private final List<Process> processes = new ArrayList<>();
  private String master = "";

  @BeforeEach
  void start() throws Exception {
    Path home = Files.createDirectories(folder.resolve("spark/jars"));
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path jar = Path.of(entry);
      if (entry.endsWith(".jar")
          && !isNative(entry)
          && !Files.exists(home.resolve(jar.getFileName()))) {
        Files.createSymbolicLink(home.resolve(jar.getFileName()), jar.toAbsolutePath());
      }
    }
    start(
        "master",
        "org.apache.spark.deploy.master.Master",
        "--host",
        "localhost",
        "--port",
        "0",
        "--webui-port",
        "0");
    master = find("master", URL);
    for (int i = 0; i < WORKERS; i++) {
      start(
          "worker" + i,
          "org.apache.spark.deploy.worker.Worker",
          "--host",
          "localhost",
          "--cores",
          "1",
          "--memory",
          "1g",
          "--webui-port",
          "0",
          "--work-dir",
          folder.resolve("work" + i).toString(),
          master);
    }
  }

  private static boolean isNative(String entry) {
    return Path.of(entry).getFileName().toString().startsWith("pytorch-native");
  }

  private void start(String name, String main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=info");
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("SPARK_HOME", folder.resolve("spark").toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    builder.redirectErrorStream(true).redirectOutput(log(name).toFile());
    processes.add(builder.start());
  }

  private Path log(String name) {
    return folder.resolve(name + ".log");
  }

  private String find(String name, Pattern pattern) throws Exception {
    long end = System.nanoTime() + LONG.toNanos();
    while (System.nanoTime() < end) {
      Matcher found = pattern.matcher(Files.readString(log(name)));
      if (found.find()) {
        return found.group(1);
      }
      Thread.sleep(100);
    }
    throw new TimeoutException(name + ": " + Files.readString(log(name)));
  }

  @AfterEach
  void stop() throws InterruptedException {
    for (Process process : processes) {
      Stream<ProcessHandle> children = process.descendants();
      process.destroyForcibly().waitFor();
      children.forEach(ProcessHandle::destroyForcibly);
    }
  }

  /** Executors find the natives on their class path, or neither there nor in DJL's cache. */
  private SparkSession session(boolean natives) {
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> natives || !isNative(entry))
            .collect(Collectors.joining(File.pathSeparator));
    String cache = natives ? "" : " -DENGINE_CACHE_DIR=" + folder.resolve("empty");
    return SparkSession.builder()
        .master(master)
        .appName("test")
        .config("spark.ui.enabled", false)
        .config("spark.driver.host", "localhost")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.executor.cores", 1)
        // Nothing begins before both executors are there: one alone could do both jobs.
        .config("spark.cores.max", natives ? WORKERS : 1)
        .config("spark.scheduler.minRegisteredResourcesRatio", 1.0)
        .config("spark.scheduler.maxRegisteredResourcesWaitingTime", "60s")
        .config("spark.executor.memory", "768m")
        .config("spark.executor.extraClassPath", classPath)
        .config(
            "spark.executor.extraJavaOptions",
            ownOptions() + " -Dai.djl.offline=true -Dai.djl.pytorch.num_threads=1" + cache)
        .config("spark.executorEnv.DJL_OFFLINE", "true")
        .config("spark.executorEnv.OPT_OUT_TRACKING", "true")
        .getOrCreate();
  }

  /** How this JVM compiles and collects: executors live for seconds, too. */
  private static String ownOptions() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("-XX:"))
        .collect(Collectors.joining(" "));
  }

  private static AblationJob job(String target, int steps) {
    return AblationJob.parse(
        """
        {"targets": [{"name": "%s", "anchor": {"images": 2}}],
         "method": {"training": {"steps": %d, "batchSize": 1}},
         "evaluation": "none", "outputs": {"checkpointEvery": 2}}
        """
            .formatted(target, steps),
        "job",
        Path.of("").toAbsolutePath(),
        JobRoot.anywhere());
  }

  /** Each is in the middle of a job when one of them is killed. */
  @Test
  void aKilledExecutorCostsNoMoreThanTheStepsSinceItsCheckpoint() throws Exception {
    List<AblationJob> jobs = List.of(job("owl", 30), job("rocket", 30));
    Path results = folder.resolve("results");
    try (SparkSession spark = session(true)) {
      CompletableFuture<SparkAblationResult> run = new CompletableFuture<>();
      Thread thread =
          new Thread(() -> {
            try {
              run.complete(SparkAblation.in(spark, results).merge(false).run(jobs));
            } catch (IOException | RuntimeException e) {
              run.completeExceptionally(e);
            }
          });
      thread.start();
      // Whichever executor is killed has a checkpoint to go on from.
      for (AblationJob job : jobs) {
        waitForCheckpoint(
            results.resolve("jobs").resolve(job.sha256()).resolve("work/checkpoints"), run);
      }
      executors().get(0).destroyForcibly(); // SIGKILL
      SparkAblationResult result = run.get(LONG.toSeconds(), TimeUnit.SECONDS);

      assertThat(result.failed()).isEmpty();
      assertThat(result.concepts())
          .as("the killed one went on from a checkpoint, the other was left alone")
          .satisfiesOnlyOnce(each -> assertThat(each.cost().resumedAt()).isPositive());
      // What a job comes to where nobody is killed is SparkAblationTest's.
      int resumed = result.concepts().get(0).cost().resumedAt() > 0 ? 0 : 1;
      Path alone = folder.resolve("alone");
      JobRun.of(jobs.get(resumed), alone).run();
      assertThat(Path.of(result.concepts().get(resumed).concept().evidence()).resolve(JobRun.DELTA))
          .hasSameBinaryContentAs(alone.resolve(JobRun.DELTA));
    }
    try (SparkSession spark = session(false)) {
      SparkAblationResult result =
          SparkAblation.in(spark, folder.resolve("natives")).run(List.of(job("owl", 2)));
      assertThat(result.concepts().get(0).error())
          .contains("executor ", "native library could not be loaded")
          .contains("--packages", "spark.executorEnv.PYTORCH_LIBRARY_PATH");
    }
  }

  private List<ProcessHandle> executors() {
    return processes.stream().skip(1).flatMap(Process::descendants).toList();
  }

  private static void waitForCheckpoint(Path checkpoints, CompletableFuture<?> run)
      throws InterruptedException, IOException, ExecutionException {
    while (true) {
      if (run.isDone()) {
        throw new IllegalStateException("the run ended too early: " + run.get());
      }
      if (Files.isDirectory(checkpoints)) {
        try (Stream<Path> files = Files.list(checkpoints)) {
          if (files.anyMatch(
              file ->
                  file.getFileName().toString().matches("checkpoint-0*[1-9]\\d*\\.safetensors"))) {
            return;
          }
        }
      }
      Thread.sleep(50);
    }
  }
}
