package dev.ablation.site;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The command line and examples, without any switch, use no socket of the internet: native code
 * included, because the system calls are watched. Needs strace; without it the tests are skipped.
 */
class NoConnectionTest {
  /** A call that names an address of IPv4 or IPv6. */
  private static final Pattern REACHED = Pattern.compile("AF_INET6?\\b.*(sin_addr|sin6_addr)");

  @TempDir private Path folder;

  @Test
  void theCommandLineConnectsNowhere() throws Exception {
    Path drawn = folder.resolve("drawn");
    assertThat(calls("dev.ablation.cli.Ablate", "draw", "--steps", "1", "--output", drawn, "a cat"))
        .isEmpty();
    assertThat(drawn.resolve("0.png")).isNotEmptyFile();
  }

  @Test
  @Tag("slow")
  void examplesConnectNowhere() throws Exception {
    assertThat(calls(Examples.class.getName(), folder)).isEmpty();
    assertThat(folder.resolve("report.html")).isNotEmptyFile();
  }

  /** The other tests could not fail if this one did. */
  @Test
  void seesAConnection() throws Exception {
    assertThat(calls(Connecting.class.getName())).anyMatch(call -> call.contains("127.0.0.1"));
  }

  /** Runs a class of the class path and returns what it asked of the network. */
  private List<String> calls(String main, Object... arguments) throws Exception {
    Path strace = Path.of("/usr/bin/strace");
    assumeTrue(Files.isExecutable(strace), "strace is needed");
    Path log = folder.resolve("calls");
    List<String> command =
        new ArrayList<>(
            List.of(
                strace.toString(),
                "-f",
                "--seccomp-bpf",
                "-qq",
                "-e",
                "trace=connect,sendto,sendmsg,sendmmsg",
                "-o",
                log.toString(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    // How this JVM compiles and collects: the process lives for seconds, too.
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("-XX:"))
        .forEach(command::add);
    command.addAll(
        List.of(
            "-Djava.awt.headless=true",
            "-Dexample.steps=1",
            "-Dexample.images=2",
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            main));
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    Path output = folder.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    for (String name : List.of("OPT_OUT_TRACKING", "DJL_OFFLINE", "HF_HUB_OFFLINE")) {
      builder.environment().remove(name);
    }
    Process process = builder.start();
    assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(output, UTF_8)).isZero();
    return Files.readAllLines(log).stream().filter(REACHED.asPredicate()).toList();
  }

  /** Connects to a port of this machine on which nobody listens. */
  static final class Connecting {
    private Connecting() {}

    public static void main(String[] args) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress("127.0.0.1", 9), 1000);
      } catch (IOException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  /** Runs examples that train, evaluate, serve and write a LoRA file. */
  static final class Examples {
    private Examples() {}

    public static void main(String[] args) throws Exception {
      for (String name : List.of("EvaluateAndReport", "ServeTwoTenants", "TrainLora")) {
        Class.forName("dev.ablation.examples." + name)
            .getMethod("main", String[].class)
            .invoke(null, (Object) args);
      }
      System.exit(0);
    }
  }
}
