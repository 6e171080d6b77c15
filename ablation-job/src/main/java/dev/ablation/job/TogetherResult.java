package dev.ablation.job;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import java.util.ArrayList;
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
 */
public record TogetherResult(
    String request,
    List<String> targets,
    Optional<EvaluationResult> together,
    Optional<EvaluationResult> alone,
    List<Verdict> verdicts) {
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
    targets = List.copyOf(targets);
    verdicts = List.copyOf(verdicts);
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
   * {@code CRA}, {@code recovered}}
   */
  public Map<String, Share> shares() {
    Map<String, Share> shares = new LinkedHashMap<>();
    for (String measure : MEASURES) {
      OptionalDouble now = measure(measure, together);
      if (now.isPresent()) {
        shares.put(measure, new Share(measure(measure, alone), now.getAsDouble()));
      }
    }
    return shares;
  }

  private static OptionalDouble measure(String measure, Optional<EvaluationResult> found) {
    return found.map(result -> Acceptance.measure(measure, result)).orElse(OptionalDouble.empty());
  }

  /**
   * {@return whether more images show the target, or the most successful of the attacks that were
   * made both times recovers it more often, than with its own delta alone}
   */
  public boolean comesBack() {
    Share gone = shares().get(AcceptanceLimit.UNLEARNING);
    OptionalDouble now = recovered(together, alone);
    OptionalDouble before = recovered(alone, together);
    return (gone != null
            && gone.alone().isPresent()
            && gone.together() < gone.alone().getAsDouble())
        || (now.isPresent() && before.isPresent() && now.getAsDouble() > before.getAsDouble());
  }

  /** By the attacks that another evaluation has, too: others say nothing about a difference. */
  private static OptionalDouble recovered(
      Optional<EvaluationResult> found, Optional<EvaluationResult> other) {
    if (found.isEmpty() || other.isEmpty()) {
      return OptionalDouble.empty();
    }
    EvaluationResult mine = found.get();
    List<String> names = other.get().attacks().stream().map(AttackResult::name).toList();
    List<AttackResult> same =
        mine.attacks().stream().filter(attack -> names.contains(attack.name())).toList();
    return measure(
        AcceptanceLimit.RECOVERED,
        Optional.of(new EvaluationResult(mine.settings(), mine.subjects(), same, mine.elapsed())));
  }

  /** {@return whether every limit of its job is still met} */
  public boolean accepted() {
    return verdicts.stream().allMatch(Verdict::met);
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
    shares()
        .forEach((measure, share) -> {
          JsonObject each = new JsonObject();
          share.alone().ifPresent(value -> each.addProperty("alone", value));
          each.addProperty("together", share.together());
          measured.add(measure, each);
        });
    json.add("measured", measured);
    json.addProperty("comesBack", comesBack());
    json.addProperty("accepted", accepted());
    return json;
  }

  /** Several findings as a file, from which {@link #read} makes the same. */
  static JsonObject json(List<TogetherResult> results) {
    JsonArray removals = new JsonArray();
    for (TogetherResult result : results) {
      JsonObject each = result.json();
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
      removals.add(each);
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
    List<Verdict> verdicts = new ArrayList<>();
    for (JsonElement each : json.getAsJsonArray("verdicts")) {
      JsonObject limit = each.getAsJsonObject();
      verdicts.add(
          new Verdict(
              AcceptanceLimit.parse(limit.get("limit").getAsString()),
              limit.has("measured")
                  ? OptionalDouble.of(limit.get("measured").getAsDouble())
                  : OptionalDouble.empty()));
    }
    JsonObject evaluations = json.getAsJsonObject("evaluations");
    return new TogetherResult(
        json.get("request").getAsString(),
        targets,
        evaluation(evaluations, "together"),
        evaluation(evaluations, "alone"),
        verdicts);
  }

  private static Optional<EvaluationResult> evaluation(JsonObject evaluations, String name) {
    return evaluations.has(name)
        ? Optional.of(EvaluationResult.fromJson(evaluations.get(name).toString()))
        : Optional.empty();
  }
}
