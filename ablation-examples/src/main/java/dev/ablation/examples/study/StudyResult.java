package dev.ablation.examples.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What a method did to a target.
 *
 * @param target name of the target
 * @param method name of the method, {@link #BASE} for the model as it was
 * @param scores what is gone and what is kept
 * @param seconds that the run took, anchors included
 * @param deltaBytes size of the saved delta
 * @param firstLoss loss of the first step
 * @param lastLoss loss of the last step
 */
record StudyResult(
    String target,
    String method,
    Scores scores,
    double seconds,
    long deltaBytes,
    double firstLoss,
    double lastLoss) {
  static final String BASE = "base model";
  private static final Gson JSON =
      new GsonBuilder().serializeSpecialFloatingPointValues().setPrettyPrinting().create();

  static String fileName(String target, String method) {
    return (target + "--" + method).toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9-]+", "-")
        + ".json";
  }

  static StudyResult read(Path file) throws IOException {
    try {
      return JSON.fromJson(Files.readString(file), StudyResult.class);
    } catch (JsonParseException e) {
      throw new IOException("not a result of a study: " + file, e);
    }
  }

  void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this));
  }

  /** Writes all results as a table for programs and one for people. */
  static void write(List<StudyResult> results, List<Method> methods, Path folder)
      throws IOException {
    AtomicFiles.writeString(folder.resolve("results.csv"), Existing.REPLACE, csv(results));
    AtomicFiles.writeString(
        folder.resolve("results.md"), Existing.REPLACE, markdown(results, methods));
  }

  private static String csv(List<StudyResult> results) {
    StringBuilder csv =
        new StringBuilder("target,method,ua,ira,cra,seconds,delta_bytes,first_loss,last_loss\n");
    for (StudyResult result : results) {
      csv.append(
          String.format(
              Locale.ROOT,
              "%s,%s,%.4f,%.4f,%.4f,%.1f,%d,%.6f,%.6f%n",
              result.target,
              result.method,
              result.scores.unlearning(),
              result.scores.inDomain(),
              result.scores.crossDomain(),
              result.seconds,
              result.deltaBytes,
              result.firstLoss,
              result.lastLoss));
    }
    return csv.toString();
  }

  private static String markdown(List<StudyResult> results, List<Method> methods) {
    StringBuilder text = new StringBuilder();
    Set<String> targets = new LinkedHashSet<>();
    results.forEach(result -> targets.add(result.target));
    for (String target : targets) {
      text.append("### ").append(target).append("\n\n");
      text.append("| method | UA | IRA | CRA | time | delta |\n");
      text.append("| --- | ---: | ---: | ---: | ---: | ---: |\n");
      for (StudyResult result : results) {
        if (result.target.equals(target)) {
          text.append(result.row());
        }
      }
      text.append('\n');
    }
    text.append("| method | differs from the recommended settings in |\n| --- | --- |\n");
    for (Method method : methods) {
      text.append(
          "| %s | %s |%n"
              .formatted(method.name(), method.differs().isEmpty() ? "-" : method.differs()));
    }
    return text.toString();
  }

  private String row() {
    return method.equals(BASE)
        ? String.format(
            Locale.ROOT,
            "| %s | %.0f %% | %.0f %% | %.0f %% | | |%n",
            method,
            100 * scores.unlearning(),
            100 * scores.inDomain(),
            100 * scores.crossDomain())
        : String.format(
            Locale.ROOT,
            "| %s | %.0f %% | %.0f %% | %.0f %% | %.0f s | %,.0f kB |%n",
            method,
            100 * scores.unlearning(),
            100 * scores.inDomain(),
            100 * scores.crossDomain(),
            seconds,
            deltaBytes / 1e3);
  }
}
