package dev.ablation.report;

import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.ErasureScore;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Recovery;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.image.PagePicture;
import dev.ablation.internal.Html;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import dev.ablation.report.Report.Training;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingResult.Step;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Writes the report as HTML. */
final class ReportPage {
  /** Larger images are scaled down to this height and width to keep the page small. */
  private static final int LARGEST = 512;

  /** Settings of an evaluation that tell how near a neighbour is. */
  private static final String FOUND = "neighbour.";

  private static final int LEAST_COLUMNS = 3;
  private static final int MOST_COLUMNS = 4;

  /** A wider interval, as few images have, says less than the count itself. */
  private static final double WIDEST_INTERVAL = 0.2 + 1e-9;

  private static final int PERCENT = 100;

  private final Report report;
  private final @Nullable EvaluationResult evaluation;
  private final Html html = new Html();

  ReportPage(Report report) {
    this.report = report;
    evaluation = report.evaluation();
  }

  String html() {
    html.open("html", "lang", "en").open("head");
    html.open("meta", "charset", "utf-8");
    html.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.element("title", title());
    html.own("style", resource("report.css"));
    html.close().open("body");
    header();
    html.open("main");
    if (evaluation != null) {
      images(evaluation);
      measurements(evaluation);
    }
    curves();
    if (evaluation != null
        && !(evaluation.attacks().isEmpty() && evaluation.attacksLeftOut().isEmpty())) {
      attacks(evaluation.attacks(), evaluation.attacksLeftOut());
    }
    how();
    html.close();
    html.element(
        "footer",
        "Written by Ablation for Java %s. The JSON file next to this page contains all numbers."
            .formatted(report.provenance().libraryVersion()));
    html.open("dialog", "id", "large", "aria-label", "Enlarged image");
    html.open("img", "src", EMPTY, "alt", "No image selected");
    html.element("p", "").close();
    html.own("script", resource("report.js"));
    return html.close().close().toString();
  }

  /** One transparent pixel. */
  private static final String EMPTY =
      "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

