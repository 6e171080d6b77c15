package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.Sets;
import com.google.errorprone.annotations.CheckReturnValue;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How strongly a prompt asks for a delta: the scale of an adapter in "facilitated transport" (Lyu
 * et al., <i>One-dimensional Adapter to Rule Them All</i>, CVPR 2024, arXiv 2312.16145, section
 * 3.3). It is the largest, over the target's names, of
 *
 * <ul>
 *   <li>the cosine of the text embeddings of prompt and name, all positions as one vector
 *   <li>the share of the name's tokens that the prompt has, start, end and padding left out; only
 *       where the model has a {@link PromptTokenizer}
 * </ul>
 *
 * <p>so that a prompt with the name has at least 1. Of a model with several text encoders the joint
 * embeddings of {@link Conditioning#TEXT} count. {@link dev.ablation.sample.FacilitatedTransport}
 * draws by it.
 *
 * @param targets the target's names, at least one, none blank
 * @param threshold a prompt whose scale is below has scale 0; the published code has none, which is
 *     0
 */
@CheckReturnValue
public record ConceptGate(List<String> targets, double threshold) {

  /** Copies the names and checks the values. */
  public ConceptGate {
    targets = List.copyOf(targets);
    Preconditions.checkArgument(!targets.isEmpty(), "targets must not be empty");
    for (String target : targets) {
      Preconditions.checkArgument(!target.isBlank(), "targets must not be blank, were %s", targets);
    }
    Preconditions.checkArgument(
        threshold >= 0 && threshold <= 1, "threshold must be from 0 to 1, was %s", threshold);
  }

  /**
   * Creates a gate without a threshold.
   *
   * @param target name of the target
   * @param others further names
   * @return the gate
   */
  public static ConceptGate of(String target, String... others) {
    return new ConceptGate(ImmutableList.<String>builder().add(target).add(others).build(), 0);
  }

  /**
   * Changes the threshold.
   *
   * @param threshold from 0 to 1
   * @return a copy with the given threshold
   */
  public ConceptGate threshold(double threshold) {
    return new ConceptGate(targets, threshold);
  }

  /**
   * Computes the scales of prompts with the model's text encoder.
   *
   * @param model that the delta is for, without the delta
   * @param prompts any
   * @return one scale for each, at least 0, at most 1 but for rounding
   */
  public List<Double> scales(DiffusionModel model, List<String> prompts) {
    List<float[]> names = new ArrayList<>();
    for (String target : targets) {
      names.add(embedding(model, target));
    }
    Optional<PromptTokenizer> tokenizer = model.capability(PromptTokenizer.class);
    List<Double> scales = new ArrayList<>();
    for (String prompt : prompts) {
      float[] own = embedding(model, prompt);
      double scale = 0;
      for (int i = 0; i < names.size(); i++) {
        String target = targets.get(i);
        scale = Math.max(scale, cosine(own, names.get(i)));
        scale =
            Math.max(scale, tokenizer.map(reading -> share(reading, prompt, target)).orElse(0.0));
      }
      scales.add(scale < threshold ? 0 : scale);
    }
    return scales;
  }

  private static float[] embedding(DiffusionModel model, String prompt) {
    try (NDManager scope = model.newScope()) {
      NDArray text = model.encode(List.of(prompt), scope).textEmbeddings();
      return text.toFloatArray();
    }
  }

  private static double cosine(float[] a, float[] b) {
    double product = 0;
    double ofA = 0;
    double ofB = 0;
    // Text encoders without padding give prompts of different lengths.
    for (int i = 0; i < Math.min(a.length, b.length); i++) {
      product += (double) a[i] * b[i];
    }
    for (float value : a) {
      ofA += (double) value * value;
    }
    for (float value : b) {
      ofB += (double) value * value;
    }
    double lengths = Math.sqrt(ofA) * Math.sqrt(ofB);
    return lengths == 0 ? 0 : product / lengths;
  }

  /** The share of the name's tokens that the prompt has. */
  private static double share(PromptTokenizer tokenizer, String prompt, String name) {
    Set<Integer> wanted = new HashSet<>(tokenizer.tokens(name).ids());
    Set<Integer> present = new HashSet<>(tokenizer.tokens(prompt).ids());
    return wanted.isEmpty()
        ? 0
        : (double) Sets.intersection(wanted, present).size() / wanted.size();
  }

  /** {@return the gate as JSON, as headers of files have it} */
  public String toJson() {
    JsonArray names = new JsonArray();
    targets.forEach(names::add);
    JsonObject json = new JsonObject();
    json.add("targets", names);
    json.addProperty("threshold", threshold);
    return json.toString();
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @param json an object with {@code targets} and perhaps {@code threshold}
   * @return the gate
   * @throws IllegalArgumentException if it is none
   */
  public static ConceptGate fromJson(String json) {
    try {
      JsonObject object = JsonParser.parseString(json).getAsJsonObject();
      List<String> targets = new ArrayList<>();
      if (object.get("targets") instanceof JsonArray names) {
        names.forEach(name -> targets.add(name.getAsString()));
      }
      JsonElement threshold = object.get("threshold");
      return new ConceptGate(targets, threshold == null ? 0 : threshold.getAsDouble());
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | NumberFormatException e) {
      throw new IllegalArgumentException("not a gate of a delta: " + json, e);
    }
  }
}
