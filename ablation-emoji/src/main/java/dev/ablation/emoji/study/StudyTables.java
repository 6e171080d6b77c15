package dev.ablation.emoji.study;

import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** The results as a table for programs and as tables for people. */
final class StudyTables {
  private final List<StudyResult> results;
  private final List<Method> methods;

  StudyTables(List<StudyResult> results, List<Method> methods) {
    this.results = List.copyOf(results);
    this.methods = List.copyOf(methods);
  }

  void write(Path folder) throws IOException {
    AtomicFiles.writeString(folder.resolve("results.csv"), Existing.REPLACE, csv());
    AtomicFiles.writeString(folder.resolve("results.md"), Existing.REPLACE, markdown());
  }

  String csv() {
    StringBuilder csv =
        new StringBuilder(
            "target,method,half,ua,ira,cra,base_in_domain,in_domain,base_cross_domain,cross_domain,cmmd,kid,seconds,steps,step,memory_bytes,delta_bytes,ending,ua_2nd,ira_2nd,cra_2nd\n");
    for (StudyResult r : results) {
      Scores s = r.scores();
      csv.append(
          String.format(
              Locale.ROOT,
              "%s,%s,%s,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.5f,%.6f,%.1f,%d,%d,%d,%d,%s,%s%n",
              r.target(),
              r.method(),
              half(r),
              s.unlearning(),
              s.inDomain(),
              s.crossDomain(),
              s.baseInDomain(),
              s.ablatedInDomain(),
              s.baseCrossDomain(),
              s.ablatedCrossDomain(),
              r.cmmd(),
              r.kid(),
              r.seconds(),
              r.steps(),
              r.step(),
              r.memory(),
              r.deltaBytes(),
              "\"" + r.ending().replace("\"", "\"\"") + "\"",
              nearest(r, "%.4f,%.4f,%.4f", 1, ",,")));
    }
    return csv.toString();
  }

  /** The second judge's scores, or nothing in results of earlier versions. */
  private static String nearest(StudyResult result, String format, double unit, String nothing) {
    Scores scores = result.nearest();
    return scores == null
        ? nothing
        : String.format(
            Locale.ROOT,
            format,
            unit * scores.unlearning(),
            unit * scores.inDomain(),
            unit * scores.crossDomain());
  }

  private static String half(StudyResult result) {
    return result.development() ? "development" : "held out";
  }

  /** Means by method, then every run. */
  String markdown() {
    StringBuilder text = new StringBuilder();
    for (Kind kind : Kind.values()) {
      List<StudyResult> ofKind =
          results.stream().filter(r -> r.target().startsWith(prefix(kind))).toList();
      if (ofKind.isEmpty()) {
        continue;
      }
      text.append("### ").append(title(kind)).append("\n\n");
      text.append(
          "| method | targets | UA | IRA | CRA | UA, 2nd | IRA, 2nd | CRA, 2nd | CMMD | KID x 1000 | time | memory | delta |\n");
      text.append(
          "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
      for (Method method : methods) {
        List<StudyResult> own =
            ofKind.stream().filter(r -> r.method().equals(method.name())).toList();
        mean(text, method.name(), "all", own);
        List<StudyResult> development = own.stream().filter(StudyResult::development).toList();
        List<StudyResult> heldOut = own.stream().filter(r -> !r.development()).toList();
        if (!development.isEmpty() && !heldOut.isEmpty()) {
          mean(text, method.name(), "development", development);
          mean(text, method.name(), "held out", heldOut);
        }
      }
      text.append('\n');
      text.append(
          "| target | method | half | UA | IRA (base, ablated) | CRA (base, ablated) | UA, 2nd | IRA, 2nd | CRA, 2nd | CMMD | steps | time |\n");
      text.append(
          "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
      for (StudyResult r : ofKind) {
        Scores s = r.scores();
        text.append(
            String.format(
                Locale.ROOT,
                "| %s | %s | %s | %.0f %% | %.0f %% (%.0f, %.0f) | %.0f %% (%.0f, %.0f) | %s | %.3f | %d of %d | %s |%n",
                r.target().substring(r.target().indexOf(':') + 1),
                r.method(),
                half(r),
                100 * s.unlearning(),
                100 * s.inDomain(),
                100 * s.baseInDomain(),
                100 * s.ablatedInDomain(),
                100 * s.crossDomain(),
                100 * s.baseCrossDomain(),
                100 * s.ablatedCrossDomain(),
                nearest(r, "%.0f %% | %.0f %% | %.0f %%", 100, "- | - | -"),
                r.cmmd(),
                r.step(),
                r.steps(),
                seconds(r.seconds())));
      }
      text.append('\n');
    }
    text.append("| method | differs from the first in |\n| --- | --- |\n");
    for (Method method : methods) {
      text.append(
          "| %s | %s |%n"
              .formatted(method.name(), method.differs().isEmpty() ? "-" : method.differs()));
    }
    return text.toString();
  }

  private static String prefix(Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  private static String title(Kind kind) {
    return switch (kind) {
      case STYLE -> "Styles";
      case INSTANCE -> "Instances";
      case PLANTED -> "The planted image";
    };
  }

  private static void mean(
      StringBuilder text, String method, String which, List<StudyResult> results) {
    if (results.isEmpty()) {
      return;
    }
    text.append(
        String.format(
            Locale.ROOT,
            "| %s | %s, %d | %.1f %% | %.1f %% | %.1f %% | %s | %.3f | %.2f | %s | %.0f MB | %,.0f kB |%n",
            method,
            which,
            results.size(),
            100 * mean(results, r -> r.scores().unlearning()),
            100 * mean(results, r -> r.scores().inDomain()),
            100 * mean(results, r -> r.scores().crossDomain()),
            nearest(results),
            mean(results, StudyResult::cmmd),
            1000 * mean(results, StudyResult::kid),
            seconds(mean(results, StudyResult::seconds)),
            mean(new ArrayList<>(results), r -> r.memory() / 1e6),
            mean(results, r -> r.deltaBytes() / 1e3)));
  }

  /** The second judge's means, if it judged every run. */
  private static String nearest(List<StudyResult> results) {
    List<Scores> scores = new ArrayList<>();
    for (StudyResult result : results) {
      Scores own = result.nearest();
      if (own == null) {
        return "- | - | -";
      }
      scores.add(own);
    }
    return String.format(
        Locale.ROOT,
        "%.1f %% | %.1f %% | %.1f %%",
        100 * scores.stream().mapToDouble(Scores::unlearning).average().orElseThrow(),
        100 * scores.stream().mapToDouble(Scores::inDomain).average().orElseThrow(),
        100 * scores.stream().mapToDouble(Scores::crossDomain).average().orElseThrow());
  }

  /** A closed form takes few. */
  private static String seconds(double seconds) {
    return String.format(Locale.ROOT, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  }

  private static double mean(List<StudyResult> results, ToDoubleFunction<StudyResult> value) {
    return results.stream().mapToDouble(value).average().orElse(Double.NaN);
  }
}
