package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attacks and neighbours of an evaluation; nothing is trained. */
class JobAttacksTest {
  private static DiffusionModel model;

  @TempDir private Path folder;

  @BeforeAll
  static void open() throws IOException {
    model = JobSession.openModel(JobModel.embedded());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private AblationJob job(String evaluation, String... targets) {
    String named =
        String.join(", ", Arrays.stream(targets).map("{\"name\": \"%s\"}"::formatted).toList());
    return AblationJob.parse(
        "{\"targets\": [%s], \"evaluation\": %s}".formatted(named, evaluation.replace('\'', '"')),
        "test",
        folder,
        JobRoot.anywhere());
  }

  private static Evaluation evaluation(AblationJob job) throws IOException {
    try (JobSession session = JobSession.open(job, model)) {
      Evaluation evaluation = session.evaluationAlone().orElseThrow();
      assertThat(evaluation.check(model)).isEmpty();
      return evaluation;
    }
  }

  @Test
  void theEmojiModelAllowsEveryAttackButTheOneWithoutAGuide() throws IOException {
    Evaluation quick = evaluation(job("{'attacks': 'quick'}", "blueprint"));
    assertThat(quick.attacks()).hasSize(7);
    assertThat(quick.attacksLeftOut()).isEmpty();
    for (String target : List.of("blueprint", "cat face")) {
      Evaluation full = evaluation(job("{'attacks': {'kind': 'full', 'images': 2}}", target));
      assertThat(full.attacks()).hasSize(20);
      assertThat(full.attacksLeftOut()).containsOnlyKeys("guidance by an evaluator");
    }
    Evaluation planted = evaluation(job("{'attacks': 'quick'}", "planted"));
    assertThat(planted.attacks()).extracting(Attack::name).contains("textual inversion, 300 steps");
  }

  @Test
  void aSetTakesThePlaceOfTheEmojiModelsOwnAttacks() throws IOException {
    assertThat(evaluation(job("{}", "ink")).attacks()).hasSize(3);
    assertThat(evaluation(job("{'attacks': 'none'}", "ink")).attacks()).isEmpty();
    assertThat(evaluation(job("{'attacks': 'noise'}", "ink")).attacks()).hasSize(4);
    assertThat(evaluation(job("{'attacks': 'quick'}", "ink", "owl")).attacks())
        .extracting(Attack::name)
        .hasSize(14)
        .doesNotHaveDuplicates()
        .allMatch(name -> name.startsWith("ink, ") || name.startsWith("an owl, "));
  }

  @Test
  void aControlThatIsNotThereIsToldBeforeAnyWork() {
    AblationJob job = job("{'attacks': 'quick', 'control': 'never'}", "ink");
    assertThatThrownBy(() -> evaluation(job))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("never");
  }

  /** Images are drawn once, however often the evaluation is asked for. */
  @Test
  void neighboursAreSearchedOnce() throws IOException {
    String search =
        "{'nearest': {'count': 1, 'among': ['noto', 'fluent'], 'images': 1}, 'sampling': 1}";
    AblationJob job = job(search, "ink");
    NearConcept found;
    Path file = folder.resolve("neighbours.json");
    try (JobSession session = JobSession.open(job, model)) {
      found = session.evaluation().orElseThrow().foundNeighbours().get(0);
      assertThat(found.distances()).hasSize(3);
      try (JobSession other = session.sharedWith(job.seed(5))) {
        assertThat(other.evaluation().orElseThrow().foundNeighbours().get(0)).isSameAs(found);
      }
      session.found().write(file);
    }
    try (JobSession continued = JobSession.open(job, model)) {
      String edited = Files.readString(file).replace("\"%s\"".formatted(found.name()), "\"blob\"");
      Files.writeString(file, edited);
      continued.found().read(file);
      assertThat(continued.evaluation().orElseThrow().foundNeighbours())
          .as("from the file, not searched")
          .extracting(NearConcept::name)
          .containsExactly("blob");
    }
  }

  @Test
  void whatWasFoundIsKeptWholeOrRefused() throws IOException {
    Path file = folder.resolve("neighbours.json");
    JobFound found = new JobFound();
    found.write(file);
    assertThat(file).as("nothing was searched").doesNotExist();
    AtomicInteger searches = new AtomicInteger();
    List<NearConcept> near = List.of(new NearConcept("Monet", Map.of("by texts", 0.25)));
    for (int i = 0; i < 2; i++) {
      assertThat(
              found.neighbours(
                  "a",
                  () -> {
                    searches.incrementAndGet();
                    return near;
                  }))
          .isEqualTo(near);
    }
    assertThat(searches).hasValue(1);
    found.write(file);
    JobFound read = new JobFound();
    read.read(file);
    assertThat(read.neighbours("a", List::of)).isEqualTo(near);
    assertThat(read.neighbours("b", List::of)).isEmpty();
    Files.writeString(file, "{\"format\": \"other\"}");
    assertThatThrownBy(() -> new JobFound().read(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("neighbours.json")
        .hasMessageContaining("must be of format");
    assertThatThrownBy(() -> new JobFound().read(folder.resolve("none")))
        .isInstanceOf(NoSuchFileException.class);
  }
}
