package dev.ablation.djl.internal.singlefile;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SingleFileLayout;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.ModelFamily;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Writes the small files that a single file leaves out, as a folder in diffusers' layout. */
public final class DerivedFolder {
  /** Header key of files that {@link FileLayout} wrote: file name to JSON object. */
  static final String CONFIGURATION = "ablation.configuration";

  private static final String INDEX = "model_index.json";
  private static final String SCHEDULER = "scheduler/scheduler_config.json";

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private final FileContent content;
  private final Prediction prediction;
  private final Map<String, Shapes> shapes;
  private final Map<String, FilePart> parts;
  private final JsonObject stored;

  /**
   * Prepares the folder.
   *
   * @param content of the file
   * @param prediction of its network
   * @param shapes by component, also of networks that come from other files
   * @param parts by component, likewise
   * @throws InvalidCheckpointException if the file has a configuration that is not sound
   */
  public DerivedFolder(
      FileContent content,
      Prediction prediction,
      Map<String, Shapes> shapes,
      Map<String, FilePart> parts)
      throws InvalidCheckpointException {
    this.content = content;
    this.prediction = prediction;
    this.shapes = shapes;
    this.parts = parts;
    stored = stored(content);
  }

  private static JsonObject stored(FileContent content) throws InvalidCheckpointException {
    String text = content.metadata().get(CONFIGURATION);
    try {
      return text == null ? new JsonObject() : JsonParser.parseString(text).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw new InvalidCheckpointException(
          content.file(), CONFIGURATION + " in the header must be a JSON object");
    }
  }

  /**
   * Writes everything but what comes from elsewhere.
   *
   * @param folder that exists and is empty
   * @param absent networks that the model does without
   * @param elsewhere components whose small files are given
   * @param config a folder with an index, whose other entries are kept; or {@code null}
   * @param predictionGiven whether the prediction was asked for, so that no file overrules it
   * @throws IOException if writing fails
   */
  public void write(
      Path folder,
      Set<String> absent,
      Set<String> elsewhere,
      @Nullable Path config,
      boolean predictionGiven)
      throws IOException {
    ModelFamily family = content.family();
    write(folder, INDEX, index(absent, config));
    if (!elsewhere.contains("scheduler") || predictionGiven) {
      JsonObject scheduler = scheduler(elsewhere.contains("scheduler") ? config : null);
      if (predictionGiven) {
        scheduler.addProperty("prediction_type", prediction.text());
      }
      write(folder, SCHEDULER, scheduler);
    }
    for (Map.Entry<String, NetworkNames> network : Family.networks(family).entrySet()) {
      String component = network.getKey();
      Shapes own = shapes.get(component);
      if (own == null || absent.contains(component)) {
        continue;
      }
      if (!elsewhere.contains(component)) {
        String file = component + "/config.json";
        write(folder, file, storedOr(file, config(component, network.getValue(), own)));
      }
    }
    for (Map.Entry<String, String> tokenizer : Family.tokenizers(family).entrySet()) {
      String component = tokenizer.getKey();
      if (elsewhere.contains(component) || absent.contains(Family.encoder(component))) {
        continue;
      }
      if (tokenizer.getValue().startsWith("T5")) {
        Tokenizers.writeT5(folder.resolve(component));
      } else {
        Tokenizers.writeClip(folder.resolve(component), pad(component));
      }
    }
  }

  /** OpenCLIP fills the context with token 0, CLIP-L with the end token. */
  private String pad(String tokenizer) {
    boolean open =
        content.family() == ModelFamily.STABLE_DIFFUSION_2 || tokenizer.equals("tokenizer_2");
    return open ? "!" : "<|endoftext|>";
  }

  private JsonObject storedOr(String file, JsonObject otherwise) throws InvalidCheckpointException {
    JsonElement found = stored.get(file);
    if (found == null) {
      return otherwise;
    }
    if (!found.isJsonObject()) {
      throw new InvalidCheckpointException(
          content.file(), "%s of %s must be a JSON object".formatted(file, CONFIGURATION));
    }
    return found.getAsJsonObject();
  }

