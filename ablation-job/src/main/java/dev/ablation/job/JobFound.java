package dev.ablation.job;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.attack.LatentGuide;
import dev.ablation.djl.metric.ClipGuide;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import dev.ablation.job.internal.RecordWriter;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What sessions with the same model and evaluator share: neighbours that a search has found, which
 * may have taken many images, open control models, and guides of the evaluator.
 */
final class JobFound implements AutoCloseable {
  private static final String FORMAT = "dev.ablation.neighbours/1";

  private final Map<String, List<NearConcept>> neighbours = new LinkedHashMap<>();
  private final Map<Path, DiffusionModel> controls = new LinkedHashMap<>();
  private final Map<String, ClipGuide> guides = new LinkedHashMap<>();

  /** Opens a model. */
  interface Opening {
    DiffusionModel open() throws IOException;
  }

  /** The neighbours of a search; searched once. */
  synchronized List<NearConcept> neighbours(String search, Supplier<List<NearConcept>> searching) {
    List<NearConcept> found = neighbours.get(search);
    if (found == null) {
      found = List.copyOf(searching.get());
      neighbours.put(search, found);
    }
    return found;
  }

  /** A control; opened once, closed with this. */
  synchronized DiffusionModel control(Path checkpoint, Opening opening) throws IOException {
    DiffusionModel open = controls.get(checkpoint);
    if (open == null) {
      open = opening.open();
      controls.put(checkpoint, open);
    }
    return open;
  }

  /** The evaluator's guide towards a target; closed with this. */
  synchronized LatentGuide guide(String target, Supplier<ClipGuide> making) {
    return guides.computeIfAbsent(target, name -> making.get());
  }

  /** Keeps what was found, for a run that is continued. */
  synchronized void write(Path file) throws IOException {
    if (neighbours.isEmpty()) {
      return;
    }
    JsonObject found = new JsonObject();
    neighbours.forEach((search, names) -> {
      JsonArray list = new JsonArray();
      for (NearConcept near : names) {
        JsonObject one = new JsonObject();
        one.addProperty("name", near.name());
        JsonObject distances = new JsonObject();
        near.distances().forEach(distances::addProperty);
        one.add("distances", distances);
        list.add(one);
      }
      found.add(search, list);
    });
    JsonObject json = new JsonObject();
    json.addProperty("format", FORMAT);
    json.add("found", found);
    AtomicFiles.writeString(file, Existing.REPLACE, RecordWriter.write(json));
  }

  /** Takes on what a run found before it was stopped. */
  synchronized void read(Path file) throws IOException {
    String text = TextFile.read(file);
    neighbours.putAll(FileReading.of(file, () -> parse(text)));
  }

  private static Map<String, List<NearConcept>> parse(String text) {
    try {
      JsonObject json = JsonParser.parseString(text).getAsJsonObject();
      if (!FORMAT.equals(json.get("format").getAsString())) {
        throw new IllegalArgumentException("must be of format " + FORMAT);
      }
      Map<String, List<NearConcept>> found = new LinkedHashMap<>();
      for (Map.Entry<String, JsonElement> search : json.getAsJsonObject("found").entrySet()) {
        List<NearConcept> names = new ArrayList<>();
        for (JsonElement each : search.getValue().getAsJsonArray()) {
          JsonObject one = each.getAsJsonObject();
          Map<String, Double> distances = new LinkedHashMap<>();
          one.getAsJsonObject("distances")
              .entrySet()
              .forEach(by -> distances.put(by.getKey(), by.getValue().getAsDouble()));
          names.add(new NearConcept(one.get("name").getAsString(), distances));
        }
        found.put(search.getKey(), List.copyOf(names));
      }
      return found;
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("is not a list of found neighbours: " + e.getMessage(), e);
    }
  }

  @Override
  public synchronized void close() {
    guides.values().forEach(ClipGuide::close);
    guides.clear();
    controls.values().forEach(DiffusionModel::close);
    controls.clear();
  }
}
