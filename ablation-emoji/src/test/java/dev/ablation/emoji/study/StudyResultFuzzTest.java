package dev.ablation.emoji.study;

import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;

/** Results that a study continues with. */
class StudyResultFuzzTest extends ReaderFuzz {
  private static final String FILE = "result.json";

  @TempDir Path made;

  @Override
  protected Mutator mutator() {
    return new Json();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    StudyTest.result("style:ink", "uce", true, 0.5).save(made.resolve(FILE));
    return Map.of(FILE, List.of(Files.readAllBytes(made.resolve(FILE))));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    StudyResult.read(folder.resolve(damaged)).worst();
  }
}
