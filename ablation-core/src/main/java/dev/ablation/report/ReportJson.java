package dev.ablation.report;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.report.Report.Training;

/** Writes the report as JSON; {@code docs/report-schema.json} is its schema. */
final class ReportJson {
  static final String SCHEMA = "dev.ablation.report/1";

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private ReportJson() {}

  static String write(Report report) {
    JsonObject json = new JsonObject();
    json.addProperty("schema", SCHEMA);
    JsonObject delta = new JsonObject();
    delta.addProperty("weights", report.delta().weights());
    delta.addProperty("bytes", report.delta().bytes());
    delta.addProperty("sha256", report.delta().sha256());
    json.add("delta", delta);
    json.add("provenance", JsonParser.parseString(report.provenance().toJson()));
    json.add("training", training(report.training()));
    json.add(
        "evaluation",
        report.evaluation() == null
            ? JsonNull.INSTANCE
            : JsonParser.parseString(report.evaluation().toJson()));
    return GSON.toJson(json) + "\n";
  }

  private static com.google.gson.JsonElement training(
      @org.jspecify.annotations.Nullable Training training) {
    if (training == null) {
      return JsonNull.INSTANCE;
    }
    JsonObject json = new JsonObject();
    json.addProperty("steps", training.outcome().steps());
    json.addProperty("step", training.outcome().step());
    json.addProperty("early", training.outcome().early());
    json.addProperty("reason", training.outcome().reason());
    json.addProperty("seconds", training.elapsed().toMillis() / 1000.0);
    json.add(
        "memoryBytes",
        training.memory().isPresent()
            ? new JsonPrimitive(training.memory().getAsLong())
            : JsonNull.INSTANCE);
    JsonArray loss = new JsonArray();
    JsonArray norm = new JsonArray();
    training
        .history()
        .forEach(step -> {
          loss.add(number(step.loss()));
          norm.add(number(step.gradientNorm()));
        });
    json.add("loss", loss);
    json.add("gradientNorm", norm);
    JsonArray measurements = new JsonArray();
    training
        .measurements()
        .forEach(each -> {
          JsonObject one = new JsonObject();
          one.addProperty("step", each.step());
          one.addProperty("name", each.name());
          one.add("value", number(each.value()));
          measurements.add(one);
        });
    json.add("measurements", measurements);
    return json;
  }

  /** JSON has no NaN or infinity. */
  private static com.google.gson.JsonElement number(double value) {
    return Double.isFinite(value) ? new JsonPrimitive(value) : JsonNull.INSTANCE;
  }
}
