package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ablation.concept.ConceptKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a job file may say, and what is said about one that is wrong. */
class JobFileTest {
  private static final Path DOCS = Path.of(System.getProperty("ablation.root"), "docs");

  @TempDir private Path folder;

  static Stream<Path> examples() throws IOException {
    try (Stream<Path> files = Files.list(DOCS.resolve("jobs"))) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void anExampleIsRead(Path example) throws IOException {
    AblationJob job = AblationJob.read(example);
    assertThat(job.problems()).isEmpty();
    assertThat(AblationJob.parse(job.toJson(), "again", folder, JobRoot.anywhere())).isEqualTo(job);
  }

  @ParameterizedTest
  @MethodSource("examples")
  void anExampleFitsTheSchema(Path example) throws IOException {
    assertThat(SchemaCheck.of(AblationJob.schema()).problems(Files.readString(example))).isEmpty();
  }

  /** What earlier versions wrote, in each form that words have. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'keptImages': 8, 'keepWeight': 3, 'words': 4, 'placeholder': 'xyz'} | {'kept': {'images': 8, 'weight': 3}, 'words': {'count': 4, 'placeholder': 'xyz'}}",
        "{'placeholder': 'xyz'} | {'words': {'placeholder': 'xyz'}}",
        "{'words': {'steps': 2}, 'placeholder': 'xyz'} | {'words': {'steps': 2, 'placeholder': 'xyz'}}",
      })
  void keysThatMovedAreReadWhereTheyWere(String before, String now) throws IOException {
    String file =
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': %s}}}";
    AblationJob job = parse(file.formatted(before));
    assertThat(job).isEqualTo(parse(file.formatted(now)));
    assertThat(job.toJson()).doesNotContain("keptImages", "keepWeight");
    assertThat(
            SchemaCheck.of(AblationJob.schema())
                .problems(file.formatted(before).replace('\'', '"')))
        .isEmpty();
  }

  @Test
  void theSchemaInTheDocumentsIsTheReadersOwn() throws IOException {
    check(DOCS.resolve("ablation-job.schema.json"), "", AblationJob.schema());
  }

  @Test
  void theTablesInTheDocumentsAreTheReadersOwn() throws IOException {
    check(DOCS.resolve("job-files.md"), "<!-- keys -->\n", AblationJob.tables());
  }

  /** Compares what follows a mark in a file, or writes it with {@code -Ddocs.update=true}. */
  private static void check(Path file, String mark, String expected) throws IOException {
    String text = Files.exists(file) ? Files.readString(file) : "";
    int start = text.indexOf(mark) + mark.length();
    int end = mark.isEmpty() ? text.length() : text.indexOf(mark, start);
    String before = text.substring(0, start);
    String after = text.substring(end);
    if (Boolean.getBoolean("docs.update")) {
      Files.writeString(file, before + expected + after);
    } else {
      assertThat(text.substring(start, end)).isEqualTo(expected);
    }
  }

  private AblationJob parse(String text) {
    return AblationJob.parse(text.replace('\'', '"'), "job.json", folder, JobRoot.anywhere());
  }

  private List<String> problems(String text) {
    return Objects.requireNonNull(
            catchThrowableOfType(InvalidJobException.class, () -> parse(text)))
        .problems();
  }

  /** A job file with every key. */
  static String everything() {
    return """
    {
      // A line.
      'request': 'TR-1', /* and
      more */
      'model': {'location': './m', 'sha256': '%s', 'device': 'gpu1', 'threads': 2,
                'weightDtype': 'as-stored', 'precision': 'bf16-matmul'},
      'targets': [{'kind': 'style', 'name': 'Van Gogh',
        'others': ['Vincent van Gogh'],
        'anchor': {'kind': 'other-styles', 'name': 'house', 'prompts': ['a house'],
                   'styles': ['Monet', 'Munch'],
                   'images': {'count': 8, 'sampling': {'sampler': 'ddim', 'steps': 9,
                       'guidanceScale': 7.5, 'negativePrompt': 'blur', 'batchSize': 2},
                     'augmentation': 'paper', 'cache': 'c'}}}],
      'preserve': {'concepts': [{'kind': 'instance', 'name': 'cat'}], 'prompts': ['a dog'],
                   'weight': 2},
      'method': {'preset': 'paper', 'weights': 'attention',
        'objective': {'kind': 'noise-based', 'weighting': {'kind': 'min-snr', 'value': 5},
                      'priorWeight': 1},
        'training': {'steps': 40, 'batchSize': 2, 'accumulation': 3,
          'learningRate': {'value': 1e-5, 'schedule': 'cosine', 'warmUpSteps': 4,
                           'floor': 0.1},
          'optimizer': {'betas': [0.8, 0.9], 'epsilon': 1e-7, 'weightDecay': 0.1,
            'maxGradientNorm': 2, 'stopStartToken': true, 'decayOtherRows': false},
          'lora': {'rank': 4, 'alpha': 8, 'start': 'gaussian'}}},
      'seed': 12345678901,
      'limits': {'time': 'PT1H30M', 'memory': '12 GiB'},
      'evaluation': {'evaluator': 'clip', 'images': {'target': 8, 'anchor': 4,
          'neighbour': 5, 'unrelated': 6, 'prompts': 7, 'shown': 2},
        'neighbours': [{'kind': 'style', 'name': 'Monet', 'prompts': ['by Monet']}],
        'unrelated': ['a car'], 'sampling': 20,
        'attacks': [{'kind': 'sdedit', 'originals': 'o', 'strength': 0.5, 'images': 3,
                     'prompts': ['Van Gogh']}],
        'nearest': {'count': 4, 'among': ['Monet', 'Munch'], 'images': 3},
        'inPrompt': ['a bicycle'], 'control': 'never'},
      'acceptance': ['UA>=95', 'CLIP score of neighbour > 0.5', 'excess <= -2.5',
        'score > 90', 'drawn as named of in-prompt >= 80', 'drawn as named of alias < 5'],
      'outputs': {'folder': 'out', 'export': 'e', 'lora': 'l.safetensors',
                  'signingKey': 'k.pem', 'ledger': 'ledger.json', 'checkpointEvery': 5},
      'metadata': {'a': 'b'}
    }
    """
        .formatted("a".repeat(64))
        .replace('\'', '"');
  }

  @Test
  void everythingIsRead() {
    AblationJob job = parse(everything());
    assertThat(job.request()).contains("TR-1");
    assertThat(job.model().location()).isEqualTo(folder.resolve("m").toString());
    JobTarget target = job.targets().get(0);
    assertThat(target.kind()).isEqualTo(ConceptKind.STYLE);
    assertThat(Objects.requireNonNull(target.anchor()).styles()).containsExactly("Monet", "Munch");
    assertThat(job.seed()).isEqualTo(12_345_678_901L);
    JobLimits limits = job.limits().orElseThrow();
    assertThat(limits.time()).isEqualTo(Duration.ofMinutes(90));
    assertThat(Objects.requireNonNull(limits.memory()).count()).isEqualTo(12L << 30);
    assertThat(Objects.requireNonNull(job.evaluation().sampling()).steps()).isEqualTo(20);
    assertThat(job.acceptance())
        .extracting(AcceptanceLimit::toString)
        .containsExactly(
            "UA >= 95",
            "CLIP score of neighbour > 0.5",
            "excess <= -2.5",
            "score > 90",
            "drawn as named of in-prompt >= 80",
            "drawn as named of alias < 5");
    assertThat(job.evaluation().control()).isEqualTo(folder.resolve("never"));
    assertThat(job.outputs().folder()).isEqualTo(folder.resolve("out"));
    assertThat(job.metadata()).isEqualTo(Map.of("a", "b"));
    assertThat(parse(job.toJson())).isEqualTo(job);
    assertThat(SchemaCheck.of(AblationJob.schema()).problems(job.toJson())).isEmpty();
  }

  /** A set of attacks may stand without brackets; it is written with them. */
  @ParameterizedTest
  @ValueSource(
      strings = {"'quick'", "['full']", "{'kind': 'full', 'images': 5}", "['wordings', 'quick']"})
  void attacksMayBeASet(String attacks) {
    String text =
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': %s}}"
            .formatted(attacks)
            .replace('\'', '"');
    AblationJob job = parse(text);
    assertThat(job.evaluation().attacks()).isNotEmpty();
    assertThat(parse(job.toJson())).isEqualTo(job);
    SchemaCheck schema = SchemaCheck.of(AblationJob.schema());
    assertThat(schema.problems(text)).isEmpty();
    assertThat(schema.problems(job.toJson())).isEmpty();
    assertThat(schema.problems(text.replace("quick", "quik").replace("full", "ful"))).isNotEmpty();
  }

  @Test
  void whatJavaBuildsIsWhatAFileSays() throws IOException {
    AblationJob built =
        AblationJob.of(JobModel.embedded(), List.of(JobTarget.of("blueprint")))
            .request("TR-1")
            .method(JobMethod.preset("recommended").training(JobTraining.defaults().steps(20)))
            .seed(3)
            .acceptance(List.of(AcceptanceLimit.parse("UA >= 95")));
    Path file = folder.resolve("job.json");
    built.write(file);
    assertThat(AblationJob.read(file)).isEqualTo(built);
    assertThatThrownBy(() -> built.write(file)).hasMessageContaining("job.json");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "{'target': []} | target: unknown key; did you mean 'targets'?; known are",
        "{} | targets: is required",
        "{'targets': []} | targets: must not be empty",
        "{'targets': [{'name': 'ink', 'anchr': 'noto'}]} | targets[0].anchr: unknown key; did you mean 'anchor'?",
        "{'targets': [{'name': 'ink', 'kind': 'stlye'}]} | targets[0].kind: must be one of style, instance, memorized-image, inappropriate-content, composition, prompt-pairs, was 'stlye'; did you mean 'style'?",
        "{'targets': [{'name': 'bluprint'}]} | targets[0].name: target must be a style or object that the emoji model knows, was 'bluprint'; did you mean 'blueprint'?",
        "{'targets': [{'name': 'cat'}]} | was 'cat'; did you mean 'cat face'?",
        "{'targets': [{'name': 'ink'}, {'name': 'INK'}]} | target must be named once",
        "{'targets': [{'name': 'ink', 'anchor': 'ink'}]} | anchor.name: must differ from the target's",
        "{'targets': [{'name': 'ink', 'anchor': {'prompts': ['a'], 'path': 'b'}}]} | prompts and path contradict each other",
        "{'targets': [{'name': 'ink', 'pairs': [{'anchor': 'a', 'target': 'b'}]}]} | pairs must stand with kind prompt-pairs alone",
        "{'targets': [{'name': 5}]} | targets[0].name: must be a text in quotes, was 5",
        "{'targets': 'ink'} | targets: must be a list in brackets, was the text 'ink'",
        "{'model': 'm', 'targets': [{'name': 'a', 'kind': 'style'}]} | targets[0].anchor: is required with this model",
        "{'model': 'm', 'targets': [{'name': 'a', 'anchor': 'b'}]} | targets[0].kind: is required with this model",
        "{'model': {'location': 'm', 'sha256': 'abc'}, 'targets': []} | sha256 must be 64 hexadecimal digits",
        "{'targets': [{'name': 'ink'}], 'method': {'training': {'steps': 0}}} | method.training.steps: must be positive, was 0",
        "{'targets': [{'name': 'ink'}], 'method': {'training': {'steps': 1.5}}} | method.training.steps: must be a whole number, was 1.5",
        "{'targets': [{'name': 'ink'}], 'method': {'training': {'steps': 4, 'learningRate': {'warmUpSteps': 5}}}} | warmUpSteps: must be at most the steps, 4, was 5",
        "{'targets': [{'name': 'ink'}], 'method': {'training': {}, 'closedForm': 'uce'}} | closedForm must stand without training",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': 'task-vector', 'closedForm': 'uce'}} | closedForm must stand without training",
        "{'targets': [{'name': 'ink'}], 'method': {'preset': 'paper', 'objective': 'task-vector'}} | objective 'task-vector' must stand without closedForm and preset",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': 'task-vector', 'earlyStopping': {}}} | earlyStopping must stand without objective 'task-vector'",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'task-vector', 'trajectory': 3}}} | trajectory must stand with kind 'model-based' or 'negative-guidance' or",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': 'semi-permeable'}} | trajectory must stand with kind 'semi-permeable'",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'negative-guidance-to-anchor', 'anchoring': 10}}} | anchoring must stand with kind 'semi-permeable' alone",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'self-distillation', 'trajectory': {'steps': 4, 'teacher': 'averaged-weights'}}}} | trajectory of averaged-weights must stand with an average",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'negative-guidance', 'trajectory': {'steps': 4, 'guidance': 0.5}}}} | guidance must be at least 1, was 0.5",
        "{'targets': [{'name': 'ink'}], 'method': {'training': {'average': 1}}} | average must be below 1, was 1.0",
        "{'targets': [{'name': 'ink'}], 'method': {'training': {'learningRate': {'cycles': 3}}}} | cycles must stand with schedule 'cosine-with-restarts' alone",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'redirection': {}}}} | redirection must stand with kind 'redirection' alone",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'priorWeight': 1}}} | priorWeight must stand with kind 'model-based'",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'words': -1}}}} | count of words must not be negative, was -1",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'words': {'restartEvery': -1}}}}} | restartEvery must not be negative, was -1",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'relearning': 0}}}} | method.objective.redirection.relearning: must be positive, was 0",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'relearning': {'steps': 2}}}}} | relearning.everySteps: is required",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'kept': {'images': 8}, 'keptImages': 9}}}} | method.objective.redirection.keptImages: contradicts kept.images, which takes its place",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'kept': 5, 'keptImages': 9}}}} | method.objective.redirection.kept: must be an object in braces, was 5",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'words': null, 'placeholder': 'sks'}}}} | method.objective.redirection.words: must not be null",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': {'kind': 'redirection', 'redirection': {'keptImages': 0}}}} | method.objective.redirection.kept.images: must be positive, was 0",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': 'redirection', 'closedForm': {'kind': 'sequences', 'polish': true}}} | method.closedForm: must not stand with redirection on the emoji model",
        "{'targets': [{'name': 'ink'}], 'method': {'objective': 'redirection', 'earlyStopping': {}}} | method.earlyStopping: must not stand with redirection",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': 'quik'}} | evaluation.attacks: must be one of quick, full, none, wordings, noise, embedding, sdedit, was 'quik'; did you mean 'quick'?",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': ['quick', 'full']}} | evaluation.attacks: one of 'quick', 'full' and 'none' may stand, 'none' alone, were [quick, full]",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': ['none', 'noise']}} | 'none' alone, were [none, noise]",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': {'kind': 'quick', 'strength': 2}}} | evaluation.attacks[0].strength: must not stand with kind 'quick'",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': {'kind': 'noise', 'strength': 1}}} | evaluation.attacks[0].strength: eta must be above 1, was 1.0",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': {'kind': 'sdedit', 'originals': 'o', 'strength': 2}}} | evaluation.attacks[0].strength: must be at most 1, was 2.0",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'attacks': 'none', 'control': 'c'}} | evaluation.control: needs evaluation.attacks, which are made on it",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['excess <= 5']} | acceptance[0]: 'excess <= 5' needs evaluation.control",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['score <= 101']} | score is in percent, from 0 to 100, was 101",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['a of alia <= 1']} | measure must be UA, IRA, CRA, recovered, excess, score or 'METRIC of target' (alias, anchor, neighbour, in-prompt, unrelated), was 'a of alia'",
        "{'targets': [{'name': 'ink'}], 'method': 'best'} | method: must be one of recommended",
        "{'targets': [{'name': 'ink'}], 'limits': {'time': 'soon'}} | limits.time: must be a duration such as '90 s'",
        "{'targets': [{'name': 'ink'}], 'limits': {'memory': '8 parsecs'}} | limits.memory: must be bytes such as '8 GiB'",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['UA >= 95', 'UA < 90']} | acceptance: 'UA >= 95' and 'UA < 90' contradict each other",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['UA >= 195']} | acceptance[0]: UA is in percent, from 0 to 100, was 195",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['UE >= 95']} | acceptance[0]: measure must be UA, IRA",
        "{'targets': [{'name': 'ink'}], 'acceptance': ['UA = 95']} | acceptance[0]: must be a measure, a relation and a number",
        "{'targets': [{'name': 'ink'}], 'evaluation': 'none', 'acceptance': ['UA >= 95']} | 'UA >= 95' needs an evaluation",
        "{'targets': [{'name': 'ink'}], 'evaluation': {'evaluator': 'none', 'sampling': 3}} | evaluator 'none' contradicts",
        "{'targets': [{'name': 'ink'}], 'outputs': {'lora': 'x'}} | outputs.lora: needs method.training.lora",
        "{'targets': [{'name': 'ink'}], 'metadata': {'a': 1}} | metadata.a: must be a text in quotes, was 1",
        "{'targets': [{'name': 'ink'}], 'seed': null} | seed: must not be null",
        "{'targets': [{'name': 'ink'}] / } | a comment begins with // or /*",
        "{'targets': [{'name': 'ink'}], 'seed': 1, 'seed': 2} | the key \"seed\" comes twice",
        "[] | must be an object in braces, was a list",
      })
  void aWrongFileIsExplained(String text, String message) {
    assertThat(String.join("\n", problems(text))).contains(message);
  }

  @Test
  void allProblemsAreReportedTogether() {
    assertThat(problems("{'sed': 1, 'targets': [{'nam': 'ink'}], 'method': {'weights': 'all'}}"))
        .hasSize(4)
        .anySatisfy(problem -> assertThat(problem).startsWith("sed: unknown key"))
        .anySatisfy(problem -> assertThat(problem).startsWith("targets[0].nam: unknown key"))
        .anySatisfy(problem -> assertThat(problem).isEqualTo("targets[0].name: is required"))
        .anySatisfy(problem -> assertThat(problem).startsWith("method.weights: must be one of"));
  }

  @Test
  void aPathOutsideOfTheRootIsRefused() throws IOException {
    Path root = Files.createDirectory(folder.resolve("root"));
    Path file = root.resolve("job.json");
    JobRoot within = JobRoot.within(root);
    Files.writeString(
        file,
        """
        {"model": "../model", "targets": [{"kind": "style", "name": "a", "anchor":
          {"name": "b", "path": "/etc/passwd"}}], "outputs": {"folder": "runs/../../out"}}
        """);
    assertThatThrownBy(() -> AblationJob.read(file, within))
        .isInstanceOf(InvalidJobException.class)
        .hasMessageContaining("model.location: must be within")
        .hasMessageContaining("targets[0].anchor.path: must be within")
        .hasMessageContaining("outputs.folder: must be within");
    Files.writeString(
        file, "{\"targets\": [{\"name\": \"ink\"}], \"outputs\": {\"folder\": \"runs/1\"}}");
    assertThat(AblationJob.read(file, within).outputs().folder()).isEqualTo(root.resolve("runs/1"));
  }

  @Test
  void aLinkThatLeadsOutOfTheRootIsRefused() throws IOException {
    Path root = Files.createDirectory(folder.resolve("root"));
    Files.createSymbolicLink(root.resolve("link"), folder);
    Files.createSymbolicLink(root.resolve("dangling"), folder.resolve("none"));
    JobRoot within = JobRoot.within(root);
    assertThat(within.allows(root.resolve("link/file"))).isFalse();
    assertThat(within.allows(root.resolve("dangling"))).isFalse();
    assertThat(within.allows(root.resolve("new/file"))).isTrue();
    assertThat(JobRoot.anywhere().allows(folder)).isTrue();
  }
}
