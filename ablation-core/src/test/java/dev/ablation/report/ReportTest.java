package dev.ablation.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Recovery;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import dev.ablation.provenance.PairSettings;
import dev.ablation.provenance.Provenance;
import dev.ablation.report.Report.DeltaFile;
import dev.ablation.report.Report.Training;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult.Step;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.parser.Parser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReportTest {
  private static final ExtractorInfo CLIP = new ExtractorInfo("clip", "a".repeat(64), 4);
  private static final String NASTY = "<b onclick=\"x()\">&'\u0001 https://example.org/a.png";

  @TempDir private Path folder;

  private static BufferedImage image(int size, Color colour) {
    BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(colour);
    graphics.fillRect(0, 0, size, size);
    graphics.dispose();
    return image;
  }

  private static MetricResult metric(String name, double value) {
    return MetricResult.of(name, value, CLIP)
        .interval(
            new ConfidenceInterval(
                Math.max(0, value - 0.1), Math.min(1, value + 0.1), 0.95, "test"))
        .counts(Map.of("images", 10))
        .seed(1L);
  }

  private static MetricResult share(String name, double value) {
    return metric(name, value).unit(Unit.SHARE);
  }

  private static SubjectResult subject(Role role, String name, double before, double after) {
    List<ImagePair> pairs =
        List.of(
            new ImagePair("a " + name, 1, image(32, Color.RED), image(32, Color.BLUE)),
            new ImagePair("", 2, image(700, Color.RED), image(700, Color.GREEN)));
    return new SubjectResult(
        new Subject(role, name, List.of("a " + name, ""), 10),
        List.of(
            new Comparison(share("CLIP accuracy", before), share("CLIP accuracy", after)),
            new Comparison(null, metric("KID", 0.0123))),
        pairs);
  }

  private static EvaluationResult evaluation(boolean attacked) {
    return new EvaluationResult(
        Map.of("seed", "42", "note", NASTY, "attack left out: sweep " + NASTY, "no noise"),
        List.of(
            subject(Role.TARGET, "van gogh" + NASTY, 0.98, 0.02),
            subject(Role.ANCHOR, "painting", 0.5, 0.5),
            subject(Role.NEIGHBOUR, "monet", 0.9, 0.8),
            subject(Role.NEIGHBOUR, "dali", 1, 0.9),
            subject(Role.UNRELATED, "captions", 0.3, 0.3)),
        attacked
            ? List.of(
                new AttackResult(
                    "leakage",
                    "misspelled " + NASTY,
                    Map.of("prompts", NASTY),
                    List.of(
                        new Recovery(
                            share("recovered", 0.9),
                            share("recovered", 0.3),
                            share("recovered", 0.1)),
                        new Recovery(share("recovered", 0.5), share("recovered", 0.1), null)),
                    List.of(new ImagePair(NASTY, 3, image(8, Color.RED), image(8, Color.BLUE))),
                    Duration.ofMillis(1234)))
            : List.of(),
        Duration.ofSeconds(75));
  }

  private static Provenance provenance() {
    return new Provenance(
        "1.2.3",
        "base",
        "b".repeat(64),
        Map.of("unet.k", "c".repeat(64)),
        Map.of("seed", "7", "prompt", NASTY),
        Map.of("java", "17"));
  }

  private static Training training(int steps) {
    List<Step> history = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      history.add(new Step(1.0 / (i + 1), 2.0 / (i + 1)));
    }
    return new Training(
        history,
        List.of(new Measurement(0, "target drawn", 1), new Measurement(steps, "target drawn", 0.1)),
        new TrainingOutcome(steps, steps, true, "the target is as rare as the anchor"),
        Duration.ofSeconds(3700),
        OptionalLong.of(1_500_000_000L));
  }

  private static final DeltaFile DELTA = new DeltaFile(14, 1_054_000, "d".repeat(64));

  static Stream<Report> reports() {
    return Stream.of(
        new Report(provenance(), DELTA, evaluation(true), training(60)),
        new Report(provenance(), DELTA, evaluation(false), training(5)),
        new Report(provenance(), DELTA, evaluation(true), null),
        new Report(provenance(), DELTA, null, training(1)),
        new Report(provenance(), DELTA, null, null));
  }

  private static Document page(Report report) {
    String html = report.html();
    // Strict about what browsers forgive: every element closed, in order.
    assertThat(Parser.htmlParser().setTrackErrors(20))
        .satisfies(parser -> {
          Document parsed = parser.parseInput(html, "");
          assertThat(parser.getErrors().stream().map(Object::toString))
              .filteredOn(error -> !error.contains("Self closing"))
              .isEmpty();
          assertThat(parsed.title()).isNotBlank();
        });
    return Jsoup.parse(html);
  }

  @ParameterizedTest
  @MethodSource("reports")
  void nothingComesFromElsewhereAndEverythingIsNamed(Report report) {
    Document page = page(report);
    assertThat(page.select("html").attr("lang")).isEqualTo("en");
    assertThat(page.select("script[src], link, iframe, object, embed, base, form")).isEmpty();
    for (Element element : page.select("[src], [href], [srcset], [action], [poster], [data]")) {
      for (String name : List.of("src", "href", "srcset", "action", "poster", "data")) {
        if (element.hasAttr(name)) {
          assertThat(element.attr(name)).matches("data:image/(png|gif);base64,.*|#.*");
        }
      }
    }
    assertThat(page.select("style").html() + page.select("script").html())
        .doesNotContain("http:", "https:", "@import", "url(", "fetch(", "XMLHttp");
    assertThat(page.select("img")).allSatisfy(img -> assertThat(img.attr("alt")).isNotBlank());
    assertThat(page.select("svg"))
        .allSatisfy(svg -> {
          assertThat(svg.attr("role")).isEqualTo("img");
          assertThat(svg.select("> title").text()).isNotBlank();
        });
    assertThat(page.select("table"))
        .isNotEmpty()
        .allSatisfy(table -> {
          assertThat(table.select("caption").text()).isNotBlank();
          assertThat(table.select("thead th")).allMatch(th -> th.attr("scope").equals("col"));
          assertThat(table.select("tbody tr"))
              .allMatch(row -> row.select("th[scope=row]").size() == 1);
        });
    assertThat(page.select("button")).allMatch(button -> button.attr("type").equals("button"));
    assertThat(page.select("[onclick], b")).isEmpty();
    assertThat(page.select("main, header, footer")).hasSize(3);
    assertThat(page.text()).contains("d".repeat(64), "b".repeat(64), "1.2.3");
  }

  @Test
  void thePageSaysWhatWasMeasured() {
    Document page = page(new Report(provenance(), DELTA, evaluation(true), training(60)));
    assertThat(page.select("h1").text()).startsWith("base, trained to remove van gogh<b onclick");
    assertThat(page.select(".verdict").eachText())
        .anyMatch(text -> text.contains("CLIP accuracy: 98.0 % before, 2.0 % after."))
        .anyMatch(
            text -> text.contains("2 neighbours, CLIP accuracy: 19 of 20 before, 17 of 20 after"))
        .anyMatch(text -> text.contains("most lost by monet, 9 of 10 before, 8 of 10 after"));
    assertThat(page.select(".warning")).isEmpty();
    assertThat(page.select("table").get(0).text())
        .contains("98.0 %", "88.0 % to 100.0 %", "monet", "neighbour")
        .doesNotContain("0.0123");
    assertThat(page.select("table").get(1).text()).contains("0.0123", "Before to after");
    // Before and after of five subjects' two pairs and of the attempt's one, and the large one.
    assertThat(page.select("img")).hasSize(2 * (5 * 2 + 1) + 1);
    assertThat(page.select("img").get(0).attr("alt")).contains("before", "seed 1");
    assertThat(page.select("svg")).hasSize(3);
    assertThat(page.select("section[aria-labelledby=attacks] li").get(0).text())
        .startsWith("sweep ")
        .endsWith(": no noise");
    assertThat(page.text()).contains("1 h 1 min", "1.50 GB", "The delta is of step 60.");
    assertThat(page.select("details")).hasSize(1 + 3);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 11})
  void withoutAnEvaluationTheTitleNamesEveryTarget(int count) {
    List<Map<String, String>> pairs =
        IntStream.rangeClosed(1, count)
            .mapToObj(i -> Map.of("target", "style 'S" + i + "'", "target.kind", "STYLE"))
            .toList();
    Map<String, String> settings = new TreeMap<>(PairSettings.joined(pairs));
    settings.put("seed", "7");
    Provenance several =
        new Provenance("1.2.3", "base", "b".repeat(64), Map.of(), settings, Map.of());
    String targets =
        IntStream.rangeClosed(1, count)
            .mapToObj(i -> "style 'S" + i + "'")
            .collect(Collectors.joining(", "));
    assertThat(Jsoup.parse(new Report(several, DELTA, null, null).html()).title())
        .isEqualTo("base, trained to remove " + targets);
    Provenance none =
        new Provenance("1.2.3", "base", "b".repeat(64), Map.of(), Map.of("a", "b"), Map.of());
    assertThat(Jsoup.parse(new Report(none, DELTA, null, null).html()).title())
        .isEqualTo("A change of base");
  }

  /** "brightness" contains "right", which says nothing about its unit. */
  @Test
  void theUnitDecidesWhatIsShownInPercent() {
    EvaluationResult result =
        new EvaluationResult(
            Map.of(),
            List.of(
                new SubjectResult(
                    new Subject(Role.TARGET, "van gogh", List.of("a"), 10),
                    List.of(
                        new Comparison(metric("brightness", 0.25), metric("brightness", 0.75)),
                        new Comparison(share("sunny", 0.25), share("sunny", 0.75)),
                        new Comparison(
                            metric("memorised", 0.5).unit(Unit.PERCENT),
                            metric("memorised", 0.25).unit(Unit.PERCENT))),
                    List.of())),
            List.of(),
            Duration.ZERO);
    for (EvaluationResult each : List.of(result, EvaluationResult.fromJson(result.toJson()))) {
      Document page = page(new Report(provenance(), DELTA, each, null));
      assertThat(page.select("table").get(0).select("tbody tr").eachText())
          .anyMatch(row -> row.contains("brightness 0.25000.1500 to 0.3500 0.7500"))
          .anyMatch(row -> row.contains("sunny 25.0 %15.0 % to 35.0 % 75.0"))
          .anyMatch(row -> row.contains("memorised 0.5 %0.4 % to 0.6 % 0.3"));
      assertThat(page.select(".verdict").eachText())
          .containsExactly(
              "van gogh, sunny: 25.0 % before, 75.0 % after.",
              "No neighbours: nothing shows whether the rest is intact.");
    }
  }

  private static SubjectResult counted(
      Role role, String name, int before, int after, double moved) {
    MetricResult base =
        MetricResult.of("drawn", before / 6.0, CLIP)
            .unit(Unit.SHARE)
            .counts(Map.of("images", 6))
            .interval(new ConfidenceInterval(0.61, 1, 0.95, "Wilson"));
    MetricResult ablated =
        MetricResult.of("drawn", after / 6.0, CLIP).unit(Unit.SHARE).counts(Map.of("images", 6));
    return new SubjectResult(
        new Subject(role, name, List.of("a"), 6),
        List.of(
            new Comparison(base, ablated),
            new Comparison(null, MetricResult.of("mean squared change", moved, CLIP))),
        List.of());
  }

  @Test
  void fewImagesAreCountedAndDamageIsNamedAtTheTop() {
    EvaluationResult result =
        new EvaluationResult(
            Map.of(),
            List.of(
                counted(Role.TARGET, "ink", 6, 1, 0.2),
                counted(Role.NEIGHBOUR, "noto", 6, 6, 0.01),
                counted(Role.NEIGHBOUR, "blob", 6, 3, 0.03)),
            List.of(),
            Duration.ZERO);
    Document page = page(new Report(provenance(), DELTA, result, null));
    assertThat(page.select("header .verdict").eachText())
        .containsExactly(
            "ink, drawn: 6 of 6 before, 1 of 6 after.",
            "2 neighbours, drawn: 12 of 12 before, 9 of 12 after; most lost by blob, 6 of 6 before,"
                + " 3 of 6 after.",
            "Mean squared change of pixels: 0.2000 of the target, 0.02000 of the neighbours.");
    assertThat(page.select(".warning")).isEmpty();
    assertThat(page.select("main").text())
        .contains("6 of 6", "intervals wider than 20 points")
        .doesNotContain("100.0 %", "61.0 %", "\u2013");
    assertThat(page.select("td")).as("no empty cells").allMatch(cell -> !cell.text().isBlank());
  }

  @Test
  void withoutEvidenceThereIsNoVerdict() {
    assertThat(page(new Report(provenance(), DELTA, null, null)).select(".verdict").text())
        .isEqualTo("Not measured: nothing shows whether the target is gone.");
    EvaluationResult still =
        new EvaluationResult(
            Map.of(),
            List.of(
                counted(Role.TARGET, "ink", 6, 6, 0.01),
                counted(Role.NEIGHBOUR, "noto", 6, 6, 0.01)),
            List.of(),
            Duration.ZERO);
    assertThat(page(new Report(provenance(), DELTA, still, null)).select(".warning").eachText())
        .containsExactly(
            "Warning: the target's images changed no more than the neighbours'; this is no removal.",
            "Warning: ink, drawn: no less than before.");
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 2", "3, 3", "4, 4", "5, 3", "6, 3", "7, 4", "8, 4", "9, 3", "12, 4"})
  void theLastRowOfImagesIsAsFullAsPossible(int pairs, int columns) {
    assertThat(ReportPage.columns(pairs)).isEqualTo(columns);
  }

  @Test
  void largeImagesAreScaledDown() {
    String html = new Report(provenance(), DELTA, evaluation(false), null).html();
    assertThat(html.length()).isLessThan(200_000);
  }

  @Test
  void theJsonHoldsEveryNumberOfThePage() throws IOException {
    Report report = new Report(provenance(), DELTA, evaluation(true), training(60));
    Path json = report.write(folder.resolve("a.html"));
    assertThat(json).hasFileName("a.json");
    JsonObject root = JsonParser.parseString(Files.readString(json)).getAsJsonObject();
    assertThat(root.get("schema").getAsString()).isEqualTo("dev.ablation.report/1");
    assertThat(root.getAsJsonObject("delta").get("sha256").getAsString()).isEqualTo("d".repeat(64));
    JsonObject training = root.getAsJsonObject("training");
    assertThat(training.getAsJsonArray("loss")).hasSize(60);
    assertThat(training.get("seconds").getAsDouble()).isEqualTo(3700);
    assertThat(training.getAsJsonArray("measurements")).hasSize(2);
    assertThat(root.getAsJsonObject("provenance").get("baseName").getAsString()).isEqualTo("base");
    JsonObject first =
        root.getAsJsonObject("evaluation").getAsJsonArray("subjects").get(0).getAsJsonObject();
    assertThat(
            first
                .getAsJsonArray("metrics")
                .get(0)
                .getAsJsonObject()
                .getAsJsonObject("ablated")
                .get("value")
                .getAsDouble())
        .isEqualTo(0.02);
    assertThat(EvaluationResult.fromJson(root.get("evaluation").toString()).subjects()).hasSize(5);
  }

  @Test
  void theSchemaNamesEveryFieldOfTheJson() throws IOException {
    Path docs = Path.of(System.getProperty("ablation.root"), "docs", "report-schema.json");
    JsonObject schema = JsonParser.parseString(Files.readString(docs)).getAsJsonObject();
    Report report = new Report(provenance(), DELTA, evaluation(true), training(2));
    JsonObject json = JsonParser.parseString(report.json()).getAsJsonObject();
    assertFields(schema, json);
    assertFields(
        schema.getAsJsonObject("properties").getAsJsonObject("delta"),
        json.getAsJsonObject("delta"));
    assertFields(
        schema.getAsJsonObject("properties").getAsJsonObject("training"),
        json.getAsJsonObject("training"));
    assertFields(
        schema.getAsJsonObject("properties").getAsJsonObject("provenance"),
        json.getAsJsonObject("provenance"));
    assertFields(
        schema.getAsJsonObject("properties").getAsJsonObject("evaluation"),
        json.getAsJsonObject("evaluation"));
  }

  private static void assertFields(JsonObject schema, JsonObject json) {
    assertThat(schema.getAsJsonObject("properties").keySet())
        .containsExactlyInAnyOrderElementsOf(json.keySet());
  }

  @Test
  void anotherEndingIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new Report(provenance(), DELTA, null, null).write(folder.resolve("a.htm")))
        .withMessageContaining("page must end with .html");
  }

  /** Runs where there is Chromium: all images load, and the network is not asked. */
  @Test
  void aBrowserShowsEveryImageWithoutTheNetwork() throws Exception {
    String chromium = chromium();
    assumeThat(chromium).as("no chromium on the PATH nor in -Dablation.chromium").isNotEmpty();
    Path page = folder.resolve("page.html");
    String html = new Report(provenance(), DELTA, evaluation(true), training(60)).html();
    String check =
        "<script>addEventListener('load', function () { var bad = 0, all = 0;"
            + " document.querySelectorAll('img').forEach(function (i) { all++; i.loading = 'eager';"
            + " if (!i.complete || i.naturalWidth === 0) { bad++; } });"
            + " var asked = performance.getEntriesByType('resource').filter(function (r) {"
            + " return !r.name.startsWith('data:'); }).length;"
            + " document.title = 'all ' + all + ' bad ' + bad + ' asked ' + asked; });</script>";
    Files.writeString(
        page, html.replace("loading=\"lazy\"", "").replace("</body>", check + "</body>"));
    Process process =
        new ProcessBuilder(
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--user-data-dir=" + folder.resolve("profile"),
                "--virtual-time-budget=4000",
                "--dump-dom",
                page.toUri().toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String dom = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(Jsoup.parse(dom).title()).isEqualTo("all 23 bad 0 asked 0");
  }

  private static String chromium() {
    String named = System.getProperty("ablation.chromium", "");
    if (!named.isBlank()) {
      return named;
    }
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
        .map(directory -> Path.of(directory, "chromium"))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst()
        .orElse("");
  }
}