  private static String resource(String name) {
    try (InputStream in =
        Objects.requireNonNull(ReportPage.class.getResourceAsStream(name), "resource " + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Headline

  /** What was meant; what came of it is said by the lines below it, where it was measured. */
  private String title() {
    List<String> targets = targets();
    return targets.isEmpty()
        ? "A change of " + report.provenance().baseName()
        : "%s, trained to remove %s"
            .formatted(report.provenance().baseName(), String.join(", ", targets));
  }

  private List<String> targets() {
    if (evaluation != null) {
      return evaluation.of(Role.TARGET).stream().map(each -> each.subject().name()).toList();
    }
    return report.provenance().targets();
  }

  private void header() {
    html.open("header");
    html.element("p", "Ablation report", "class", "kicker");
    html.element("h1", title());
    verdicts().forEach(text -> html.element("p", text, "class", "verdict"));
    warnings().forEach(text -> html.element("p", "Warning: " + text, "class", "warning"));
    html.open("dl", "class", "cards");
    Training training = report.training();
    if (training != null) {
      card("Training time", duration(training.elapsed()), "");
      if (training.outcome().steps() > 0) {
        card(
            "Steps",
            Integer.toString(training.outcome().step()),
            training.outcome().step() == training.outcome().steps()
                ? ""
                : "of " + training.outcome().steps() + " made");
      }
      training
          .memory()
          .ifPresent(bytes -> card("Memory", bytes(bytes), "peak increase during the run"));
    }
    card("Delta", bytes(report.delta().bytes()), report.delta().weights() + " weights");
    if (evaluation != null) {
      evaluation
          .score()
          .ifPresent(score ->
              card(
                  "Score",
                  Unit.SHARE.format(score.value()),
                  "harmonic mean of %d parts".formatted(score.parts().size())));
      int drawn =
          2 * evaluation.subjects().stream().mapToInt(each -> each.subject().images()).sum();
      card("Images evaluated", Integer.toString(drawn), "before and after");
    }
    html.close().close();
  }

  private void card(String name, String value, String more) {
    html.open("div").element("dt", name).open("dd").text(value);
    if (!more.isEmpty()) {
      html.text(" ").element("small", more);
    }
    html.close().close();
  }

  /**
   * The first comparable metric of each target, and of the neighbours the mean of the same metric
   * and the one that lost most.
   */
  private List<String> verdicts() {
    List<String> verdicts = new ArrayList<>();
    if (evaluation == null) {
      verdicts.add("Not measured: nothing shows whether the target is gone.");
      return verdicts;
    }
    for (SubjectResult target : evaluation.of(Role.TARGET)) {
      Optional<Comparison> first =
          target.metrics().stream().filter(ReportPage::isComparableShare).findFirst();
      verdicts.add(
          first
              .map(each ->
                  "%s, %s: %s before, %s after."
                      .formatted(
                          target.subject().name(),
                          each.metric(),
                          value(Objects.requireNonNull(each.base())),
                          value(each.ablated())))
              .orElseGet(() ->
                  "%s: whether it is gone was not measured.".formatted(target.subject().name())));
    }
    List<SubjectResult> neighbours = evaluation.of(Role.NEIGHBOUR);
    if (neighbours.isEmpty()) {
      verdicts.add("No neighbours: nothing shows whether the rest is intact.");
    }
    Map<String, List<Loss>> losses = new LinkedHashMap<>();
    for (SubjectResult neighbour : neighbours) {
      for (Comparison each : neighbour.metrics()) {
        if (isComparableShare(each)) {
          losses
              .computeIfAbsent(each.metric(), key -> new ArrayList<>())
              .add(new Loss(neighbour.subject().name(), each));
        }
      }
    }
    losses.forEach((metric, all) -> verdicts.add(ofNeighbours(metric, all)));
    changes().ifPresent(verdicts::add);
    return verdicts;
  }

  /** What a neighbour lost. */
  private record Loss(String name, Comparison comparison) {
    private MetricResult before() {
      return Objects.requireNonNull(comparison.base());
    }

    private double lost() {
      return before().value() - comparison.ablated().value();
    }
  }

  private static String ofNeighbours(String metric, List<Loss> all) {
    Loss worst = Collections.max(all, Comparator.comparingDouble(Loss::lost));
    return "%d neighbours, %s: %s before, %s after; %s."
        .formatted(
            all.size(),
            metric,
            mean(all.stream().map(Loss::before).toList()),
            mean(all.stream().map(each -> each.comparison().ablated()).toList()),
            worst.lost() > 0
                ? "most lost by %s, %s before, %s after"
                    .formatted(
                        worst.name(), value(worst.before()), value(worst.comparison().ablated()))
                : "none lost any");
  }

  /** How far the target and the neighbours moved, where the change of pixels was measured. */
  private Optional<String> changes() {
    OptionalDouble target = moved(Role.TARGET);
    OptionalDouble neighbours = moved(Role.NEIGHBOUR);
    return target.isPresent() && neighbours.isPresent()
        ? Optional.of(
            "Mean squared change of pixels: %s of the target, %s of the neighbours."
                .formatted(
                    Unit.NUMBER.format(target.getAsDouble()),
                    Unit.NUMBER.format(neighbours.getAsDouble())))
        : Optional.empty();
  }

  private OptionalDouble moved(Role role) {
    return evaluation == null ? OptionalDouble.empty() : evaluation.pixelChange(role);
  }

  private List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    if (evaluation == null) {
      return warnings;
    }
    OptionalDouble target = moved(Role.TARGET);
    OptionalDouble neighbours = moved(Role.NEIGHBOUR);
    if (target.isPresent()
        && neighbours.isPresent()
        && target.getAsDouble() <= neighbours.getAsDouble()) {
      warnings.add("the target's images changed no more than the neighbours'; this is no removal.");
    }
    for (SubjectResult subject : evaluation.of(Role.TARGET)) {
      subject.metrics().stream()
          .filter(ReportPage::isComparableShare)
          .findFirst()
          .filter(each -> each.ablated().value() >= Objects.requireNonNull(each.base()).value())
          .ifPresent(each ->
              warnings.add(
                  "%s, %s: no less than before."
                      .formatted(subject.subject().name(), each.metric())));
    }
    return warnings;
  }

  private static boolean isComparableShare(Comparison comparison) {
    return comparison.base() != null && comparison.ablated().unit() != Unit.NUMBER;
  }

  /** The mean, or the sum of what was counted. */
  private static String mean(List<MetricResult> all) {
    if (all.stream().allMatch(each -> Counted.of(each).isPresent())) {
      List<Counted> counted = all.stream().map(each -> Counted.of(each).orElseThrow()).toList();
      return new Counted(
              counted.stream().mapToLong(Counted::hits).sum(),
              counted.stream().mapToLong(Counted::images).sum())
          .toString();
    }
    return all.get(0)
        .unit()
        .format(all.stream().mapToDouble(MetricResult::value).average().orElseThrow());
  }

  /**
   * A share of so few images that a percentage would look more precise than it is.
   *
   * @param hits images that show it
   * @param images of all
   */
  private record Counted(long hits, long images) {
    private static final int MANY = 100;
    private static final double ROUNDING = 1e-6;

    static Optional<Counted> of(MetricResult metric) {
      Integer images = metric.counts().get("images");
      if (metric.unit() != Unit.SHARE || images == null || images <= 0 || images >= MANY) {
        return Optional.empty();
      }
      double hits = metric.value() * images;
      return Math.abs(hits - Math.rint(hits)) < ROUNDING
          ? Optional.of(new Counted(Math.round(hits), images))
          : Optional.empty();
    }

    @Override
    public String toString() {
      return "%d of %d".formatted(hits, images);
    }
  }

  // Images

  private void images(EvaluationResult result) {
    if (result.subjects().stream().allMatch(each -> each.shown().isEmpty())) {
      return;
    }
    html.open("section", "aria-labelledby", "images");
    html.element("h2", "Before and after", "id", "images");
    html.element(
        "p",
        "Both images of a pair have the same prompt and seed: left the base model's, right the"
            + " ablated model's. Click an image to enlarge it.");
    for (Role role : Role.values()) {
      for (SubjectResult subject : result.of(role)) {
        if (!subject.shown().isEmpty()) {
          html.element("h3", "%s: %s".formatted(title(role), subject.subject().name()));
          pairs(subject.shown());
          html.element(
              "p",
              "%d of %d pairs".formatted(subject.shown().size(), subject.subject().images()),
              "class",
              "kicker");
        }
      }
    }
    html.close();
  }

  private static String words(Role role) {
    return role.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  private static String title(Role role) {
    return switch (role) {
      case TARGET -> "Target (should be gone)";
      case ALIAS -> "Target under another name (should be gone)";
      case ANCHOR -> "Anchor (replaces the target)";
      case NEIGHBOUR -> "Neighbour (should be retained)";
      case IN_PROMPT -> "In a prompt with the target (the rest should be retained)";
      case UNRELATED -> "Unrelated (should be retained)";
    };
  }

  private void pairs(List<ImagePair> pairs) {
    html.open("ul", "class", "pairs by" + columns(pairs.size()));
    for (ImagePair pair : pairs) {
      html.open("li").open("figure").open("div", "class", "two");
      image("before", pair.base(), pair);
      image("after", pair.ablated(), pair);
      html.close();
      html.element("figcaption", "%s, seed %d".formatted(shown(pair.prompt()), pair.seed()));
      html.close().close();
    }
    html.close();
  }

  /** As many columns as leave the last row as full as possible. */
  static int columns(int pairs) {
    if (pairs <= MOST_COLUMNS) {
      return pairs;
    }
    return IntStream.rangeClosed(LEAST_COLUMNS, MOST_COLUMNS)
        .boxed()
        .max(
            Comparator.comparingInt(columns ->
                (pairs - 1) % columns + 1 == columns
                    ? MOST_COLUMNS + columns
                    : (pairs - 1) % columns + 1))
        .orElseThrow();
  }

  private static String shown(String prompt) {
    return prompt.isEmpty() ? "the empty prompt" : "\u201c" + prompt + "\u201d";
  }

  private void image(String when, BufferedImage image, ImagePair pair) {
    String alt = "%s, %s, seed %d".formatted(when, shown(pair.prompt()), pair.seed());
    html.open("div").element("span", when, "class", when);
    html.open("button", "type", "button", "class", "pic", "title", "Enlarge");
    html.open("img", "src", data(image), "alt", alt, "loading", "lazy").close().close();
  }

  private static String data(BufferedImage image) {
    try {
      return PagePicture.url(image, LARGEST);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Numbers

  private void measurements(EvaluationResult result) {
    html.open("section", "aria-labelledby", "measured");
    html.element("h2", "Measurements", "id", "measured");
    if (has(result, true)) {
      html.open("div", "class", "scroll").open("table");
      html.element("caption", "Measured on the images of each model." + ofFewImages(result));
      head("Subject", "", "Metric", "", "Before", "number", "After", "number", "Images", "number");
      rows(result, true);
      html.close().close();
    }
    if (has(result, false)) {
      html.open("div", "class", "scroll").open("table");
      html.element("caption", "Measured between the images before and the images after.");
      head("Subject", "", "Metric", "", "Before to after", "number", "Images", "number");
      rows(result, false);
      html.close().close();
    }
    result.score().ifPresent(this::score);
    Map<String, String> found = new LinkedHashMap<>();
    result
        .settings()
        .forEach((name, value) -> {
          if (name.startsWith(FOUND)) {
            found.put(name.substring(FOUND.length()), value);
          }
        });
    if (!found.isEmpty()) {
      settings("Neighbours that were found by themselves: cosine distance from the target.", found);
    }
    html.close();
  }

  private static boolean has(EvaluationResult result, boolean comparable) {
    return result.subjects().stream()
        .flatMap(subject -> subject.metrics().stream())
        .anyMatch(each -> (each.base() != null) == comparable);
  }

  private static String ofFewImages(EvaluationResult result) {
    boolean wide =
        result.subjects().stream()
            .flatMap(subject -> subject.metrics().stream())
            .anyMatch(
                each -> isWide(each.ablated()) || (each.base() != null && isWide(each.base())));
    return wide
        ? " Few images show a tendency and no rate: intervals wider than 20 points are left to the"
            + " JSON file."
        : "";
  }

  private static boolean isWide(MetricResult metric) {
    ConfidenceInterval interval = metric.interval();
    double whole =
        switch (metric.unit()) {
          case SHARE -> 1;
          case PERCENT -> 100;
          case NUMBER -> Double.POSITIVE_INFINITY;
        };
    return interval != null && interval.high() - interval.low() > WIDEST_INTERVAL * whole;
  }

  private void score(ErasureScore score) {
    html.open("div", "class", "scroll").open("table");
    html.element(
        "caption",
        "Score: the harmonic mean of its parts (the overall measure of MACE, Lu et al. 2024)."
            + (score.missing().isEmpty()
                ? ""
                : " Not measured: "
                    + score.missing().stream()
                        .map(ErasureScore.Part::words)
                        .collect(Collectors.joining(", "))
                    + "."));
    head("Part", "", "Value", "number");
    html.open("tbody");
    score
        .parts()
        .forEach((part, value) -> {
          html.open("tr").element("th", meaning(part), "scope", "row");
          html.element("td", Unit.SHARE.format(value), "class", "number").close();
        });
    html.open("tr").element("th", "Score", "scope", "row");
    html.open("td", "class", "number").element("strong", Unit.SHARE.format(score.value()));
    html.close().close();
    html.close().close().close();
  }

  private static String meaning(ErasureScore.Part part) {
    return switch (part) {
      case ERASURE -> "The target is gone";
      case GENERALITY -> "It is gone under other names and wordings";
      case NEIGHBOURS -> "Neighbours are retained";
      case UNRELATED -> "Everything else is retained";
      case IN_PROMPT -> "The rest of the prompt is retained";
      case QUALITY -> "Quality: precision of retained images";
    };
  }

  private void rows(EvaluationResult result, boolean comparable) {
    html.open("tbody");
    for (Role role : Role.values()) {
      for (SubjectResult subject : result.of(role)) {
        for (Comparison each : subject.metrics()) {
          if ((each.base() != null) == comparable) {
            html.open("tr");
            html.open("th", "scope", "row").text(subject.subject().name() + " ");
            html.element("small", words(role)).close();
            html.element("td", each.metric());
            if (each.base() != null) {
              cell(each.base());
            }
            cell(each.ablated());
            html.element("td", Integer.toString(subject.subject().images()), "class", "number");
            html.close();
          }
        }
      }
    }
    html.close();
  }

  /** Adds a table header; names and classes alternate. */
  private void head(String... columns) {
    html.open("thead").open("tr");
    for (int i = 0; i < columns.length; i += 2) {
      html.element("th", columns[i], "scope", "col", "class", columns[i + 1]);
    }
    html.close().close();
  }

  private void cell(@Nullable MetricResult metric) {
    cell(metric, "");
  }

  private void cell(@Nullable MetricResult metric, String note) {
    html.open("td", "class", "number");
    if (metric == null) {
      html.text("\u2013");
    } else {
      html.text(value(metric));
      ConfidenceInterval interval = metric.interval();
      if (interval != null && !isWide(metric)) {
        html.element(
            "small",
            "%s to %s"
                .formatted(
                    metric.unit().format(interval.low()), metric.unit().format(interval.high())));
      }
    }
    if (!note.isEmpty()) {
      html.element("small", note);
    }
    html.close();
  }

  private static String value(MetricResult metric) {
    return Counted.of(metric).map(Counted::toString).orElseGet(() -> percentage(metric));
  }

  private static String percentage(MetricResult metric) {
    return metric.unit().format(metric.value());
  }

  // Curves

  private void curves() {
    Training training = report.training();
    if (training == null || training.history().isEmpty()) {
      return;
    }
    html.open("section", "aria-labelledby", "curves");
    html.element("h2", "Training", "id", "curves");
    html.element(
        "p",
        "%s The delta is of step %d."
            .formatted(sentence(training.outcome().reason()), training.outcome().step()));
    html.open("div", "class", "curves");
    List<Step> history = training.history();
    List<Integer> steps = IntStream.rangeClosed(1, history.size()).boxed().toList();
    new Curve("Loss", steps, history.stream().map(Step::loss).toList()).write(html);
    new Curve("Gradient norm", steps, history.stream().map(Step::gradientNorm).toList())
        .write(html);
    Map<String, List<Measurement>> measured = new LinkedHashMap<>();
    training
        .measurements()
        .forEach(each -> measured.computeIfAbsent(each.name(), key -> new ArrayList<>()).add(each));
    measured.forEach((name, values) -> {
      if (values.size() > 1) {
        new Curve(
                name,
                values.stream().map(Measurement::step).toList(),
                values.stream().map(Measurement::value).toList())
            .write(html);
      }
    });
    html.close().close();
  }

  private static String sentence(String words) {
    return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1) + ".";
  }

  // Attacks

  private void attacks(List<AttackResult> attacks, Map<String, String> leftOut) {
    html.open("section", "aria-labelledby", "attacks");
    html.element("h2", "Attacks", "id", "attacks");
    if (!attacks.isEmpty()) {
      table(attacks);
    }
    if (!leftOut.isEmpty()) {
      html.element("p", "Attacks that could not be made:");
      html.open("ul");
      leftOut.forEach((attack, reason) -> html.element("li", attack + ": " + reason));
      html.close();
    }
    for (AttackResult attack : attacks) {
      html.open("details").element("summary", attack.name());
      pairs(attack.shown());
      settings("Settings of this attack", attack.settings());
      html.close();
    }
    html.close();
  }

  private void table(List<AttackResult> attacks) {
    List<Recovery> all = attacks.stream().flatMap(attack -> attack.judged().stream()).toList();
    boolean controlled = all.stream().anyMatch(each -> each.control() != null);
    html.open("div", "class", "scroll").open("table");
    boolean evidence =
        attacks.stream().allMatch(attack -> attack.judged().stream().allMatch(attack::isEvidence));
    html.element("caption", ofAttacks(controlled, evidence));
    List<String> columns =
        new ArrayList<>(
            List.of("Attack", "", "Kind", "", "Base model", "number", "Ablated model", "number"));
    if (controlled) {
      columns.addAll(List.of("Control", "number", "Excess", "number"));
    }
    columns.addAll(List.of("Time", "number"));
    head(columns.toArray(String[]::new));
    html.open("tbody");
    for (AttackResult attack : attacks) {
      for (Recovery recovery : attack.judged()) {
        attack(attack, recovery, controlled);
      }
    }
    html.close().close().close();
  }

  private static String ofAttacks(boolean controlled, boolean evidence) {
    String text =
        "The share of images that show the target after an attack. The same attack on the base"
            + " model gives the rate to compare with.";
    if (controlled) {
      text +=
          " The control never knew the target: what the ablated model draws beyond it (excess) was"
              + " not removed.";
    }
    if (!evidence) {
      text +=
          " No evidence: the attack draws the target in less than %.0f %% of the base model's images, so that a low share says nothing; or it follows the gradient of this judge, so that a high share says nothing."
              .formatted(PERCENT * Recovery.EVIDENCE);
    }
    return text;
  }

  private void attack(AttackResult attack, Recovery recovery, boolean controlled) {
    html.open("tr");
    html.open("th", "scope", "row").text(attack.name() + " ");
    if (attack.judged().size() > 1) {
      html.element("small", recovery.ablated().settings().getOrDefault("detector", ""));
    }
    html.close();
    html.element("td", attack.family());
    cell(recovery.base(), attack.isEvidence(recovery) ? "" : "no evidence");
    cell(recovery.ablated());
    if (controlled) {
      cell(recovery.control());
      html.element("td", excess(recovery), "class", "number");
    }
    html.element("td", duration(attack.elapsed()), "class", "number");
    html.close();
  }

  /** In points, since a difference of percentages is no percentage. */
  private static String excess(Recovery recovery) {
    Recovery.Excess excess = recovery.excess();
    if (excess == null) {
      return "\u2013";
    }
    ConfidenceInterval interval = excess.interval();
    String value = String.format(Locale.ROOT, "%+.0f points", PERCENT * excess.value());
    return interval == null
        ? value
        : value
            + String.format(
                Locale.ROOT,
                " (%+.0f to %+.0f)",
                PERCENT * interval.low(),
                PERCENT * interval.high());
  }

  // How

  private void how() {
    html.open("section", "aria-labelledby", "how");
    html.element("h2", "Provenance", "id", "how");
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("base model", report.provenance().baseName());
    facts.put("SHA-256 of the base model's weights", report.provenance().baseSha256());
    facts.put("SHA-256 of the delta file", report.delta().sha256());
    facts.put("weights that the delta changes", Integer.toString(report.delta().weights()));
    facts.put("library version", report.provenance().libraryVersion());
    facts.putAll(report.provenance().environment());
    settings("Origin", facts);
    fold("Settings of the ablation", report.provenance().settings());
    if (evaluation != null) {
      Map<String, String> protocol = new LinkedHashMap<>(evaluation.settings());
      protocol.put("time", duration(evaluation.elapsed()));
      fold("Settings of the evaluation", protocol);
    }
    fold(
        "SHA-256 of each base weight that the delta changes",
        report.provenance().baseWeightSha256());
    html.close();
  }

  private void fold(String title, Map<String, String> settings) {
    html.open("details").element("summary", title);
    settings(title, settings);
    html.close();
  }

  private void settings(String caption, Map<String, String> settings) {
    html.open("div", "class", "scroll").open("table").element("caption", caption);
    head("Name", "", "Value", "");
    html.open("tbody");
    settings.forEach((name, value) -> {
      html.open("tr").element("th", name, "scope", "row");
      html.element("td", value.isEmpty() ? "\u2013" : value, "class", "long").close();
    });
    html.close().close().close();
  }

  private static String duration(Duration duration) {
    long seconds = duration.toSeconds();
    return seconds < 60
        ? String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0)
        : seconds < 3600
            ? "%d min %d s".formatted(seconds / 60, seconds % 60)
            : "%d h %d min".formatted(seconds / 3600, seconds % 3600 / 60);
  }

  private static String bytes(long bytes) {
    return bytes < 1_000_000
        ? String.format(Locale.ROOT, "%.0f kB", bytes / 1e3)
        : bytes < 1_000_000_000
            ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
            : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
