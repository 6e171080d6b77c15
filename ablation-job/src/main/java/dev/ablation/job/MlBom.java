package dev.ablation.job;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.job.internal.RecordWriter;
import dev.ablation.metric.MetricResult;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/** The bill of materials of a result: CycloneDX 1.6 with a machine-learning model. */
final class MlBom {
  static final String FILE = "mlbom.cdx.json";

  private static final String MODEL = "machine-learning-model";

  private final AblationJob job;
  private final Evidence evidence;
  private final List<String> targets;

  MlBom(AblationJob job, Evidence evidence, List<String> targets) {
    this.job = job;
    this.evidence = evidence;
    this.targets = targets;
  }

  String json(Optional<EvaluationResult> evaluation) {
    JsonObject bom = new JsonObject();
    bom.addProperty("$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
    bom.addProperty("bomFormat", "CycloneDX");
    bom.addProperty("specVersion", "1.6");
    // The same result has the same bill.
    UUID serial =
        UUID.nameUUIDFromBytes(evidence.hashes().delta().getBytes(StandardCharsets.UTF_8));
    bom.addProperty("serialNumber", "urn:uuid:" + serial);
    bom.addProperty("version", 1);
    JsonObject metadata = new JsonObject();
    JsonObject tools = new JsonObject();
    tools.add("components", array(List.of(library("tool"))));
    metadata.add("tools", tools);
    metadata.add("component", result(evaluation));
    bom.add("metadata", metadata);
    JsonArray components = new JsonArray();
    components.add(component(MODEL, "base", base(), evidence.hashes().base()));
    components.add(component("file", "delta", JobRun.DELTA, evidence.hashes().delta()));
    String evaluator = evidence.hashes().evaluator();
    if (evaluator != null) {
      components.add(component(MODEL, "evaluator", "evaluator", evaluator));
    }
    components.add(library("library"));
    evidence
        .natives()
        .forEach(
            (name, hash) -> components.add(component("library", "native:" + name, name, hash)));
    bom.add("components", components);
    JsonArray dependencies = new JsonArray();
    dependencies.add(dependency("result", List.of("base", "delta")));
    dependencies.add(
        dependency(
            "library",
            evidence.natives().keySet().stream().map(name -> "native:" + name).sorted().toList()));
    bom.add("dependencies", dependencies);
    return RecordWriter.write(bom);
  }

  private String base() {
    return evidence.hashes().baseName();
  }

  private JsonObject library(String ref) {
    JsonObject library = new JsonObject();
    library.addProperty("type", "library");
    library.addProperty("bom-ref", ref);
    library.addProperty("group", "dev.ablation");
    library.addProperty("name", "ablation-job");
    library.addProperty("version", evidence.library());
    return library;
  }

  private static JsonObject component(String type, String ref, String name, String sha256) {
    JsonObject component = new JsonObject();
    component.addProperty("type", type);
    component.addProperty("bom-ref", ref);
    component.addProperty("name", name);
    JsonObject hash = new JsonObject();
    hash.addProperty("alg", "SHA-256");
    hash.addProperty("content", sha256);
    component.add("hashes", array(List.of(hash)));
    return component;
  }

  private JsonObject result(Optional<EvaluationResult> evaluation) {
    JsonObject result = component(MODEL, "result", base() + "-ablated", evidence.hashes().result());
    result.addProperty(
        "description",
        "%s, trained to no longer draw the %s"
            .formatted(base(), String.join(" and the ", targets)));
    JsonObject pedigree = new JsonObject();
    pedigree.add(
        "ancestors",
        array(List.of(component(MODEL, "ancestor", base(), evidence.hashes().base()))));
    result.add("pedigree", pedigree);
    JsonObject card = new JsonObject();
    JsonObject parameters = new JsonObject();
    parameters.addProperty("task", "text-to-image");
    card.add("modelParameters", parameters);
    if (evaluation.isPresent()) {
      JsonObject analysis = new JsonObject();
      analysis.add("performanceMetrics", metrics(evaluation.get()));
      card.add("quantitativeAnalysis", analysis);
    }
    JsonObject considerations = new JsonObject();
    JsonArray limits = new JsonArray();
    evidence.knownLimits().forEach(limits::add);
    considerations.add("technicalLimitations", limits);
    card.add("considerations", considerations);
    result.add("modelCard", card);
    JsonArray properties = new JsonArray();
    job.request().ifPresent(id -> properties.add(property("dev.ablation:request", id)));
    targets.forEach(target -> properties.add(property("dev.ablation:target", target)));
    properties.add(property("dev.ablation:accepted", Boolean.toString(evidence.accepted())));
    result.add("properties", properties);
    return result;
  }

  private static JsonArray metrics(EvaluationResult evaluation) {
    JsonArray metrics = new JsonArray();
    for (SubjectResult subject : evaluation.subjects()) {
      String slice =
          subject.subject().role().name().toLowerCase(Locale.ROOT) + " " + subject.subject().name();
      for (Comparison comparison : subject.metrics()) {
        MetricResult metric = comparison.ablated();
        JsonObject each = new JsonObject();
        each.addProperty("type", metric.metric());
        each.addProperty("value", Double.toString(metric.value()));
        each.addProperty("slice", slice);
        if (metric.interval() != null) {
          JsonObject interval = new JsonObject();
          interval.addProperty("lowerBound", Double.toString(metric.interval().low()));
          interval.addProperty("upperBound", Double.toString(metric.interval().high()));
          each.add("confidenceInterval", interval);
        }
        metrics.add(each);
      }
    }
    return metrics;
  }

  private static JsonObject property(String name, String value) {
    JsonObject property = new JsonObject();
    property.addProperty("name", name);
    property.addProperty("value", value);
    return property;
  }

  private static JsonObject dependency(String ref, List<String> on) {
    JsonObject dependency = new JsonObject();
    dependency.addProperty("ref", ref);
    JsonArray refs = new JsonArray();
    on.forEach(refs::add);
    dependency.add("dependsOn", refs);
    return dependency;
  }

  private static JsonArray array(List<? extends JsonElement> elements) {
    JsonArray array = new JsonArray();
    elements.forEach(array::add);
    return array;
  }
}
