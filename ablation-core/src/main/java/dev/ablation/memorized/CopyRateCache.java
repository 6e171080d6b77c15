package dev.ablation.memorized;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.CacheKey;
import dev.ablation.internal.JsonFormatException;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.StrictJson.JsonNumber;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import dev.ablation.internal.Uninterrupted;
import dev.ablation.metric.CopyScores;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Fingerprint;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Scores on disk, a JSON file for each prompt. The file's name is a hash of everything that
 * determines the scores: the model's weights, noise schedule, latent shape and kind of device, the
 * prompt and its seed, the sampler's settings, the number of images, the extractor and the
 * originals. The threshold is not included, since it does not affect the scores.
 */
final class CopyRateCache {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  private final Path folder;
  private final String shared;

  CopyRateCache(Path folder, DiffusionModel model, MemorizationSurvey survey) {
    this.folder = folder;
    ExtractorInfo extractor = survey.detection().extractor().info();
    SamplingSettings sampling = survey.sampling();
    shared =
        new CacheKey("copy-rates/1")
            .put(Fingerprint.of(model))
            .put(sampling.sampler().name() + sampling.sampler().settings())
            .put(sampling.steps() + " " + sampling.guidanceText() + " " + sampling.batchSize())
            .put(sampling.negativePrompt())
            .put(Integer.toString(survey.rules().imagesPerPrompt()))
            .put(extractor.name())
            .put(extractor.sha256() + " " + extractor.dimension())
            .put(Originals.sha256(survey.originals()))
            .sha256();
  }

  private Path file(String prompt, long seed) {
    CacheKey key = new CacheKey(shared).put(prompt).put(seed);
    return folder.resolve("rate-" + key.fileName(prompt, "", ".json"));
  }

  /** {@return the cached scores; empty if there is no intact file} */
  Optional<CopyScores> read(String prompt, long seed, MemorizationSurvey survey)
      throws IOException {
    Path file = file(prompt, seed);
    return Uninterrupted.during(() -> {
      try {
        List<Double> scores = scores(StrictJson.parse(TextFile.read(file)), prompt);
        return scores.size() == survey.rules().imagesPerPrompt()
            ? Optional.of(
                new CopyScores(
                    survey.detection().extractor().info(), survey.detection().threshold(), scores))
            : Optional.empty();
      } catch (NoSuchFileException | JsonFormatException | TextFormatException e) {
        return Optional.empty(); // damaged; computed again and replaced
      }
    });
  }

  private static List<Double> scores(@Nullable Object json, String prompt) {
    List<Double> scores = new ArrayList<>();
    if (json instanceof Map<?, ?> map
        && prompt.equals(map.get("prompt"))
        && map.get("scores") instanceof List<?> list) {
      for (Object score : list) {
        if (score instanceof JsonNumber number) {
          scores.add(Double.parseDouble(number.literal()));
        }
      }
    }
    return scores;
  }

  void write(String prompt, long seed, CopyScores scores) throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("prompt", prompt);
    json.put("extractor", scores.extractor().name());
    json.put("seed", seed);
    json.put("scores", scores.scores());
    String text = GSON.toJson(json) + "\n";
    Uninterrupted.during(() -> {
      Files.createDirectories(folder);
      AtomicFiles.writeString(file(prompt, seed), Existing.REPLACE, text);
      return folder;
    });
  }
}
