package dev.ablation.evaluation;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.StrictJson.JsonNumber;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads and writes results as JSON, in a versioned schema that the text names. */
final class EvaluationJson {
  static final String SCHEMA = "dev.ablation.evaluation/1";

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
  private static final int NANO_DIGITS = 9;
  private static final Set<String> SHARES = Set.of("CLIP accuracy", "zero-shot accuracy");

  /** The name of "images" in files of the first versions. */
  private static final String OLD_IMAGES = "pictures";

  private EvaluationJson() {}

  static String write(EvaluationResult result) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("schema", SCHEMA);
    json.put("settings", result.settings());
    json.put("seconds", seconds(result.elapsed()));
    json.put("subjects", result.subjects().stream().map(EvaluationJson::subject).toList());
    json.put("attacks", result.attacks().stream().map(EvaluationJson::attack).toList());
    result.score().ifPresent(score -> json.put("score", score(score)));
    return GSON.toJson(json) + "\n";
  }

  private static BigDecimal seconds(Duration duration) {
    return BigDecimal.valueOf(duration.toNanos(), NANO_DIGITS);
  }

  /** For readers in other languages; it follows from the rest, so it is not read. */
  private static Map<String, Object> score(ErasureScore score) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("value", score.value());
    Map<String, Object> parts = new LinkedHashMap<>();
    score.parts().forEach((part, value) -> parts.put(part.words(), value));
    json.put("parts", parts);
    json.put("notMeasured", score.missing().stream().map(ErasureScore.Part::words).toList());
    return json;
  }

  private static Map<String, Object> subject(SubjectResult result) {
    Subject subject = result.subject();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("role", subject.role().name());
    json.put("name", subject.name());
    json.put("prompts", subject.prompts());
    json.put("images", subject.images());
    if (!subject.concept().equals(subject.name())) {
      json.put("concept", subject.concept());
    }
    if (!subject.rests().isEmpty()) {
      json.put("rests", subject.rests());
    }
    json.put("metrics", result.metrics().stream().map(EvaluationJson::comparison).toList());
    return json;
  }

  private static Map<String, Object> attack(AttackResult result) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("family", result.family());
    json.put("name", result.name());
    json.put("settings", result.settings());
    json.put("recovered", recovery(result, result.recovered()));
    if (result.judged().size() > 1) {
      List<Recovery> others = result.judged().subList(1, result.judged().size());
      json.put("otherJudges", others.stream().map(other -> recovery(result, other)).toList());
    }
    json.put("seconds", seconds(result.elapsed()));
    return json;
  }

  private static Map<String, Object> recovery(AttackResult result, Recovery recovery) {
    Map<String, Object> json =
        new LinkedHashMap<>(comparison(new Comparison(recovery.base(), recovery.ablated())));
    MetricResult control = recovery.control();
    if (control != null) {
      json.put("control", metric(control));
    }
    Recovery.Excess excess = recovery.excess();
    if (excess != null) {
      Map<String, Object> difference = new LinkedHashMap<>();
      difference.put("value", excess.value());
      ConfidenceInterval interval = excess.interval();
      if (interval != null) {
        difference.put("interval", interval(interval));
      }
      json.put("excess", difference);
    }
    json.put("evidence", result.isEvidence(recovery));
    return json;
  }

  private static Map<String, Object> interval(ConfidenceInterval interval) {
    Map<String, Object> ends = new LinkedHashMap<>();
    ends.put("low", interval.low());
    ends.put("high", interval.high());
    ends.put("level", interval.level());
    ends.put("method", interval.method());
    return ends;
  }

  private static Map<String, Object> comparison(Comparison comparison) {
    Map<String, Object> json = new LinkedHashMap<>();
    MetricResult base = comparison.base();
    if (base != null) {
      json.put("base", metric(base));
    }
    json.put("ablated", metric(comparison.ablated()));
    return json;
  }

  private static Map<String, Object> metric(MetricResult metric) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("metric", metric.metric());
    json.put("value", metric.value());
    json.put("unit", metric.unit().name().toLowerCase(Locale.ROOT));
    ConfidenceInterval interval = metric.interval();
    if (interval != null) {
      json.put("interval", interval(interval));
    }
    json.put("counts", metric.counts());
    json.put("settings", metric.settings());
    Long seed = metric.seed();
    if (seed != null) {
      json.put("seed", seed);
    }
    ExtractorInfo info = metric.extractor();
    Map<String, Object> extractor = new LinkedHashMap<>();
    extractor.put("name", info.name());
    extractor.put("sha256", info.sha256());
    extractor.put("dimension", info.dimension());
    extractor.put("input", info.input());
    json.put("extractor", extractor);
    return json;
  }

  static EvaluationResult read(String text) {
    try {
      Node root = new Node(StrictJson.parse(text), "evaluation");
      String schema = root.get("schema").text();
      if (!schema.equals(SCHEMA)) {
        throw root.wrong("must have \"schema\" \"" + SCHEMA + "\", was \"" + schema + "\"");
      }
      return new EvaluationResult(
          root.get("settings").texts(),
          root.get("subjects").list().stream().map(EvaluationJson::subject).toList(),
          root.get("attacks").list().stream().map(EvaluationJson::attack).toList(),
          root.get("seconds").duration());
    } catch (IOException e) {
      throw new IllegalArgumentException("evaluation: " + e.getMessage(), e);
    }
  }

  private static SubjectResult subject(Node node) {
    Subject subject =
        new Subject(
            node.get("role").role(),
            node.get("name").text(),
            node.get("prompts").list().stream().map(Node::text).toList(),
            node.get(node.has(OLD_IMAGES) ? OLD_IMAGES : "images").integer(),
            node.get(node.has("concept") ? "concept" : "name").text(),
            node.has("rests")
                ? node.get("rests").list().stream().map(Node::text).toList()
                : List.of());
    List<Comparison> metrics =
        node.get("metrics").list().stream().map(EvaluationJson::comparison).toList();
    return new SubjectResult(subject, metrics, List.of());
  }

  private static AttackResult attack(Node node) {
    List<Recovery> judged = new ArrayList<>();
    judged.add(recovery(node.get("recovered")));
    if (node.has("otherJudges")) {
      node.get("otherJudges").list().forEach(other -> judged.add(recovery(other)));
    }
    return new AttackResult(
        node.get("family").text(),
        node.get("name").text(),
        node.get("settings").texts(),
        judged,
        List.of(),
        node.get("seconds").duration());
  }

  /** Excess and evidence follow from the shares, and are not read. */
  private static Recovery recovery(Node node) {
    Comparison comparison = comparison(node);
    return new Recovery(
        comparison.base(),
        comparison.ablated(),
        node.has("control") ? metric(node.get("control")) : null);
  }

  private static Comparison comparison(Node node) {
    return new Comparison(
        node.has("base") ? metric(node.get("base")) : null, metric(node.get("ablated")));
  }

  private static MetricResult metric(Node node) {
    Node extractor = node.get("extractor");
    ExtractorInfo info =
        new ExtractorInfo(
            extractor.get("name").text(),
            extractor.get("sha256").text(),
            extractor.get("dimension").integer(),
            extractor.get("input").text());
    return MetricResult.of(node.get("metric").text(), node.get("value").finite(), info)
        .unit(unit(node))
        .interval(node.has("interval") ? interval(node.get("interval")) : null)
        .counts(node.get("counts").integers())
        .settings(node.get("settings").texts())
        .seed(node.has("seed") ? Long.valueOf(node.get("seed").longInteger()) : null);
  }

  /** Results of earlier versions have no unit: those of this library's metrics are known. */
  private static Unit unit(Node node) {
    if (node.has("unit")) {
      return node.get("unit").unit();
    }
    String metric = node.get("metric").text();
    if (metric.equals("memorisation percentage")) {
      return Unit.PERCENT;
    }
    boolean share = SHARES.contains(metric) || node.get("settings").has("detector");
    return share ? Unit.SHARE : Unit.NUMBER;
  }

  private static ConfidenceInterval interval(Node node) {
    return new ConfidenceInterval(
        node.get("low").finite(),
        node.get("high").finite(),
        node.get("level").finite(),
        node.get("method").text());
  }

  /** A value and its path in the document. */
  private record Node(@Nullable Object value, String where) {
    IllegalArgumentException wrong(String rule) {
      return new IllegalArgumentException(where + " " + rule);
    }

    private Map<?, ?> object() {
      if (value instanceof Map<?, ?> map) {
        return map;
      }
      throw wrong("must be an object");
    }

    boolean has(String key) {
      return object().containsKey(key);
    }

    Node get(String key) {
      if (!has(key)) {
        throw wrong("must have \"" + key + "\"");
      }
      return new Node(object().get(key), where + "." + key);
    }

    List<Node> list() {
      if (!(value instanceof List<?> list)) {
        throw wrong("must be a list");
      }
      List<Node> nodes = new ArrayList<>();
      for (Object each : list) {
        nodes.add(new Node(each, where + "[" + nodes.size() + "]"));
      }
      return nodes;
    }

    String text() {
      if (value instanceof String text) {
        return text;
      }
      throw wrong("must be a string");
    }

    double finite() {
      double finite = number().doubleValue();
      if (Double.isInfinite(finite)) {
        throw wrong("must fit into 64 bits");
      }
      return finite;
    }

    BigDecimal number() {
      if (value instanceof JsonNumber number) {
        try {
          return number.exact();
        } catch (NumberFormatException e) {
          throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
        }
      }
      throw wrong("must be a number");
    }

    long longInteger() {
      try {
        return number().longValueExact();
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(where + " must be a whole number of 64 bits", e);
      }
    }

    int integer() {
      try {
        return number().intValueExact();
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(where + " must be a whole number", e);
      }
    }

    Duration duration() {
      try {
        return Duration.ofNanos(
            number().movePointRight(NANO_DIGITS).setScale(0, RoundingMode.DOWN).longValueExact());
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(where + " must be a number of seconds", e);
      }
    }

    Role role() {
      try {
        return Role.valueOf(text());
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            where + " must be one of " + List.of(Role.values()) + ", was " + value, e);
      }
    }

    Unit unit() {
      for (Unit unit : Unit.values()) {
        if (unit.name().toLowerCase(Locale.ROOT).equals(value)) {
          return unit;
        }
      }
      throw wrong("must be one of number, share, percent, was " + value);
    }

    Map<String, String> texts() {
      Map<String, String> texts = new LinkedHashMap<>();
      object().keySet().forEach(key -> texts.put((String) key, get((String) key).text()));
      return texts;
    }

    Map<String, Integer> integers() {
      Map<String, Integer> integers = new LinkedHashMap<>();
      object()
          .keySet()
          .forEach(key ->
              integers.put(
                  key.equals(OLD_IMAGES) ? "images" : (String) key, get((String) key).integer()));
      return integers;
    }
  }
}
