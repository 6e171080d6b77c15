package dev.ablation.emoji.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a method did to a target.
 *
 * @param target as the command line has it
 * @param method its name
 * @param development whether settings may be chosen by the target
 * @param scores UA, IRA, CRA
 * @param nearest the same by a second judge, the nearest image of the data set; null in results of
 *     earlier versions
 * @param cmmd of the ablated model's images from the base model's, without the target's prompts
 * @param kid the same by kernel inception distance of the evaluator's features
 * @param seconds of the run, anchors included
 * @param steps that were made
 * @param step whose weights were taken
 * @param ending why the run ended
 * @param memory bytes by which the run raised the peak; 0 if it cannot be measured
 * @param deltaBytes of the delta's file
 * @param model hash of the base model's weights
 * @param evaluator hash of the evaluator's weights
 */
record StudyResult(
    String target,
    String method,
    boolean development,
    Scores scores,
    @Nullable Scores nearest,
    double cmmd,
    double kid,
    double seconds,
    int steps,
    int step,
    String ending,
    long memory,
    long deltaBytes,
    String model,
    String evaluator) {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  static String fileName(String target, String method) {
    return slug(target + "--" + method) + ".json";
  }

  /** Makes a file's name of words. */
  static String slug(String words) {
    return words.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9-]+", "-");
  }

  static StudyResult read(Path file) throws IOException {
    return FileReading.of(
        file,
        () -> {
          StudyResult result = JSON.fromJson(TextFile.read(file), StudyResult.class);
          if (result == null
              || result.scores == null
              || result.target == null
              || result.method == null) {
            throw new IOException(file + ": is not a result of the study");
          }
          return result;
        });
  }

  void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this) + "\n");
  }

  /** The least of the three scores. */
  double worst() {
    return Math.min(scores.unlearning(), Math.min(scores.inDomain(), scores.crossDomain()));
  }
}
