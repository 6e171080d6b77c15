package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Job files: what is read is written and read again as the same job. */
class JobFileFuzzTest extends ReaderFuzz {
  private static final String FILE = "job.json";

  @Override
  protected Mutator mutator() {
    return new Json();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    List<byte[]> jobs = new ArrayList<>();
    Path examples = Path.of(System.getProperty("ablation.root"), "docs", "jobs");
    try (Stream<Path> files = Files.list(examples)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".json")).sorted().toList()) {
        jobs.add(Files.readAllBytes(file));
      }
    }
    jobs.add(JobFileTest.everything().getBytes(StandardCharsets.UTF_8));
    return Map.of(FILE, jobs);
  }

  @Override
  protected boolean isDocumented(Exception refusal, Path folder) {
    return super.isDocumented(refusal, folder)
        || refusal instanceof InvalidJobException invalid
            && invalid.getMessage().startsWith(folder.resolve(FILE) + ": ");
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    AblationJob job = AblationJob.read(folder.resolve(damaged));
    AblationJob again = AblationJob.parse(job.toJson(), "again", folder, JobRoot.anywhere());
    assertThat(again).isEqualTo(job);
  }
}
