package dev.ablation.memorized;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.anchor.PromptSource;
import dev.ablation.concept.Concept;
import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.metric.CopyScores;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

/** A damaged file of the cache of copy rates counts as absent. */
class CopyRateCacheFuzzTest extends ReaderFuzz {
  private static final String PROMPT = "the caption";

  @TempDir Path made;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final MemorizationSurvey survey =
      MemorizationSurvey.of(
              Concept.memorized(PROMPT),
              List.of(ScriptedModel.original()),
              PromptSource.of(List.of("a")))
          .rules(SurveyRules.defaults().imagesPerPrompt(3));
  private @Nullable CopyRateCache cache;

  @AfterAll
  void close() {
    model.close();
  }

  @Override
  protected Mutator mutator() {
    return new Json();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    CopyScores scores =
        new CopyScores(
            survey.detection().extractor().info(),
            survey.detection().threshold(),
            List.of(0.5, -0.25, 1e-3));
    new CopyRateCache(made, model, survey).write(PROMPT, 7, scores);
    try (var files = Files.list(made)) {
      Path file = files.findFirst().orElseThrow();
      return Map.of(file.getFileName().toString(), List.of(Files.readAllBytes(file)));
    }
  }

  @Override
  protected boolean isDocumented(Exception refusal, Path folder) {
    return false;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    if (cache == null) {
      cache = new CopyRateCache(folder, model, survey); // hashes the model
    }
    Optional<CopyScores> scores = cache.read(PROMPT, 7, survey);
    scores.ifPresent(each -> assertThat(each.scores()).hasSize(3));
  }
}
