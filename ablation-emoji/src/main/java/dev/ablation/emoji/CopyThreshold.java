package dev.ablation.emoji;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Above which cosine with the planted image an image is a copy of it, and the measurements that say
 * so: it is midway between the copy that is least similar to the planted image and the other image
 * that is most like it.
 *
 * @param threshold a larger cosine is a copy
 * @param lowestCopy smallest cosine of known copies: the planted image, changed a little
 * @param copies how many were looked at, positive
 * @param highestOther largest cosine of images that are no copies
 * @param others how many were looked at, positive
 */
public record CopyThreshold(
    double threshold, double lowestCopy, int copies, double highestOther, int others) {
  /** Name of the file next to an evaluator's weights. */
  public static final String FILE = "copy-threshold.json";

  private static final Gson JSON = new GsonBuilder().setPrettyPrinting().create();

  /** Checks the ranges. */
  public CopyThreshold {
    checkCosine("lowestCopy", lowestCopy);
    checkCosine("highestOther", highestOther);
    if (!(threshold >= -1 && threshold < 1)) {
      throw new IllegalArgumentException("threshold must be in [-1, 1), was " + threshold);
    }
    if (copies <= 0 || others <= 0) {
      throw new IllegalArgumentException(
          "copies and others must be positive, were %d and %d".formatted(copies, others));
    }
  }

  private static void checkCosine(String name, double value) {
    if (!(value >= -1 && value <= 1)) {
      throw new IllegalArgumentException(name + " must be in [-1, 1], was " + value);
    }
  }

  /**
   * Chooses a threshold.
   *
   * @param copies cosines of known copies with the planted image, at least one
   * @param others cosines of images that are no copies, at least one
   * @return midway between the lowest copy and the highest other, whether it separates them or not
   * @throws IllegalArgumentException if one is empty or a value is no cosine
   */
  public static CopyThreshold between(double[] copies, double[] others) {
    if (copies.length == 0 || others.length == 0) {
      throw new IllegalArgumentException(
          "copies and others must not be empty, had %d and %d values"
              .formatted(copies.length, others.length));
    }
    double lowest = Arrays.stream(copies).min().getAsDouble();
    double highest = Arrays.stream(others).max().getAsDouble();
    double middle = Math.min((lowest + highest) / 2, Math.nextDown(1.0));
    return new CopyThreshold(middle, lowest, copies.length, highest, others.length);
  }

  /**
   * Tells whether the threshold divides what it was chosen on.
   *
   * @return whether every copy is above it and nothing else is
   */
  public boolean separates() {
    return lowestCopy > threshold && threshold >= highestOther;
  }

  /**
   * Reads a threshold.
   *
   * @param file of {@link #save}
   * @return the threshold
   * @throws IOException if it cannot be read or is none
   */
  public static CopyThreshold read(Path file) throws IOException {
    return FileReading.of(
        file,
        () -> {
          try {
            CopyThreshold threshold = JSON.fromJson(TextFile.read(file), CopyThreshold.class);
            if (threshold == null) {
              throw new IOException("the file of the copy threshold is empty: " + file);
            }
            return threshold;
          } catch (JsonParseException e) {
            throw new IOException("not a copy threshold: " + file, e);
          } catch (RuntimeException e) {
            // Gson wraps what the constructor of a record throws.
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException(
                "the copy threshold in %s is wrong: %s".formatted(file, cause.getMessage()), e);
          }
        });
  }

  /**
   * Writes the threshold; an older file is replaced.
   *
   * @param file such as {@link #FILE} in the evaluator's folder
   * @throws IOException if it cannot be written
   */
  public void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this) + "\n");
  }
}
