package dev.ablation.job;

import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.SubjectResult;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The model card of a result, in Markdown (Mitchell et al. 2019, arXiv 1810.03993). */
final class ModelCard {
  static final String FILE = "MODEL_CARD.md";

  private ModelCard() {}

  static String of(
      AblationJob job,
      Evidence evidence,
      List<String> targets,
      Optional<EvaluationResult> evaluation) {
    StringBuilder card = new StringBuilder();
    String base = evidence.hashes().baseName();
    line(card, "# %s, trained to no longer draw the %s", base, String.join(" and the ", targets));
    line(card, "");
    job.request().ifPresent(id -> line(card, "Request: %s", plain(id)));
    line(card, "");
    line(card, "## Model");
    line(card, "");
    line(card, "* Base model: %s, weights with SHA-256 `%s`", base, evidence.hashes().base());
    line(card, "* Change: `%s`, SHA-256 `%s`", JobRun.DELTA, evidence.hashes().delta());
    line(card, "* Changed weights with it applied: SHA-256 `%s`", evidence.hashes().result());
    line(card, "* Method: concept ablation (arXiv 2303.13516), Ablation %s", evidence.library());
    line(card, "* Seed: %d", evidence.seed());
    line(card, "");
    line(card, "## Intended use");
    line(card, "");
    line(
        card,
        "In place of the base model, where the %s must not be drawn. The licence of the base model"
            + " applies.",
        String.join(" and the ", targets));
    line(card, "");
    line(card, "## Evaluation");
    line(card, "");
    if (evaluation.isEmpty()) {
      line(card, "None.");
    } else {
      table(card, evaluation.get());
    }
    line(card, "");
    line(card, "## Acceptance");
    line(card, "");
    if (evidence.verdicts().isEmpty()) {
      line(card, "The job sets no limits.");
    }
    for (Evidence.Judged verdict : evidence.verdicts()) {
      line(
          card,
          "* %s: %s",
          verdict.limit(),
          verdict.measured() == null
              ? "not measured"
              : String.format(
                  Locale.ROOT,
                  "%s, measured %.4g",
                  verdict.met() ? "met" : "not met",
                  verdict.measured()));
    }
    line(card, "");
    line(card, "## Known limits");
    line(card, "");
    evidence.knownLimits().forEach(limit -> line(card, "* %s", limit));
    return card.toString();
  }

  private static void table(StringBuilder card, EvaluationResult evaluation) {
    line(card, "| role | subject | metric | before | after |");
    line(card, "| --- | --- | --- | --- | --- |");
    for (SubjectResult subject : evaluation.subjects()) {
      for (Comparison metric : subject.metrics()) {
        line(
            card,
            "| %s | %s | %s | %s | %s |",
            subject.subject().role().name().toLowerCase(Locale.ROOT),
            plain(subject.subject().name()),
            metric.metric(),
            metric.base() == null ? "" : metric.base().unit().format(metric.base().value()),
            metric.ablated().unit().format(metric.ablated().value()));
      }
    }
  }

  /** A name must not end a cell of a table. */
  private static String plain(String text) {
    return text.replace("|", "\\|").replaceAll("\\s+", " ");
  }

  private static void line(StringBuilder card, String format, Object... values) {
    card.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
