package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading a model and drawing, in a process without any switch, asks for no connection. */
class QuietByDefaultTest {
  private static final String ASKED = "connects to ";

  @TempDir Path folder;

  @Test
  void connectsNowhereWithoutAnySwitch() throws Exception {
    String log = run();
    assertThat(log).contains("drawn").doesNotContain(ASKED);
  }

  /** The other test could not fail if this one did. */
  @Test
  void obeysTheSwitches() throws Exception {
    assertThat(run("-Dai.djl.offline=false", "-DOPT_OUT_TRACKING=false"))
        .contains(ASKED + "http://169.254.169.254");
  }

  private String run(String... switches) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Djava.awt.headless=true");
    command.add("-Dablation.golden=" + System.getProperty("ablation.golden"));
    command.addAll(List.of(switches));
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(Draws.class.getName());
    Path log = folder.resolve("log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().remove("OPT_OUT_TRACKING");
    builder.environment().remove("DJL_OFFLINE");
    builder.start().waitFor();
    return Files.readString(log, StandardCharsets.UTF_8);
  }

  /** The process. */
  static final class Draws {
    private Draws() {}

    /**
     * Draws.
     *
     * @param args none
     */
    public static void main(String[] args) throws IOException {
      ProxySelector.setDefault(
          new ProxySelector() {
            @Override
            public List<Proxy> select(URI uri) {
              System.out.println(ASKED + uri);
              throw new IllegalArgumentException("no connection");
            }

            @Override
            public void connectFailed(URI uri, SocketAddress address, IOException failure) {
              System.out.println(ASKED + uri);
            }
          });
      try (StableDiffusion model =
          StableDiffusion.load(
              Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"))) {
        LatentSampler.of(model)
            .settings(SamplingSettings.defaults().steps(1).batchSize(1))
            .draw(List.of("a cat"), 1);
        System.out.println("drawn");
      }
      System.exit(0);
    }
  }
}
