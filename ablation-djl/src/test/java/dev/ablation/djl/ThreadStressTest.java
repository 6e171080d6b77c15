package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Threads that draw under different deltas, apply, revert, train and close one model, in a process
 * of their own: each image is right, or the call is refused and made again. {@code
 * -Dablation.stress.operations} sets how many.
 */
@Tag("force")
@Tag("slow")
class ThreadStressTest {
  private static final int USUAL = 60;

  @TempDir Path folder;

  @Test
  void everyImageIsRightOrRefused() throws Exception {
    int operations = Math.max(USUAL, Integer.getInteger("ablation.stress.operations", 0));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx1g", "-Djava.awt.headless=true", "-Dai.djl.offline=true"));
    for (String property :
        List.of("ablation.golden", "ablation.device", "ai.djl.pytorch.num_threads")) {
      command.add("-D" + property + "=" + System.getProperty(property, "1"));
    }
    command.add("-XX:ErrorFile=" + folder.resolve("crash.log"));
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(Operations.class.getName());
    command.add(Integer.toString(operations));
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    int exit = process.waitFor();
    String text = Files.readString(log, StandardCharsets.UTF_8);
    assertThat(exit).as(text).isZero();
    assertThat(text).contains("done: ");
    System.out.println(text.substring(text.indexOf("done: ")));
  }

  /** The process. */
  static final class Operations {
    private static final SamplingSettings SETTINGS =
        SamplingSettings.defaults().steps(1).batchSize(1);
    private static final int THREADS = 4;
    private static final int DELTAS = 3;
    private static final int MOST_REFUSALS = 20_000;
    private static final int OPERATIONS_PER_REPORT = 500;
    private static final int MOST_MILLISECONDS_OF_PAUSE = 50;

    private final AtomicReference<StableDiffusion> model = new AtomicReference<>();
    private final AtomicInteger left;
    private volatile String last = "";
    private int made;
    private final Map<String, Integer> counts = new TreeMap<>();
    private final List<WeightDelta> deltas = new ArrayList<>();
    private final List<int[]> expected = new ArrayList<>();
    private final int[] base;
    private final float[] trained;

    private Operations(int operations) throws IOException {
      left = new AtomicInteger(operations);
      model.set(open());
      for (int i = 0; i < DELTAS; i++) {
        deltas.add(delta(i));
      }
      base = draw(model.get());
      for (WeightDelta delta : deltas) {
        expected.add(delta.applied(model.get(), () -> draw(model.get())));
        if (Arrays.equals(expected.get(expected.size() - 1), base)) {
          throw new AssertionError("a delta changes nothing");
        }
      }
      trained = train(model.get());
    }

    /**
     * Runs the operations.
     *
     * @param args how many
     */
    public static void main(String[] args) throws Exception {
      Operations operations = new Operations(Integer.parseInt(args[0]));
      ExecutorService threads = Executors.newFixedThreadPool(THREADS);
      List<Future<?>> work = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        SplittableRandom random = new SplittableRandom(i);
        work.add(threads.submit(() -> operations.work(random)));
      }
      try {
        for (Future<?> each : work) {
          each.get();
        }
      } catch (ExecutionException e) {
        e.printStackTrace();
        System.exit(1); // the other threads have not ended
      }
      int[] after = draw(operations.model.get());
      if (!Arrays.equals(after, operations.base)) {
        throw new AssertionError("the model is changed");
      }
      System.out.println("done: " + operations.counts);
      System.exit(0);
    }

