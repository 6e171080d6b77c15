package dev.ablation.job;

import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import dev.ablation.job.internal.RecordReader;
import dev.ablation.job.internal.RecordWriter;
import dev.ablation.report.Report;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How a delta was trained, as a file between training and evaluation. Numbers are texts where they
 * may be no number.
 *
 * @param history loss and gradient norm of each step
 * @param measurements of monitors
 * @param outcome how training ended
 * @param nanos duration
 * @param memory increase of peak memory in bytes
 */
record TrainingRecord(
    List<StepRecord> history,
    List<MeasurementRecord> measurements,
    OutcomeRecord outcome,
    long nanos,
    @Nullable Long memory) {

  TrainingRecord {
    // A reader leaves out what is empty.
    history = history == null ? List.of() : List.copyOf(history);
    measurements = measurements == null ? List.of() : List.copyOf(measurements);
  }

  record StepRecord(String loss, String gradientNorm) {}

  record MeasurementRecord(int step, String name, String value) {}

  record OutcomeRecord(int steps, int step, boolean early, String reason) {}

  static void write(Report.Training training, Path file) throws IOException {
    TrainingOutcome outcome = training.outcome();
    TrainingRecord record =
        new TrainingRecord(
            training.history().stream()
                .map(step ->
                    new StepRecord(
                        Double.toString(step.loss()), Double.toString(step.gradientNorm())))
                .toList(),
            training.measurements().stream()
                .map(each ->
                    new MeasurementRecord(each.step(), each.name(), Double.toString(each.value())))
                .toList(),
            new OutcomeRecord(outcome.steps(), outcome.step(), outcome.early(), outcome.reason()),
            training.elapsed().toNanos(),
            training.memory().isPresent() ? training.memory().getAsLong() : null);
    AtomicFiles.writeString(file, Existing.REPLACE, RecordWriter.write(record));
  }

  static Report.Training read(Path file) throws IOException {
    return FileReading.of(
        file, () -> RecordReader.read(TextFile.read(file), TrainingRecord.class).training());
  }

  private Report.Training training() {
    return new Report.Training(
        history.stream()
            .map(step ->
                new Step(Double.parseDouble(step.loss()), Double.parseDouble(step.gradientNorm())))
            .toList(),
        measurements.stream()
            .map(
                each -> new Measurement(each.step(), each.name(), Double.parseDouble(each.value())))
            .toList(),
        new TrainingOutcome(outcome.steps(), outcome.step(), outcome.early(), outcome.reason()),
        Duration.ofNanos(nanos),
        memory == null ? OptionalLong.empty() : OptionalLong.of(memory));
  }
}
