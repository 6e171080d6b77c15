package dev.ablation.report;

import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What is told about an ablation to somebody who was not there: what was removed and how, images
 * before and after, measurements with the base model's beside, curves, attempts to bring the target
 * back, time and memory, where the delta comes from. {@link #write} makes one page of HTML, which
 * holds its images and asks the network for nothing, and a JSON file of the same name beside it.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="report"}
 *
 * @param provenance of the delta
 * @param delta size and hash of the delta's file
 * @param evaluation what was drawn and measured; {@code null} if nothing was
 * @param training how the delta came to be; {@code null} if it was loaded
 */
public record Report(
    Provenance provenance,
    DeltaFile delta,
    @Nullable EvaluationResult evaluation,
    @Nullable Training training) {

  /** Checks that nothing that must be there is null. */
  public Report {
    Objects.requireNonNull(provenance, "provenance");
    Objects.requireNonNull(delta, "delta");
  }

  /**
   * A delta as a file.
   *
   * @param weights how many weights it changes
   * @param bytes of the file that {@link WeightDelta#save} writes
   * @param sha256 of that file
   */
  public record DeltaFile(int weights, long bytes, String sha256) {

    /**
     * Measures a delta.
     *
     * @param delta any
     * @return size and hash of its file
     * @throws IOException if a temporary file cannot be written
     */
    public static DeltaFile of(WeightDelta delta) throws IOException {
      Path folder = Files.createTempDirectory("ablation-report");
      Path file = folder.resolve("delta.safetensors");
      try {
        delta.save(file);
        return new DeltaFile(delta.names().size(), Files.size(file), sha256(file));
      } finally {
        Files.deleteIfExists(file);
        Files.deleteIfExists(folder);
      }
    }

    private static String sha256(Path file) throws IOException {
      try (InputStream in = Files.newInputStream(file)) {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] buffer = new byte[1 << 16];
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
          digest.update(buffer, 0, read);
        }
        return HexFormat.of().formatHex(digest.digest());
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java platform has SHA-256", e);
      }
    }
  }

  /**
   * How a delta was trained.
   *
   * @param history of the steps
   * @param measurements of monitors
   * @param ending how it ended
   * @param elapsed how long it took, anchors included
   * @param memory by which the run raised the peak, in bytes; empty where it cannot be told
   */
  public record Training(
      List<Step> history,
      List<Measurement> measurements,
      TrainingOutcome ending,
      Duration elapsed,
      OptionalLong memory) {

    /** Copies the lists. */
    public Training {
      history = List.copyOf(history);
      measurements = List.copyOf(measurements);
      Objects.requireNonNull(ending, "ending");
      Objects.requireNonNull(elapsed, "elapsed");
    }
  }

  /**
   * Reports on a delta that was loaded, after an evaluation of its own.
   *
   * @param delta any
   * @param evaluation of the delta
   * @return the report
   * @throws IOException if a temporary file cannot be written
   */
  public static Report of(WeightDelta delta, EvaluationResult evaluation) throws IOException {
    return new Report(delta.provenance(), DeltaFile.of(delta), evaluation, null);
  }

  /** {@return the page} It holds everything that it shows. */
  public String html() {
    return new ReportPage(this).html();
  }

  /** {@return the same without images, as JSON of the schema {@code dev.ablation.report/1}} */
  public String json() {
    return ReportJson.write(this);
  }

  /**
   * Writes the page, and the JSON beside it. Each file appears whole or not at all; one that is
   * there is replaced.
   *
   * @param page ends with {@code .html}; the JSON file ends with {@code .json} instead
   * @return the JSON file
   * @throws IOException if a file cannot be written
   * @throws IllegalArgumentException if the name ends otherwise
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
