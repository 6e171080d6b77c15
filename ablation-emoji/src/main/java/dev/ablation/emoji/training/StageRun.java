package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.train.ParallelTraining;
import dev.ablation.image.ImageFile;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.train.ExponentialAverage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * Trains a stage in a folder, where everything about it is kept: {@code NAME.safetensors} to go on
 * from, {@code NAME.csv} and {@code NAME.png} with its course, {@code NAME-SAMPLES.png} with what
 * it draws. Stopped at any moment and run again it gives the same weights, to the last bit, as a
 * run that was not stopped.
 *
 * @param <N> the networks of the stage
 */
final class StageRun<N> {
  private static final String WEIGHT = "weight.";
  private static final String FIRST = "first.";
  private static final String SECOND = "second.";
  private static final String AVERAGE = "average.";
  private static final String STEP = "step";
  private static final double SMOOTHING = 0.98;

  private final Stage<N> stage;
  private final StageSettings settings;
  private final Path folder;
  private final Pace pace;

  /**
   * How often something else than training is done.
   *
   * @param logEvery steps between two lines of the table
   * @param judgeEvery steps between two judgements, a multiple of {@code logEvery}
   * @param saveEvery time between two checkpoints
   * @param sheetEvery time between two sheets of samples
   */
  record Pace(int logEvery, int judgeEvery, Duration saveEvery, Duration sheetEvery) {}

  StageRun(Stage<N> stage, StageSettings settings, Path folder, Pace pace) {
    this.stage = stage;
    this.settings = settings;
    this.folder = folder;
    this.pace = pace;
  }

  private Path checkpoint() {
    return folder.resolve(stage.name() + ".safetensors");
  }

  /** Whether the stage has been trained to its end. */
  boolean isFinished() throws IOException {
    return Files.exists(checkpoint()) && savedStep() >= settings.steps();
  }

