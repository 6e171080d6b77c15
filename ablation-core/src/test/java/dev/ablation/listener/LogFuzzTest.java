package dev.ablation.listener;

import dev.ablation.event.AblationEvent;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A log that a run continues. */
class LogFuzzTest extends ReaderFuzz {
  @Override
  protected Mutator mutator() {
    return new Text();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    return Map.of(
        "log.jsonl",
        List.of(
            ("{\"event\":\"Started\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
                    + "{\"event\":\"StepCompleted\",\"step\":1,\"loss\":0.5}\n"
                    + "{\"event\":\"Measured\",\"step\":1,\"name\":\"a\"}\n"
                    + "{\"event\":\"CheckpointSaved\",\"step\":1}\n")
                .getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try {
      JsonLinesLog.to(folder.resolve("log.jsonl"))
          .on(new AblationEvent.Failed(new IllegalStateException("over")));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