    private static StableDiffusion open() throws IOException {
      return StableDiffusion.load(
          Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"),
          LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device"))));
    }

    private WeightDelta delta(int number) {
      StableDiffusion opened = model.get();
      WeightInfo weight =
          opened.weights().list().stream()
              .filter(info -> info.name().endsWith("attn2.to_v.weight"))
              .skip(number)
              .findFirst()
              .orElseThrow();
      try (NDManager scope = opened.manager().newSubManager()) {
        return WeightDelta.of(
            opened.weights(),
            Map.of(weight.name(), WeightChange.adding(scope.ones(weight.shape()))),
            scope,
            new Provenance("1", "tiny", "unknown", Map.of(), Map.of(), Map.of()));
      }
    }

    private static int[] draw(StableDiffusion of) {
      BufferedImage image =
          LatentSampler.of(of).settings(SETTINGS).draw(List.of("a cat"), 1).get(0);
      return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    }

    private static float[] train(StableDiffusion of) throws IOException {
      try (var result =
          Ablator.of(of)
              .target(Concept.style("Van Gogh"))
              .anchor(
                  AnchorStrategy.generated("painting", List.of("painting of a boat"))
                      .images(1)
                      .sampling(SamplingSettings.defaults().steps(1)))
              .training(t -> t.steps(1).batchSize(1).learningRate(1e-3))
              .run()) {
        WeightDelta delta = result.delta();
        return delta.get(delta.names().iterator().next()).toFloatArray();
      }
    }

    /** Makes one operation after the other, each until it is not refused. */
    private void work(SplittableRandom random) {
      while (left.getAndDecrement() > 0) {
        int kind = random.nextInt(100);
        int at = random.nextInt(DELTAS);
        StableDiffusion opened = model.get();
        for (int refusals = 1; !made(kind, at, opened); refusals++) {
          if (refusals == MOST_REFUSALS) {
            throw new AssertionError("refused for ever, at last because " + last);
          }
          pause(random);
          opened = model.get();
        }
      }
    }

    /** Waits until another operation has ended, or for a while: that is when trying may help. */
    private synchronized void pause(SplittableRandom random) {
      try {
        wait(1 + random.nextInt(MOST_MILLISECONDS_OF_PAUSE));
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    private boolean made(int kind, int at, StableDiffusion opened) {
      try {
        if (kind < 40) {
          check("draw", Arrays.equals(draw(opened), base));
        } else if (kind < 70) {
          int[] drawn = deltas.get(at).applied(opened, () -> draw(opened));
          check("draw under a delta", Arrays.equals(drawn, expected.get(at)));
        } else if (kind < 85) {
          check("apply", bothApplied(opened));
        } else if (kind < 88) {
          check("train", Arrays.equals(train(opened), trained));
        } else if (kind < 97) {
          check("hash", opened.weights().sha256().length() == 64);
        } else {
          opened.close();
          check("close", true);
          model.compareAndSet(opened, open());
        }
        return true;
      } catch (IOException | RuntimeException e) {
        refused(e, opened);
        return false;
      }
    }

    private boolean bothApplied(StableDiffusion opened) {
      return deltas
          .get(0)
          .applied(
              opened,
              () ->
                  deltas.get(1).applied(opened, () -> opened.weights().boundSha256().isPresent()));
    }

    private void refused(Exception thrown, StableDiffusion opened) {
      for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
        String message = String.valueOf(cause.getMessage());
        boolean refusal =
            cause instanceof IllegalStateException
                && (message.contains("cannot") && message.contains("because thread")
                    || message.contains("is used by another run")
                    || message.contains("is being trained already")
                    || message.contains("is closed"));
        if (refusal) {
          last = message;
          check("refused: " + (message.contains("is closed") ? "closed" : "in use"), true);
          return;
        }
      }
      throw new AssertionError("neither right nor a refusal: " + opened, thrown);
    }

    private synchronized void check(String operation, boolean right) {
      if (!right) {
        throw new AssertionError(operation + ": a wrong result");
      }
      counts.merge(operation, 1, Integer::sum);
      if (!operation.startsWith("refused")) {
        made++;
        if (made % OPERATIONS_PER_REPORT == 0) {
          System.out.println(counts);
        }
        notifyAll();
      }
    }
  }
}