  private int savedStep() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(checkpoint())) {
      return Integer.parseInt(String.valueOf(file.metadata().get(STEP)));
    }
  }

  /**
   * Reads the averaged weights of the last checkpoint.
   *
   * @return copies by name
   */
  static Map<String, NDArray> averages(Path checkpoint, NDManager owner) throws IOException {
    Map<String, NDArray> averages = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(checkpoint)) {
      for (String name : file.tensors().keySet()) {
        if (name.startsWith(AVERAGE)) {
          try (NDArray mapped = file.read(name, owner)) {
            // The file is replaced one day; what is mapped from it must not be relied on.
            NDArray copy = GradMode.with(false, mapped::duplicate);
            copy.attach(owner);
            averages.put(name.substring(AVERAGE.length()), copy);
          }
        }
      }
    }
    return averages;
  }

  /**
   * Trains until the end, or until stopped.
   *
   * @param workers number of threads
   * @param progress receives the step and a message
   * @param stop checked after every step
   * @return whether the end was reached
   */
  boolean run(int workers, NDManager manager, Progress progress, BooleanSupplier stop)
      throws IOException {
    if (settings.batchSize() % workers != 0) {
      throw new IllegalArgumentException(
          "workers must divide the batch of %d, were %d".formatted(settings.batchSize(), workers));
    }
    try (NDManager own = manager.newSubManager()) {
      List<N> replicas =
          IntStream.range(0, workers).mapToObj(i -> stage.networks(own, i == 0)).toList();
      try (ParallelTraining<N> training = new ParallelTraining<>(replicas, stage::trained, own);
          ExponentialAverage average =
              training.withoutGradients(() ->
                  new ExponentialAverage(
                      training.weights(), settings.averageDecay(), settings.averageEvery(), own))) {
        return new Work(training, average, own, progress).train(stop);
      }
    }
  }

  /** Told how far a stage is. */
  @FunctionalInterface
  interface Progress {
    void at(String stage, int step, int steps, String message);
  }

  /** The state of a run. */
  private final class Work {
    private final ParallelTraining<N> training;
    private final ExponentialAverage average;
    private final Optimizer optimizer;
    private final NDManager manager;
    private final Progress progress;
    private final TrainingCurve course;
    private int step;
    private double smoothLoss = Double.NaN;
    private long seconds;

    Work(
        ParallelTraining<N> training,
        ExponentialAverage average,
        NDManager manager,
        Progress progress)
        throws IOException {
      this.training = training;
      this.average = average;
      this.manager = manager;
      this.progress = progress;
      optimizer = training.optimizer(settings.optimizer());
      if (Files.exists(checkpoint())) {
        restore();
      }
      course = TrainingCurve.continued(folder, stage.name(), step);
    }

    boolean train(BooleanSupplier stop) throws IOException {
      long begun = System.nanoTime();
      long secondsBefore = seconds;
      long saved = begun;
      long drawn = begun - pace.sheetEvery().toNanos();
      long logged = begun;
      int loggedStep = step;
      while (step < settings.steps() && !stop.getAsBoolean()) {
        step++;
        double rate = settings.learningRate() * settings.schedule().factor(step, settings.steps());
        double loss = makeStep(rate);
        smoothLoss =
            Double.isNaN(smoothLoss) ? loss : SMOOTHING * smoothLoss + (1 - SMOOTHING) * loss;
        long now = System.nanoTime();
        seconds = secondsBefore + (now - begun) / 1_000_000_000L;
        boolean last = step == settings.steps();
        if (step % pace.logEvery() == 0 || last) {
          double speed = (double) (step - loggedStep) * settings.batchSize() * 1e9 / (now - logged);
          log(rate, speed);
          loggedStep = step;
          logged = System.nanoTime();
        }
        progress.at(
            stage.name(), step, settings.steps(), String.format(Locale.ROOT, "%.4f", smoothLoss));
        if (now - drawn >= pace.sheetEvery().toNanos() || last) {
          sheet();
          drawn = System.nanoTime();
          logged += drawn - now;
        }
        if (now - saved >= pace.saveEvery().toNanos() || last) {
          save();
          saved = System.nanoTime();
        }
      }
      if (step < settings.steps()) {
        save();
      }
      return step == settings.steps();
    }

    private double makeStep(double rate) {
      try (NDManager scope = manager.newSubManager()) {
        int share = settings.batchSize() / training.replicas().size();
        Gradients gradients =
            training.gradients(
                (worker, networks, owner) ->
                    stage.loss(networks, step, worker * share, share, owner),
                scope);
        double norm = optimizer.step(gradients.values(), rate, settings.maxGradientNorm());
        if (!Double.isFinite(norm) || !Double.isFinite(gradients.loss())) {
          throw new IllegalStateException(
              "training of %s diverged in step %d: loss %s, gradient norm %s"
                  .formatted(stage.name(), step, gradients.loss(), norm));
        }
        training.withoutGradients(() -> {
          average.update(step);
          return step;
        });
        return gradients.loss();
      }
    }

    private void log(double rate, double speed) throws IOException {
      Map<String, Double> values = new LinkedHashMap<>();
      values.put("samples", (double) step * settings.batchSize());
      values.put("minutes", seconds / 60.0);
      values.put("learning_rate", rate);
      values.put("loss", smoothLoss);
      values.put("samples_per_second", speed);
      try (NDManager scope = manager.newSubManager()) {
        values.putAll(training.with(average.values(), networks -> stage.measure(networks, scope)));
        if (step % pace.judgeEvery() == 0 || step == settings.steps()) {
          values.putAll(training.with(average.values(), networks -> stage.judge(networks, scope)));
        }
      }
      course.add(step, values);
    }

    private void sheet() throws IOException {
      List<BufferedImage> images;
      try (NDManager scope = manager.newSubManager()) {
        images = training.with(average.values(), networks -> stage.sheet(networks, scope));
      }
      for (int i = 0; i < images.size(); i++) {
        String number = images.size() == 1 ? "" : "-" + (i + 1);
        ImageFile.writePng(
            images.get(i), folder.resolve(stage.name() + "-samples" + number + ".png"));
      }
      course.draw();
    }

    private void save() throws IOException {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      NDList moments = optimizer.moments();
      int count = training.names().size();
      for (int i = 0; i < count; i++) {
        String name = training.names().get(i);
        arrays.put(WEIGHT + name, training.weights().get(i));
        arrays.put(FIRST + name, moments.get(i));
        arrays.put(SECOND + name, moments.get(count + i));
        arrays.put(AVERAGE + name, average.values().get(i));
      }
      Map<String, String> metadata =
          Map.of(
              STEP,
              Integer.toString(step),
              "smooth_loss",
              Double.toString(smoothLoss),
              "seconds",
              Long.toString(seconds),
              "settings",
              settings.toString());
      training.withoutGradients(() -> {
        try {
          SafetensorsWriter.write(checkpoint(), arrays, metadata);
          return step;
        } catch (IOException e) {
          throw new java.io.UncheckedIOException(e);
        }
      });
    }

    private void restore() throws IOException {
      try (SafetensorsFile file = SafetensorsFile.open(checkpoint());
          NDManager scope = manager.newSubManager()) {
        NDList moments = new NDList();
        NDList averages = new NDList();
        List<String> names = training.names();
        for (int i = 0; i < names.size(); i++) {
          Kernels.copy(file.read(WEIGHT + names.get(i), scope), training.weights().get(i));
          averages.add(file.read(AVERAGE + names.get(i), scope));
          moments.add(file.read(FIRST + names.get(i), scope));
        }
        for (String name : new ArrayList<>(names)) {
          moments.add(file.read(SECOND + name, scope));
        }
        training.withoutGradients(() -> {
          average.restart(averages);
          return averages;
        });
        step = Integer.parseInt(String.valueOf(file.metadata().get(STEP)));
        seconds = Long.parseLong(String.valueOf(file.metadata().get("seconds")));
        smoothLoss = Double.parseDouble(String.valueOf(file.metadata().get("smooth_loss")));
        optimizer.restore(moments, step);
      }
    }
  }
}
