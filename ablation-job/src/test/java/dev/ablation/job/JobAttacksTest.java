package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.delta.WeightDelta;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.provenance.Provenance;
import dev.ablation.testing.ChangedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  void theEmojiModelAllowsEveryAttack() throws IOException {
    Evaluation quick = evaluation(job("{'attacks': 'quick'}", "blueprint"));
    assertThat(quick.attacks()).hasSize(7);
    assertThat(quick.attacksLeftOut()).isEmpty();
    for (String target : List.of("blueprint", "cat face")) {
      Evaluation full = evaluation(job("{'attacks': {'kind': 'full', 'images': 2}}", target));
      assertThat(full.attacks()).hasSize(21);
      assertThat(full.attacksLeftOut()).isEmpty();
    }
    Evaluation planted = evaluation(job("{'attacks': 'quick'}", "planted"));
    assertThat(planted.attacks()).extracting(Attack::name).contains("textual inversion, 300 steps");
  }

  /** What it follows would be no judge. */
  @Test
  void theEvaluatorGuidesAndTheNearestImageJudges() throws IOException {
    AblationJob job = job("{'attacks': {'kind': 'full', 'images': 1}, 'sampling': 2}", "ink");
    AttackResult guided = guided(job);
    assertThat(guided.settings().get("guide")).contains("'ink style' among");
    assertThat(guided.judged()).hasSize(2);
    assertThat(guided.independent()).contains(guided.judged().get(1));

    Path clip = EmbeddedEvaluator.folder(); // like any other CLIP
    AttackResult byClip =
        guided(
            job(
                "{'evaluator': '%s', 'attacks': {'kind': 'full', 'images': 1}, 'sampling': 2}"
                    .formatted(clip),
                "ink"));
    assertThat(byClip.settings().get("guide"))
        .contains("'A photo depicts ink' among [A photo depicts ink, A photo depicts twemoji]");
    assertThat(byClip.judged()).hasSize(1);
    assertThat(byClip.independent()).isEmpty();

    DiffusionModel without =
        new ChangedModel(model) {
          @Override
          public <T> Optional<T> capability(Class<T> type) {
            return type == InputDifferentiable.class ? Optional.empty() : super.capability(type);
          }
        };
    try (JobSession session = JobSession.open(job, without)) {
      assertThat(
              session.evaluation().orElseThrow().attacksLeftOut().get("guidance by an evaluator"))
          .contains("InputDifferentiable");
    }
  }

  /** Makes the guided attack of a job on a delta that changes nothing. */
  private static AttackResult guided(AblationJob job) throws IOException {
    Provenance any = new Provenance("1", "any", "none", Map.of(), Map.of(), Map.of());
    String weight = model.weights().list().get(0).name();
    try (JobSession session = JobSession.open(job, model);
        WeightDelta nothing =
            WeightDelta.between(
                model.weights(),
                Map.of(weight, model.weights().get(weight)),
                model.manager(),
                any)) {
      Evaluation evaluation = session.evaluationAlone().orElseThrow();
      assertThat(evaluation.check(model)).isEmpty();
      assertThat(evaluation.attacksLeftOut()).isEmpty();
      AttackResult result =
          evaluation.attacks().stream()
              .filter(attack -> attack.name().startsWith("guided by an evaluator"))
              .findFirst()
              .orElseThrow()
              .run(model, nothing, () -> false);
      assertThat(result.settings())
          .containsEntry(AttackResult.GUIDE, session.evaluatorSha256().orElseThrow());
      return result;
    }
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