  private JsonObject config(String component, NetworkNames names, Shapes own)
      throws InvalidCheckpointException {
    FilePart part = parts.get(component);
    SingleFileLayout layout = part == null ? null : part.layout();
    DerivedConfigs derived = new DerivedConfigs(content.family());
    return switch (names) {
      case UNET -> derived.unet(own, pooledWidth(), sampleSize());
      case VAE -> derived.vae(own, layout);
      case CLIP_TEXT -> derived.clip(own, component, layout);
      case T5 -> DerivedConfigs.t5(own);
      case TRANSFORMER ->
          Family.isFlux(content.family()) ? DerivedConfigs.flux(own) : DerivedConfigs.sd3(own);
    };
  }

  private int pooledWidth() throws InvalidCheckpointException {
    Shapes second = shapes.get("text_encoder_2");
    return second != null && second.has("model.text_projection")
        ? second.size("model.text_projection", 1)
        : 0;
  }

  /** Height and width of the latents of the published models. */
  private int sampleSize() {
    return switch (content.family()) {
      case STABLE_DIFFUSION_XL, STABLE_DIFFUSION_XL_REFINER -> 128;
      case STABLE_DIFFUSION_2 -> prediction.text().equals("v_prediction") ? 96 : 64;
      default -> 64;
    };
  }

  private JsonObject scheduler(@Nullable Path config) throws IOException {
    if (config != null) {
      return read(config.resolve(SCHEDULER));
    }
    boolean zeroSnr = content.tensors().containsKey("ztsnr");
    return storedOr(SCHEDULER, SchedulerDefaults.of(content.family(), prediction, zeroSnr));
  }

  private static JsonObject read(Path file) throws IOException {
    JsonConfig unused = JsonConfig.read(file); // says what is wrong with it
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  private JsonObject index(Set<String> absent, @Nullable Path config) throws IOException {
    ModelFamily family = content.family();
    JsonObject json = new JsonObject();
    json.addProperty("_class_name", Family.pipelineClass(family, content.unetChannels()));
    json.addProperty("_diffusers_version", "0.30.0");
    json.add("scheduler", pair("diffusers", schedulerClass()));
    Family.networks(family)
        .forEach((component, names) -> {
          String library =
              names == NetworkNames.CLIP_TEXT || names == NetworkNames.T5
                  ? "transformers"
                  : "diffusers";
          json.add(
              component,
              absent.contains(component)
                  ? pair(null, null)
                  : pair(library, Family.networkClass(family, component, names)));
        });
    Family.tokenizers(family)
        .forEach((component, className) ->
            json.add(
                component,
                absent.contains(Family.encoder(component))
                    ? pair(null, null)
                    : pair("transformers", className)));
    if (family == ModelFamily.STABLE_DIFFUSION_XL) {
      json.addProperty("force_zeros_for_empty_prompt", true);
    } else if (!family.isFlow()) {
      json.add("safety_checker", pair(null, null));
      json.add("feature_extractor", pair(null, null));
      json.addProperty("requires_safety_checker", false);
    }
    Path file = config == null ? null : config.resolve(INDEX);
    Optional<Path> given = Optional.ofNullable(file).filter(Files::exists);
    JsonObject own = given.isPresent() ? read(given.get()) : storedOr(INDEX, new JsonObject());
    for (String key : own.keySet()) {
      boolean scheduler = given.isPresent() && key.equals("scheduler");
      if (scheduler || (own.get(key).isJsonPrimitive() && !key.startsWith("_"))) {
        json.add(key, own.get(key));
      }
    }
    return json;
  }

  private String schedulerClass() throws IOException {
    JsonObject scheduler =
        storedOr(SCHEDULER, SchedulerDefaults.of(content.family(), prediction, false));
    JsonElement name = scheduler.get("_class_name");
    return name != null && name.isJsonPrimitive() ? name.getAsString() : "";
  }

  private static JsonArray pair(@Nullable String library, @Nullable String className) {
    JsonArray pair = new JsonArray();
    pair.add(library);
    pair.add(className);
    return pair;
  }

  private static void write(Path folder, String file, JsonObject json) throws IOException {
    Path target = folder.resolve(file);
    Files.createDirectories(target.toAbsolutePath().getParent());
    Files.writeString(target, GSON.toJson(json) + "\n");
  }
}
