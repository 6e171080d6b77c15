package dev.ablation.emoji.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.model.AdamW;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.train.LearningRateSchedule;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StageRunTest {
  private static final StageSettings SETTINGS =
      new StageSettings(
          12,
          4,
          0.05,
          LearningRateSchedule.cosine(2, 0.1),
          new AdamW(0.9, 0.99, 1e-8, 0.01),
          1,
          0.9,
          2,
          0);
  private static final StageRun.Pace PACE =
      new StageRun.Pace(3, 6, Duration.ofHours(1), Duration.ZERO);

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  @TempDir Path folder;

  @AfterEach
  void close() {
    manager.close();
  }

  /** Learns to double its input. */
  private static final class Doubling implements Stage<Linear> {
    @Override
    public String name() {
      return "doubling";
    }

    @Override
    public Linear networks(NDManager manager, boolean weights) {
      Linear network = new Linear(3, 3);
      if (weights) {
        RandomWeights.load(network, 1, manager);
      }
      return network;
    }

    @Override
    public NamedWeights trained(Linear network) {
      return new NamedWeights().add("", network, name -> WeightRole.DENOISER);
    }

    @Override
    public NDArray loss(Linear network, int step, int from, int count, NDManager scope) {
      NDArray x =
          RandomStreams.gaussian(
              scope, new Shape(count, 3), RandomStreams.stream(1, "x" + from, step));
      NDArray aim = x.add(x);
      return network.apply(x).sub(aim).square().mean();
    }

    @Override
    public Map<String, Double> measure(Linear network, NDManager scope) {
      return Map.of("one", (double) network.apply(scope.ones(new Shape(1, 3))).sum().getFloat());
    }

    @Override
    public Map<String, Double> judge(Linear network, NDManager scope) {
      return Map.of("seldom", 1.5);
    }

    @Override
    public List<BufferedImage> sheet(Linear network, NDManager scope) {
      return List.of(new BufferedImage(2, 2, BufferedImage.TYPE_INT_RGB));
    }
  }

  private boolean run(Path in, int workers, BooleanSupplier stop) throws IOException {
    Files.createDirectories(in);
    return new StageRun<>(new Doubling(), SETTINGS, in, PACE)
        .run(workers, manager, (stage, step, steps, message) -> {}, stop);
  }

  private static BooleanSupplier afterSteps(int steps) {
    AtomicInteger asked = new AtomicInteger();
    return () -> asked.getAndIncrement() >= steps;
  }

  @Test
  void goneOnWithItGivesTheSameBytesAsUninterrupted() throws IOException {
    Path once = folder.resolve("once");
    Path twice = folder.resolve("twice");
    assertThat(run(once, 2, () -> false)).isTrue();
    assertThat(run(twice, 2, afterSteps(5))).isFalse();
    assertThat(run(twice, 2, afterSteps(1))).isFalse();
    assertThat(run(twice, 2, () -> false)).isTrue();
    assertThat(weights(twice)).isEqualTo(weights(once));
    assertThat(columns(twice, "step", "loss", "one", "seldom"))
        .isEqualTo(columns(once, "step", "loss", "one", "seldom"));
  }

  /** The file without its header, in which the time is. */
  private static List<Byte> weights(Path in) throws IOException {
    byte[] file = Files.readAllBytes(in.resolve("doubling.safetensors"));
    int header =
        8 + java.nio.ByteBuffer.wrap(file).order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt();
    List<Byte> bytes = new java.util.ArrayList<>();
    for (int i = header; i < file.length; i++) {
      bytes.add(file[i]);
    }
    return bytes;
  }

  private static List<String> columns(Path in, String... names) throws IOException {
    List<String> lines = Files.readAllLines(in.resolve("doubling.csv"));
    List<String> header = List.of(lines.get(0).split(",", -1));
    return lines.stream()
        .map(line -> {
          String[] cells = line.split(",", -1);
          StringBuilder kept = new StringBuilder();
          for (String name : names) {
            kept.append(cells[header.indexOf(name)]).append(' ');
          }
          return kept.toString();
        })
        .toList();
  }

  @Test
  void itLearnsAndEverythingIsNoted() throws IOException {
    run(folder, 1, () -> false);
    assertThat(folder.resolve("doubling.png")).exists();
    assertThat(folder.resolve("doubling-samples.png")).exists();
    List<String> lines = Files.readAllLines(folder.resolve("doubling.csv"));
    assertThat(lines.get(0))
        .isEqualTo("step,samples,minutes,learning_rate,loss,samples_per_second,one,seldom");
    assertThat(lines).hasSize(5);
    List<String> sums = columns(folder, "one");
    assertThat(Math.abs(Double.parseDouble(sums.get(4)) - 6))
        .isLessThan(Math.abs(Double.parseDouble(sums.get(1)) - 6));
    assertThat(columns(folder, "seldom"))
        .containsExactly("seldom ", " ", "1.50000 ", " ", "1.50000 ");
  }

  @Test
  void theAveragesAreTheResult() throws IOException {
    run(folder, 1, () -> false);
    Map<String, NDArray> averages =
        StageRun.averages(folder.resolve("doubling.safetensors"), manager);
    assertThat(averages).containsOnlyKeys("weight", "bias");
    assertThat(averages.get("weight").getShape()).isEqualTo(new Shape(3, 3));
  }

  @Test
  void refusesWorkersThatDoNotDivideTheBatch() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> run(folder, 3, () -> false))
        .withMessageContaining("workers must divide the batch of 4, were 3");
  }
}
