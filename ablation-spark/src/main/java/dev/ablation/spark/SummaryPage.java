package dev.ablation.spark;

import dev.ablation.evaluation.Role;
import dev.ablation.image.ImageFile;
import dev.ablation.image.PagePicture;
import dev.ablation.internal.Html;
import dev.ablation.job.AcceptanceLimit;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.spark.ConceptResult.Score;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A page with every concept, the worst first and with their pictures. */
final class SummaryPage {
  private static final int WORST = 6;
  private static final int PAIRS = 3;
  private static final int LARGEST = 256;
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --line: #d9dfe6; --card: #f5f7fa; --bad: #a3342a; }
      @media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --soft: #a3afbd; --line: #35404d; --card: #1b222b; --bad: #f0897f; }
        body { background: #12171d; } }
      body { margin: 0 auto; max-width: 84rem; padding: 1.5rem 1.25rem 4rem; color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
      h1 { margin: .2rem 0 1rem; } h2 { margin: 2.2rem 0 .6rem; font-size: 1.3rem; } h3 { margin: 0 0 .2rem; font-size: 1.05rem; }
      .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0; }
      .cards div, .worst article { background: var(--card); border-radius: .6rem; padding: .7rem .9rem; }
      .cards dt { color: var(--soft); font-size: .82rem; } .cards dd { margin: 0; font-size: 1.35rem; }
      .worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: .9rem; }
      .worst p { margin: .1rem 0 .5rem; font-size: .9rem; color: var(--soft); overflow-wrap: anywhere; }
      .pairs { display: flex; flex-wrap: wrap; gap: .6rem; } figure { margin: 0; } figcaption { font-size: .75rem; color: var(--soft); max-width: 10.5rem; }
      .pairs img { width: 5rem; height: auto; border-radius: .3rem; background: #fff; }
      .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
      th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
      th { color: var(--soft); font-weight: 600; font-size: .82rem; } td.number, th.number { text-align: right; white-space: nowrap; }
      td small { color: var(--soft); display: block; } .bad { color: var(--bad); } td.error { min-width: 14rem; overflow-wrap: anywhere; }
      footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; } a { color: inherit; }
      """;

  private final SparkAblationResult result;
  private final StringBuilder html = new StringBuilder();

  private SummaryPage(SparkAblationResult result) {
    this.result = result;
  }

  static SummaryPage of(SparkAblationResult result) {
    return new SummaryPage(result);
  }

  String html() throws IOException {
    List<ConceptResult> concepts =
        result.concepts().stream().sorted(Comparator.comparingDouble(SummaryPage::rank)).toList();
    String title = concepts.size() == 1 ? "1 concept" : concepts.size() + " concepts";
    html.append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        .append("<title>")
        .append(Html.escaped(title + " removed"))
        .append("</title><style>\n")
        .append(STYLE)
        .append("</style></head><body>\n<h1>")
        .append(Html.escaped(title))
        .append("</h1>\n");
    cards(concepts);
    for (String problem : result.problems()) {
      html.append("<p class=\"bad\">").append(Html.escaped(problem)).append("</p>\n");
    }
    worst(concepts);
    table(concepts);
    html.append("<footer>Written by Ablation for Java ")
        .append(Html.escaped(concepts.get(0).hashes().library()))
        .append(". All numbers are in <a href=\"")
        .append(SparkAblationResult.CSV)
        .append("\">")
        .append(SparkAblationResult.CSV)
        .append("</a>; intervals are of 95 %.</footer>\n</body></html>\n");
    return html.toString();
  }

  /** Lowest first: no result, limits not met, then what is worst alone or together. */
  private static double rank(ConceptResult concept) {
    if (concept.error() != null) {
      return -2000;
    }
    double worst =
        Stream.of(concept.judgement().scores(), concept.judgement().together())
            .flatMap(scores -> scores.entrySet().stream())
            .mapToDouble(each ->
                each.getKey().equals(AcceptanceLimit.RECOVERED)
                    ? 100 - each.getValue().value()
                    : each.getValue().value())
            .min()
            .orElse(100);
    return concept.judgement().accepted() ? worst : worst - 1000;
  }

  private void cards(List<ConceptResult> concepts) {
    long failed = concepts.stream().filter(each -> each.error() != null).count();
    long accepted = concepts.stream().filter(ConceptResult::accepted).count();
    double training = concepts.stream().mapToDouble(each -> each.cost().trainSeconds()).sum();
    double evaluation =
        concepts.stream().mapToDouble(each -> each.cost().evaluationSeconds()).sum();
    html.append("<dl class=\"cards\">");
    card("Concepts", Integer.toString(concepts.size()));
    card("Meet their limits", Long.toString(accepted));
    card("Do not", Long.toString(concepts.size() - accepted - failed));
    card("Without a result", Long.toString(failed));
    card("Training", seconds(training));
    card("Evaluation", seconds(evaluation));
    html.append("</dl>\n");
  }

  private void card(String name, String value) {
    html.append("<div><dt>")
        .append(Html.escaped(name))
        .append("</dt><dd>")
        .append(Html.escaped(value));
    html.append("</dd></div>");
  }

  private static String seconds(double seconds) {
    return seconds < 600
        ? String.format(Locale.ROOT, "%.1f s", seconds)
        : String.format(Locale.ROOT, "%.1f h", seconds / 3600);
  }

  private void worst(List<ConceptResult> concepts) throws IOException {
    List<ConceptResult> shown =
        concepts.stream().filter(each -> each.error() == null).limit(WORST).toList();
    StringBuilder articles = new StringBuilder();
    for (ConceptResult concept : shown) {
      articles.append(article(concept));
    }
    if (!articles.isEmpty()) {
      html.append("<h2>The worst, before and after</h2>\n<div class=\"worst\">\n")
          .append(articles)
          .append("</div>\n");
    }
  }

  private static String article(ConceptResult concept) throws IOException {
    EvidenceBundle bundle = EvidenceBundle.open(Path.of(concept.concept().evidence()));
    List<EvidenceBundle.DrawnPair> pairs = new ArrayList<>();
    bundle.images(Role.TARGET).stream().limit(PAIRS).forEach(pairs::add);
    bundle.images(Role.NEIGHBOUR).stream().limit(PAIRS).forEach(pairs::add);
    if (pairs.isEmpty()) {
      return "";
    }
    StringBuilder article = new StringBuilder("<article><h3>");
    article.append(Html.escaped(String.join(", ", concept.concept().targets()))).append("</h3><p>");
    article.append(Html.escaped(String.join("; ", concept.judgement().verdicts())));
    article.append(concept.judgement().verdicts().isEmpty() ? "No limits. " : " ");
    article.append(Html.escaped(String.join("; ", concept.judgement().interference())));
    article.append("</p><div class=\"pairs\">");
    for (EvidenceBundle.DrawnPair pair : pairs) {
      article
          .append("<figure>")
          .append(image(pair.before(), pair.subject() + ", before"))
          .append(image(pair.after(), pair.subject() + ", after"))
          .append("<figcaption>")
          .append(Html.escaped(pair.subject()))
          .append("</figcaption></figure>");
    }
    return article.append("</div></article>\n").toString();
  }

  private static String image(Path file, String what) throws IOException {
    return "<img alt=\"%s\" src=\"%s\"> "
        .formatted(Html.escaped(what), PagePicture.url(ImageFile.read(file), LARGEST));
  }

  private void table(List<ConceptResult> concepts) {
    html.append("<h2>All concepts</h2>\n<div class=\"scroll\"><table><thead><tr>")
        .append("<th>Concept</th><th>Result</th>");
    for (String measure : List.of("UA", "IRA", "CRA", "recovered", "UA together", "IRA together")) {
      html.append("<th class=\"number\">").append(measure).append("</th>");
    }
    html.append("<th class=\"number\">Training</th><th>Evidence</th></tr></thead><tbody>\n");
    for (ConceptResult concept : concepts) {
      row(concept);
    }
    html.append("</tbody></table></div>\n");
  }

  private void row(ConceptResult concept) {
    String request = concept.concept().request();
    html.append("<tr><td>")
        .append(Html.escaped(String.join(", ", concept.concept().targets())))
        .append("<small>")
        .append(Html.escaped(request == null ? concept.concept().job().substring(0, 12) : request))
        .append("</small></td>");
    String error = concept.error();
    if (error != null) {
      html.append("<td class=\"bad error\" colspan=\"9\">").append(Html.escaped(error));
      html.append("</td></tr>\n");
      return;
    }
    html.append(concept.accepted() ? "<td>accepted" : "<td class=\"bad\">limits not met");
    html.append("<small>")
        .append(Html.escaped(String.join("; ", concept.judgement().interference())))
        .append("</small></td>");
    Map<String, Score> alone = concept.judgement().scores();
    Map<String, Score> together = concept.judgement().together();
    List.of("UA", "IRA", "CRA", "recovered").forEach(measure -> score(alone.get(measure)));
    List.of("UA", "IRA").forEach(measure -> score(together.get(measure)));
    html.append("<td class=\"number\">").append(seconds(concept.cost().trainSeconds()));
    html.append("</td><td><a href=\"jobs/")
        .append(concept.concept().job())
        .append("/report.html\">")
        .append(concept.concept().job(), 0, 12)
        .append("</a></td></tr>\n");
  }

  private void score(@Nullable Score score) {
    html.append("<td class=\"number\">");
    if (score != null) {
      html.append(String.format(Locale.ROOT, "%.1f %%", score.value()));
      if (score.low() != null && score.high() != null) {
        html.append(
            String.format(Locale.ROOT, "<small>%.1f to %.1f</small>", score.low(), score.high()));
      }
    }
    html.append("</td>");
  }
}
