package dev.ablation.emoji.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a way of removing kept, and what attacks brought back.
 *
 * @param target as the command line has it
 * @param method its name
 * @param seed of training
 * @param scores UA, IRA, CRA by the evaluator
 * @param nearest the same by the nearest image of the data
 * @param attacks name to the share of images that show the target
 * @param step whose weights were taken
 * @param seconds of the run, images included
 * @param memory bytes by which the run raised the peak; 0 if it cannot be measured
 */
record ResistanceResult(
    String target,
    String method,
    long seed,
    Scores scores,
    Scores nearest,
    Map<String, Share> attacks,
    int step,
    double seconds,
    long memory) {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  ResistanceResult {
    attacks = Collections.unmodifiableMap(new LinkedHashMap<>(attacks));
  }

  /**
   * The share of an attack's images that show the target.
   *
   * @param evaluator by the embedded evaluator
   * @param nearest by the nearest image of the data
   */
  record Share(double evaluator, double nearest) {}

  ResistanceResult with(String attack, Share share) {
    Map<String, Share> more = new LinkedHashMap<>(attacks);
    more.put(attack, share);
    return new ResistanceResult(target, method, seed, scores, nearest, more, step, seconds, memory);
  }

  static ResistanceResult read(Path file) throws IOException {
    try {
      ResistanceResult result = JSON.fromJson(TextFile.read(file), ResistanceResult.class);
      if (result == null || result.scores() == null || result.nearest() == null) {
        throw new IOException(file + ": is not a result of the study");
      }
      return result;
    } catch (JsonParseException | NullPointerException e) {
      throw new IOException(file + ": is not a result of the study: " + e.getMessage(), e);
    }
  }

  void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this) + "\n");
  }

  /** A row a run, each figure by the evaluator and by the nearest image. */
  static String table(List<ResistanceResult> results) {
    List<String> attacks =
        results.stream().flatMap(each -> each.attacks().keySet().stream()).distinct().toList();
    StringBuilder text = new StringBuilder("| target | method | seed | UA | IRA | CRA |");
    attacks.forEach(attack -> text.append(' ').append(attack).append(" |"));
    text.append(" time | memory |\n| --- | --- | ---: | ---: | ---: | ---: |");
    text.append(" ---: |".repeat(attacks.size() + 2)).append('\n');
    for (ResistanceResult each : results) {
      Scores a = each.scores();
      Scores b = each.nearest();
      text.append(
          "| %s | %s | %d | %s | %s | %s |"
              .formatted(
                  each.target(),
                  each.method(),
                  each.seed(),
                  both(a.unlearning(), b.unlearning()),
                  both(a.inDomain(), b.inDomain()),
                  both(a.crossDomain(), b.crossDomain())));
      for (String attack : attacks) {
        Share share = each.attacks().get(attack);
        text.append(share == null ? " - |" : " " + both(share.evaluator(), share.nearest()) + " |");
      }
      text.append(
          String.format(Locale.ROOT, " %.0f s | %.0f MB |%n", each.seconds(), each.memory() / 1e6));
    }
    return text.toString();
  }

  private static String both(double evaluator, double nearest) {
    return String.format(Locale.ROOT, "%.0f / %.0f %%", 100 * evaluator, 100 * nearest);
  }
}
