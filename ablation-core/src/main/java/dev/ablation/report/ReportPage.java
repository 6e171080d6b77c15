package dev.ablation.report;

import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.image.ImageFile;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import dev.ablation.report.Report.Training;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingResult.Step;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Writes the report as HTML. */
final class ReportPage {
  /** Larger images are scaled down to this height and width to keep the page small. */
  private static final int LARGEST = 512;

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
    if (evaluation != null && !evaluation.attacks().isEmpty()) {
      attacks(evaluation.attacks());
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

  private String title() {
    List<String> targets = targets();
    return targets.isEmpty()
        ? "What was removed from " + report.provenance().baseName()
        : "%s removed from %s"
            .formatted(String.join(", ", targets), report.provenance().baseName());
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
   * The first comparable metric of each target, and the mean of the same metric over all
   * neighbours.
   */
  private List<String> verdicts() {
    List<String> verdicts = new ArrayList<>();
    if (evaluation == null) {
      return verdicts;
    }
    for (SubjectResult target : evaluation.of(Role.TARGET)) {
      Optional<Comparison> first =
          target.metrics().stream().filter(ReportPage::isComparableShare).findFirst();
      first.ifPresent(each ->
          verdicts.add(
              "%s, %s: %s before, %s after."
                  .formatted(
                      target.subject().name(),
                      each.metric(),
                      value(Objects.requireNonNull(each.base())),
                      value(each.ablated()))));
    }
    Map<String, List<Comparison>> ofNeighbours = new LinkedHashMap<>();
    for (SubjectResult neighbour : evaluation.of(Role.NEIGHBOUR)) {
      for (Comparison each : neighbour.metrics()) {
        if (isComparableShare(each)) {
          ofNeighbours.computeIfAbsent(each.metric(), key -> new ArrayList<>()).add(each);
        }
      }
    }
    ofNeighbours.forEach((metric, all) ->
        verdicts.add(
            "%d neighbours, mean %s: %s before, %s after."
                .formatted(
                    all.size(),
                    metric,
                    mean(all, each -> Objects.requireNonNull(each.base())),
                    mean(all, Comparison::ablated))));
    return verdicts;
  }

  private static boolean isComparableShare(Comparison comparison) {
    return comparison.base() != null && comparison.ablated().unit() != Unit.NUMBER;
  }

  private static String mean(List<Comparison> all, Function<Comparison, MetricResult> side) {
    Unit unit = side.apply(all.get(0)).unit();
    return unit.format(
        all.stream().mapToDouble(each -> side.apply(each).value()).average().orElseThrow());
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
        "Both images of a pair have the same prompt and seed: left the base model's, right the ablated"
            + " model's. Click an image to enlarge it.");
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

  private static String title(Role role) {
    return switch (role) {
      case TARGET -> "Target (should be gone)";
      case ANCHOR -> "Anchor (replaces the target)";
      case NEIGHBOUR -> "Neighbour (should be retained)";
      case UNRELATED -> "Unrelated (should be retained)";
    };
  }

  private void pairs(List<ImagePair> pairs) {
    html.open("ul", "class", "pairs");
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
      return "data:image/png;base64,"
          + Base64.getEncoder().encodeToString(ImageFile.png(fitting(image)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static BufferedImage fitting(BufferedImage image) {
    int longest = Math.max(image.getWidth(), image.getHeight());
    if (longest <= LARGEST) {
      return image;
    }
    int width = Math.max(1, image.getWidth() * LARGEST / longest);
    int height = Math.max(1, image.getHeight() * LARGEST / longest);
    BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = small.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
    graphics.drawImage(image, 0, 0, width, height, null);
    graphics.dispose();
    return small;
  }

  // Numbers

  private void measurements(EvaluationResult result) {
    html.open("section", "aria-labelledby", "measured");
    html.element("h2", "Measurements", "id", "measured");
    html.open("div", "class", "scroll").open("table");
    html.element(
        "caption",
        "Each value is shown with its confidence interval. A metric without a value before is a distance"
            + " between the images before and after.");
    head("Subject", "", "Metric", "", "Before", "number", "After", "number", "Images", "number");
    html.open("tbody");
    for (Role role : Role.values()) {
      for (SubjectResult subject : result.of(role)) {
        for (Comparison each : subject.metrics()) {
          html.open("tr");
          html.open("th", "scope", "row").text(subject.subject().name() + " ");
          html.element("small", role.name().toLowerCase(Locale.ROOT)).close();
          html.element("td", each.metric());
          cell(each.base());
          cell(each.ablated());
          html.element("td", Integer.toString(subject.subject().images()), "class", "number");
          html.close();
        }
      }
    }
    html.close().close().close().close();
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
    html.open("td", "class", "number");
    if (metric == null) {
      html.text("\u2013");
    } else {
      html.text(value(metric));
      ConfidenceInterval interval = metric.interval();
      if (interval != null) {
        html.element(
            "small",
            "%s to %s"
                .formatted(
                    metric.unit().format(interval.low()), metric.unit().format(interval.high())));
      }
    }
    html.close();
  }

  private static String value(MetricResult metric) {
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

  private void attacks(List<AttackResult> attacks) {
    html.open("section", "aria-labelledby", "attacks");
    html.element("h2", "Attacks", "id", "attacks");
    html.open("div", "class", "scroll").open("table");
    html.element(
        "caption",
        "The share of images that show the target after an attack. The same attack on the base model gives"
            + " the rate to compare with.");
    head(
        "Attack",
        "",
        "Kind",
        "",
        "Base model",
        "number",
        "Ablated model",
        "number",
        "Time",
        "number");
    html.open("tbody");
    for (AttackResult attack : attacks) {
      html.open("tr");
      html.element("th", attack.name(), "scope", "row");
      html.element("td", attack.family());
      cell(attack.recovered().base());
      cell(attack.recovered().ablated());
      html.element("td", duration(attack.elapsed()), "class", "number");
      html.close();
    }
    html.close().close().close();
    for (AttackResult attack : attacks) {
      html.open("details").element("summary", attack.name());
      pairs(attack.shown());
      settings("Settings of this attack", attack.settings());
      html.close();
    }
    html.close();
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
