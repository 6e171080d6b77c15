package dev.ablation.job;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How one removal does with the deltas of others applied as well.
 *
 * @param request that it answers
 * @param targets what was removed, such as {@code "style 'blueprint'"}
 * @param together the evaluation of its job with all deltas applied; empty if the job has none
 * @param alone the evaluation with its own delta, from its evidence; empty if the job has none
 * @param verdicts one for each limit of its job, of what was measured together
 * @param stated what the evidence of an earlier version says in place of evaluations and verdicts,
 *     which it does not hold; empty for any other
 */
public record TogetherResult(
    String request,
    List<String> targets,
    Optional<EvaluationResult> together,
    Optional<EvaluationResult> alone,
    List<Verdict> verdicts,
    Optional<Stated> stated) {
  private static final String FORMAT = "dev.ablation.together/1";

  private static final List<String> MEASURES =
      List.of(
          AcceptanceLimit.UNLEARNING,
          AcceptanceLimit.IN_DOMAIN,
          AcceptanceLimit.CROSS_DOMAIN,
          AcceptanceLimit.RECOVERED);

  /** Copies the lists. */
  public TogetherResult {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(together, "together");
    Objects.requireNonNull(alone, "alone");
    Objects.requireNonNull(stated, "stated");
    targets = List.copyOf(targets);
    verdicts = List.copyOf(verdicts);
  }

  /**
   * Creates a finding from what was measured.
   *
   * @param request that it answers
   * @param targets what was removed
   * @param together the evaluation with all deltas applied; empty if its job has none
   * @param alone the evaluation with its own delta; empty if its job has none
   * @param verdicts one for each limit of its job
   */
  public TogetherResult(
      String request,
      List<String> targets,
      Optional<EvaluationResult> together,
      Optional<EvaluationResult> alone,
      List<Verdict> verdicts) {
    this(request, targets, together, alone, verdicts, Optional.empty());
  }

  /**
   * What the evidence of an earlier version says.
   *
   * @param shares as {@link TogetherResult#shares()} returned them
   * @param comesBack whether the target came back
   * @param accepted whether every limit was met
   */
  public record Stated(Map<String, Share> shares, boolean comesBack, boolean accepted) {
    /** Copies the shares. */
    public Stated {
      shares = Collections.unmodifiableMap(new LinkedHashMap<>(shares));
    }
  }

  /**
   * A share in percent, with its own delta and with all of them.
   *
   * @param alone with its own; empty if it was not measured
   * @param together with all
   */
  public record Share(OptionalDouble alone, double together) {}

  /**
   * {@return what was measured, by the name that a job's limits use: {@code UA}, {@code IRA},
   * {@code CRA}, {@code recovered}. What was recovered alone is told only if the same attacks were
   * made then}
   */
  public Map<String, Share> shares() {
    if (stated.isPresent()) {
      return stated.get().shares();
    }
    Map<String, Share> shares = new LinkedHashMap<>();
    for (String measure : MEASURES) {
      OptionalDouble now = measure(measure, together);
      if (now.isPresent()) {
        boolean alike = !measure.equals(AcceptanceLimit.RECOVERED) || hasTheSameAttacks();
        OptionalDouble before = alike ? measure(measure, alone) : OptionalDouble.empty();
        shares.put(measure, new Share(before, now.getAsDouble()));
      }
    }
    return shares;
  }

  private static OptionalDouble measure(String measure, Optional<EvaluationResult> found) {
    return found.map(result -> Acceptance.measure(measure, result)).orElse(OptionalDouble.empty());
  }

  /**
   * {@return the share in percent that the most successful of the attacks recovers that were made
   * both times, with the same settings; empty if there is none}
   */
  public Optional<Share> recoveredByTheSame() {
    OptionalDouble now = measure(AcceptanceLimit.RECOVERED, attackedAlike(together, alone));
    OptionalDouble before = measure(AcceptanceLimit.RECOVERED, attackedAlike(alone, together));
    return now.isPresent() && before.isPresent()
        ? Optional.of(new Share(before, now.getAsDouble()))
        : Optional.empty();
  }

  /**
   * {@return whether more images show the target, or the most successful of the attacks that were
   * made both times recovers it more often, than with its own delta alone}
   */
  public boolean comesBack() {
    if (stated.isPresent()) {
      return stated.get().comesBack();
    }
    Share gone = shares().get(AcceptanceLimit.UNLEARNING);
    return (gone != null
            && gone.alone().isPresent()
            && gone.together() < gone.alone().getAsDouble())
        || recoveredByTheSame()
            .filter(share -> share.together() > share.alone().orElseThrow())
            .isPresent();
  }

  private boolean hasTheSameAttacks() {
    return attacks(together) == attacks(attackedAlike(together, alone))
        && attacks(alone) == attacks(attackedAlike(alone, together));
  }

  private static int attacks(Optional<EvaluationResult> found) {
    return found.map(each -> each.attacks().size()).orElse(0);
  }

  /** By the attacks that another evaluation has, too: others say nothing about a difference. */
  private static Optional<EvaluationResult> attackedAlike(
      Optional<EvaluationResult> found, Optional<EvaluationResult> other) {
    return found.map(mine ->
        new EvaluationResult(
            mine.settings(),
            mine.subjects(),
            mine.attacks().stream()
                .filter(attack ->
                    other.stream()
                        .flatMap(each -> each.attacks().stream())
                        .anyMatch(each -> isTheSame(attack, each)))
                .toList(),
            mine.elapsed()));
  }

  /** The same attempt on another delta: as many images, drawn and searched in the same way. */
  private static boolean isTheSame(AttackResult one, AttackResult other) {
    return one.name().equals(other.name())
        && one.family().equals(other.family())
        && settings(one).equals(settings(other))
        && images(one).equals(images(other));
  }

  /**
   * Without what was noted of single models, and the gate, which is the delta's: a sum has none.
   */
  private static Map<String, String> settings(AttackResult attack) {
    Map<String, String> settings = new LinkedHashMap<>(attack.settings());
    settings.keySet().removeIf(name -> name.endsWith(" model") || name.equals("gate"));
    return settings;
  }

  private static Optional<Integer> images(AttackResult attack) {
    return Optional.ofNullable(attack.recovered().ablated().counts().get("images"));
  }

  /** {@return whether every limit of its job is still met} */
  public boolean accepted() {
    return stated.map(Stated::accepted).orElse(true) && verdicts.stream().allMatch(Verdict::met);
  }

  /** {@return the finding as JSON} */
  public String toJson() {
    return json().toString();
  }

  JsonObject json() {
    JsonObject json = new JsonObject();
    json.addProperty("request", request);
    JsonArray names = new JsonArray();
    targets.forEach(names::add);
    json.add("targets", names);
    JsonObject measured = new JsonObject();
    shares().forEach((measure, share) -> measured.add(measure, json(share)));
    json.add("measured", measured);
    recoveredByTheSame().ifPresent(share -> json.add("recoveredByTheSame", json(share)));
    json.addProperty("comesBack", comesBack());
    json.addProperty("accepted", accepted());
    return json;
  }

  private static JsonObject json(Share share) {
    JsonObject json = new JsonObject();
    share.alone().ifPresent(value -> json.addProperty("alone", value));
    json.addProperty("together", share.together());
    return json;
  }

  /** Several findings as a file, from which {@link #read} makes the same. */
  static JsonObject json(List<TogetherResult> results) {
    JsonArray removals = new JsonArray();
    for (TogetherResult result : results) {
      JsonObject each = result.json();
      removals.add(each);
      if (result.stated.isPresent()) {
        continue;
      }
      JsonArray limits = new JsonArray();
      for (Verdict verdict : result.verdicts) {
        JsonObject limit = new JsonObject();
        limit.addProperty("limit", verdict.limit().toString());
        verdict.measured().ifPresent(measured -> limit.addProperty("measured", measured));
        limit.addProperty("met", verdict.met());
        limits.add(limit);
      }
      each.add("verdicts", limits);
      JsonObject evaluations = new JsonObject();
      result.alone.ifPresent(found -> evaluations.add("alone", parsed(found)));
      result.together.ifPresent(found -> evaluations.add("together", parsed(found)));
      each.add("evaluations", evaluations);
    }
    JsonObject json = new JsonObject();
    json.addProperty("format", FORMAT);
    json.add("removals", removals);
    return json;
  }

  private static JsonElement parsed(EvaluationResult found) {
    return JsonParser.parseString(found.toJson());
  }

  /** Reads a file; the evaluations have no images. */
  static List<TogetherResult> read(String text) {
    try {
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      if (!FORMAT.equals(json.get("format").getAsString())) {
        throw new IllegalArgumentException("format must be " + FORMAT);
      }
      List<TogetherResult> results = new ArrayList<>();
      for (JsonElement each : json.getAsJsonArray("removals")) {
        results.add(read(each.getAsJsonObject()));
      }
      return List.copyOf(results);
    } catch (JsonParseException
        | IllegalStateException
        | NullPointerException
        | UnsupportedOperationException
        | ClassCastException e) {
      throw new IllegalArgumentException(
          "does not say how removals do together: " + e.getMessage(), e);
    }
  }

  private static TogetherResult read(JsonObject json) {
    List<String> targets = new ArrayList<>();
    json.getAsJsonArray("targets").forEach(target -> targets.add(target.getAsString()));
    String request = json.get("request").getAsString();
    if (!json.has("verdicts") && !json.has("evaluations")) {
      return new TogetherResult(
          request,
          targets,
          Optional.empty(),
          Optional.empty(),
          List.of(),
          Optional.of(stated(json)));
    }
    List<Verdict> verdicts = new ArrayList<>();
    for (JsonElement each : json.getAsJsonArray("verdicts")) {
      JsonObject limit = each.getAsJsonObject();
      verdicts.add(
          new Verdict(
              AcceptanceLimit.parse(limit.get("limit").getAsString()), number(limit, "measured")));
    }
    JsonObject evaluations = json.getAsJsonObject("evaluations");
    return new TogetherResult(
        request,
        targets,
        evaluation(evaluations, "together"),
        evaluation(evaluations, "alone"),
        verdicts);
  }

  /** Of a version that wrote what follows from evaluations and verdicts, without them. */
  private static Stated stated(JsonObject json) {
    Map<String, Share> shares = new LinkedHashMap<>();
    JsonObject measured = json.getAsJsonObject("measured");
    for (String measure : measured.keySet()) {
      JsonObject share = measured.getAsJsonObject(measure);
      shares.put(measure, new Share(number(share, "alone"), share.get("together").getAsDouble()));
    }
    return new Stated(
        shares, json.get("comesBack").getAsBoolean(), json.get("accepted").getAsBoolean());
  }

  private static OptionalDouble number(JsonObject json, String name) {
    return json.has(name)
        ? OptionalDouble.of(json.get(name).getAsDouble())
        : OptionalDouble.empty();
  }

  private static Optional<EvaluationResult> evaluation(JsonObject evaluations, String name) {
    return evaluations.has(name)
        ? Optional.of(EvaluationResult.fromJson(evaluations.get(name).toString()))
        : Optional.empty();
  }
}
