package dev.ablation.job;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Checks JSON against a schema, with those keywords that the schema of job files uses and no
 * others.
 */
final class SchemaCheck {
  private final JsonObject schema;

  private SchemaCheck(JsonObject schema) {
    this.schema = schema;
  }

  static SchemaCheck of(String schema) {
    return new SchemaCheck(JsonParser.parseString(schema).getAsJsonObject());
  }

  List<String> problems(String json) {
    List<String> problems = new ArrayList<>();
    check("", JsonParser.parseString(json), schema, problems);
    return problems;
  }

  private void check(String path, JsonElement value, JsonObject rules, List<String> problems) {
    for (Map.Entry<String, JsonElement> rule : rules.entrySet()) {
      JsonElement limit = rule.getValue();
      boolean fine =
          switch (rule.getKey()) {
            case "$schema", "$id", "$defs", "title", "description", "deprecated" -> true;
            case "additionalProperties" -> additional(path, value, rules, limit, problems);
            case "enum" -> limit.getAsJsonArray().contains(value);
            case "exclusiveMinimum" ->
                !value.getAsJsonPrimitive().isNumber() || value.getAsDouble() > limit.getAsDouble();
            case "items" -> {
              for (JsonElement each : value.getAsJsonArray()) {
                check(path + "[]", each, limit.getAsJsonObject(), problems);
              }
              yield true;
            }
            case "oneOf" -> matching(path, value, limit.getAsJsonArray()) == 1;
            case "pattern" ->
                java.util.regex.Pattern.compile(limit.getAsString())
                    .matcher(value.getAsString())
                    .find();
            case "properties" -> {
              for (Map.Entry<String, JsonElement> each : value.getAsJsonObject().entrySet()) {
                JsonElement property = limit.getAsJsonObject().get(each.getKey());
                if (property != null) {
                  check(
                      path + "." + each.getKey(),
                      each.getValue(),
                      property.getAsJsonObject(),
                      problems);
                }
              }
              yield true;
            }
            case "$ref" -> {
              String name = limit.getAsString().replace("#/$defs/", "");
              JsonObject target =
                  Objects.requireNonNull(schema.getAsJsonObject("$defs").getAsJsonObject(name));
              check(path, value, target, problems);
              yield true;
            }
            case "required" ->
                limit.getAsJsonArray().asList().stream()
                    .allMatch(name -> value.getAsJsonObject().has(name.getAsString()));
            case "type" -> hasType(value, limit.getAsString());
            default -> throw new IllegalStateException("unknown keyword " + rule.getKey());
          };
      if (!fine) {
        problems.add("%s: %s must be %s, was %s".formatted(path, rule.getKey(), limit, value));
        if (rule.getKey().equals("type")) {
          return;
        }
      }
    }
  }

  private boolean additional(
      String path, JsonElement value, JsonObject rules, JsonElement limit, List<String> problems) {
    for (Map.Entry<String, JsonElement> each : value.getAsJsonObject().entrySet()) {
      if (rules.has("properties") && rules.getAsJsonObject("properties").has(each.getKey())) {
        continue;
      }
      if (limit.isJsonPrimitive()) {
        return false;
      }
      check(path + "." + each.getKey(), each.getValue(), limit.getAsJsonObject(), problems);
    }
    return true;
  }

  private int matching(String path, JsonElement value, JsonArray forms) {
    int matching = 0;
    for (JsonElement form : forms) {
      List<String> problems = new ArrayList<>();
      check(path, value, form.getAsJsonObject(), problems);
      matching += problems.isEmpty() ? 1 : 0;
    }
    return matching;
  }

  private static boolean hasType(JsonElement value, String type) {
    return switch (type) {
      case "object" -> value.isJsonObject();
      case "array" -> value.isJsonArray();
      case "string" -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isString();
      case "boolean" -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isBoolean();
      case "integer" ->
          value.isJsonPrimitive()
              && value.getAsJsonPrimitive().isNumber()
              && value.getAsBigDecimal().stripTrailingZeros().scale() <= 0;
      case "number" -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
      default -> throw new IllegalStateException("unknown type " + type);
    };
  }
}
