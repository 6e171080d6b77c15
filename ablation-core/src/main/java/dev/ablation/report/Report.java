package dev.ablation.report;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A report on an ablation for readers who were not involved: the target and the method, images
 * before and after, measurements next to the base model's, curves, attacks, time and memory, and
 * the delta's provenance. {@link #write} creates one self-contained HTML page, which includes its
 * images and loads nothing, and a JSON file with the same name next to it.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="report"}
 *
 * @param provenance the delta's provenance
 * @param delta size and hash of the delta's file
 * @param evaluation the evaluation; {@code null} if there was none
 * @param training the training of the delta; {@code null} if the delta was loaded
 */
public record Report(
    Provenance provenance,
    DeltaFile delta,
    @Nullable EvaluationResult evaluation,
    @Nullable Training training) {

  /** Checks that nothing required is null. */
  public Report {
    Objects.requireNonNull(provenance, "provenance");
    Objects.requireNonNull(delta, "delta");
  }

  /**
   * A delta's file.
   *
   * @param weights number of weights that the delta changes
   * @param bytes size of the file that {@link WeightDelta#save} writes, in bytes
   * @param sha256 hash of that file
   */
  public record DeltaFile(int weights, long bytes, String sha256) {

    /**
     * Determines the size and hash of a delta's file.
     *
     * @param delta any delta
     * @return size and hash of its file
     * @throws IOException if the delta cannot be read
     */
    public static DeltaFile of(WeightDelta delta) throws IOException {
      Hasher sha256 = Hashing.sha256().newHasher();
      long[] size = {0};
      delta.writeTo(
          new WritableByteChannel() {
            @Override
            public int write(ByteBuffer bytes) {
              int count = bytes.remaining();
              size[0] += count;
              sha256.putBytes(bytes);
              return count;
            }

            @Override
            public boolean isOpen() {
              return true;
            }

            @Override
            public void close() {
              // There is nothing to close.
            }
          });
      return new DeltaFile(delta.names().size(), size[0], sha256.hash().toString());
    }
  }

  /**
   * The training of a delta.
   *
   * @param history the steps
   * @param measurements the monitors' measurements
   * @param outcome how training ended
   * @param elapsed duration, including that of the anchor images
   * @param memory increase of peak memory during the run, in bytes; empty if it cannot be measured
   */
  public record Training(
      List<Step> history,
      List<Measurement> measurements,
      TrainingOutcome outcome,
      Duration elapsed,
      OptionalLong memory) {

    /** Copies the lists. */
    public Training {
      history = List.copyOf(history);
      measurements = List.copyOf(measurements);
      Objects.requireNonNull(outcome, "outcome");
      Objects.requireNonNull(elapsed, "elapsed");
    }
  }

  /**
   * Creates a report on a loaded delta and its evaluation.
   *
   * @param delta any delta
   * @param evaluation the evaluation of the delta
   * @return the report
   * @throws IOException if the delta cannot be read
   */
  public static Report of(WeightDelta delta, EvaluationResult evaluation) throws IOException {
    return new Report(delta.provenance(), DeltaFile.of(delta), evaluation, null);
  }

  /** {@return the self-contained HTML page} */
  public String html() {
    return new ReportPage(this).html();
  }

  /** {@return the report without images, as JSON of the schema {@code dev.ablation.report/1}} */
  public String json() {
    return ReportJson.write(this);
  }

  /**
   * Writes the page and a JSON file next to it. Each file is written atomically and replaces an
   * existing one.
   *
   * @param page file of the page; its name ends with {@code .html}
   * @return the JSON file, which has the extension {@code .json} instead
   * @throws IOException if a file cannot be written
   * @throws IllegalArgumentException if the name ends differently
   */
  public Path write(Path page) throws IOException {
    String name = page.getFileName().toString();
    if (!name.endsWith(".html")) {
      throw new IllegalArgumentException("page must end with .html, was " + page);
    }
    Path json = page.resolveSibling(name.substring(0, name.length() - ".html".length()) + ".json");
    AtomicFiles.writeString(page, Existing.REPLACE, html());
    AtomicFiles.writeString(json, Existing.REPLACE, json());
    return json;
  }
}
