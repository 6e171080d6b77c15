package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.TestFolders;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The commands about one short run on the embedded model. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CommandsTest {
  private static final String PROMPT = "a cat face, blueprint style";

  private Path folder;
  private Path job;
  private Path run;
  private Path ledger;
  private String printed = "";
  private String problems = "";

  @BeforeAll
  void runAJob(@TempDir Path temporary) throws IOException, GeneralSecurityException {
    folder = temporary;
    job = folder.resolve("job.json");
    run = folder.resolve("runs/first");
    ledger = folder.resolve("ledger.json");
    KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    pem("key.pem", "PRIVATE KEY", pair.getPrivate().getEncoded());
    pem("key.pub", "PUBLIC KEY", pair.getPublic().getEncoded());
    Files.writeString(
        job,
        """
        {
          "request": "TR-1", // the officer's number
          "targets": [{"name": "blueprint"}],
          "method": {"closedForm": "sequences"},
          "evaluation": {"sampling": 1,
            "images": {"target": 1, "anchor": 1, "neighbour": 1, "shown": 1}},
          "acceptance": ["UA >= 0"],
          "outputs": {"ledger": "ledger.json", "signingKey": "key.pem"}
        }
        """);
    assertThat(ablate("run", job, "--output", run, "--quiet", "--json")).as(problems).isZero();
    JsonObject told = json().getAsJsonObject();
    assertThat(told.get("request").getAsString()).isEqualTo("TR-1");
    assertThat(told.get("accepted").getAsBoolean()).isTrue();
    assertThat(told.get("entered").getAsBoolean()).isTrue();
  }

  private void pem(String name, String kind, byte[] der) throws IOException {
    Files.writeString(
        folder.resolve(name),
        "-----BEGIN %s-----\n%s\n-----END %s-----\n"
            .formatted(kind, Base64.getMimeEncoder().encodeToString(der), kind));
  }

  private int ablate(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    int exit = command.execute(Stream.of(arguments).map(Object::toString).toArray(String[]::new));
    printed = out.toString();
    problems = err.toString();
    return exit;
  }

  private JsonElement json() {
    return JsonParser.parseString(printed);
  }

  @Test
  void checkSaysWhatIsWrong() throws IOException {
    assertThat(ablate("check", job)).as(printed).isZero();
    assertThat(printed.strip()).isEqualTo("ok");
    Path wrong = folder.resolve("wrong.json");
    Files.writeString(
        wrong,
        """
        {"targets": [{"name": "blueprint", "ancor": "twemoji"}],
         "acceptance": ["UA >= 95", "UA <= 50"]}
        """);
    assertThat(ablate("check", wrong, "--json")).isEqualTo(ExitCode.WRONG_USAGE);
    assertThat(json().getAsJsonObject().get("ok").getAsBoolean()).isFalse();
    assertThat(printed).contains("ancor").contains("did you mean 'anchor'");
    Files.writeString(wrong, Files.readString(wrong).replace("ancor", "anchor"));
    assertThat(ablate("check", wrong)).isEqualTo(ExitCode.WRONG_USAGE);
    assertThat(printed).contains("'UA >= 95' and 'UA <= 50' contradict each other");
    assertThat(ablate("check", job, "--root", folder.resolve("runs")))
        .isEqualTo(ExitCode.WRONG_USAGE);
    assertThat(printed).contains("must be within").contains("outputs.ledger");
  }

  @Test
  void estimateCountsAndHoldsAgainstLimits() throws IOException {
    assertThat(ablate("estimate", job, "--json")).as(printed + problems).isZero();
    JsonObject told = json().getAsJsonObject();
    assertThat(told.get("trainedNumbers").getAsLong()).isPositive();
    assertThat(told.get("trainingSteps").getAsInt()).as("a closed form").isZero();
    assertThat(told.get("evaluationImages").getAsInt()).isPositive();
    assertThat(told.getAsJsonArray("problems")).isEmpty();
    Path small = folder.resolve("small.json");
    Files.writeString(
        small, Files.readString(job).replaceFirst("\\{", "{\"limits\": {\"memory\": \"1 MB\"},"));
    assertThat(ablate("estimate", small)).isEqualTo(ExitCode.WRONG_USAGE);
    assertThat(printed).contains("problem: limits.memory: training takes about");
  }

  @Test
  void verifyFindsWhatWasChanged() throws IOException, GeneralSecurityException {
    Path key = folder.resolve("key.pub");
    assertThat(ablate("verify", run, "--key", key, "--model", "embedded", "--json"))
        .as(printed + problems)
        .isZero();
    JsonObject told = json().getAsJsonObject();
    assertThat(told.get("verified").getAsBoolean()).isTrue();
    List<String> passed = new ArrayList<>();
    for (JsonElement check : told.getAsJsonArray("checks")) {
      JsonObject each = check.getAsJsonObject();
      assertThat(each.get("outcome").getAsString()).as(each.toString()).isEqualTo("passed");
      passed.add(each.get("name").getAsString());
    }
    assertThat(passed).contains("signature", "files", "base model", "result", "drawn again");

    pem(
        "other.pub",
        "PUBLIC KEY",
        KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic().getEncoded());
    assertThat(ablate("verify", run, "--key", folder.resolve("other.pub")))
        .isEqualTo(ExitCode.NOT_VERIFIED);
    assertThat(printed).contains("another key made it").endsWith("not verified%n".formatted());

    Path changed = folder.resolve("changed");
    TestFolders.copy(run, changed);
    Path delta = changed.resolve("delta.safetensors");
    byte[] bytes = Files.readAllBytes(delta);
    bytes[bytes.length / 2] ^= 1;
    Files.write(delta, bytes);
    assertThat(ablate("verify", changed)).isEqualTo(ExitCode.NOT_VERIFIED);
    assertThat(printed).contains("delta.safetensors");
    assertThat(ablate("apply", changed, "--ledger", folder.resolve("none.json")))
        .isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("not entered").contains("delta.safetensors");
    assertThat(folder.resolve("none.json")).doesNotExist();
  }

  @Test
  void applyAndUndoChangeALedger() throws IOException {
    Path other = folder.resolve("other/ledger.json");
    assertThat(ablate("apply", run, "--ledger", other, "--json")).as(problems).isZero();
    assertThat(json().getAsJsonObject().get("request").getAsString()).isEqualTo("TR-1");
    assertThat(ablate("apply", run, "--ledger", other)).isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("request 'TR-1' is entered already");
    assertThat(ablate("apply", run, "--ledger", other, "--request", "TR-2"))
        .isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("request 'TR-1' has entered this delta already");
    assertThat(ablate("list", "--ledger", other)).isZero();
    assertThat(printed).contains("TR-1", "applies", "style 'blueprint'");
    assertThat(ablate("undo", "TR-9", "--ledger", other)).isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("no request 'TR-9'; known are [TR-1]");
    assertThat(ablate("undo", "TR-1", "--ledger", other)).isZero();
    assertThat(printed).contains("took out request 'TR-1' (style 'blueprint')");
    assertThat(ablate("undo", "TR-1", "--ledger", other)).isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("is taken out already");
    assertThat(ablate("list", "--ledger", other, "--json")).isZero();
    JsonArray entries = json().getAsJsonArray();
    assertThat(entries).hasSize(1);
    assertThat(entries.get(0).getAsJsonObject().get("active").getAsBoolean()).isFalse();
    assertThat(entries.get(0).getAsJsonObject().has("undone")).isTrue();
    assertThat(ablate("export", "--ledger", other, "--output", folder.resolve("empty")))
        .as("nothing applies")
        .isEqualTo(ExitCode.WRONG_USAGE);
  }

  @Test
  void listShowsRuns() throws IOException {
    Path unfinished = Files.createDirectories(folder.resolve("runs/second"));
    Files.copy(run.resolve("job.json"), unfinished.resolve("job.json"));
    assertThat(ablate("list", "--runs", folder.resolve("runs"), "--json")).isZero();
    List<String> states = new ArrayList<>();
    json()
        .getAsJsonArray()
        .forEach(each -> states.add(each.getAsJsonObject().get("state").getAsString()));
    assertThat(states).containsExactly("finished", "unfinished");
    assertThat(ablate("resume", run)).isZero();
    assertThat(printed).contains("the run is finished").contains("UA >= 0: met");
    assertThat(ablate("resume", run, "--json")).isZero();
    JsonObject told = json().getAsJsonObject();
    assertThat(told.get("finished").getAsBoolean()).isTrue();
    assertThat(told.get("entered").getAsBoolean()).isTrue();
    assertThat(told.getAsJsonArray("verdicts")).hasSize(1);
  }

  @Test
  void drawAppliesDeltas() throws IOException {
    byte[] base = drawn("base");
    byte[] byDelta = drawn("by-delta", "--delta", run);
    byte[] byLedger = drawn("by-ledger", "--ledger", ledger);
    assertThat(byDelta).isNotEqualTo(base).isEqualTo(byLedger);
    assertThat(drawn("twice")).isEqualTo(base);
    Path gated = folder.resolve("gated.safetensors");
    Path closed = folder.resolve("closed.safetensors");
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(run.resolve("delta.safetensors"), manager);
        WeightDelta byName = delta.gatedBy(ConceptGate.of("blueprint"));
        WeightDelta byAnother = delta.gatedBy(ConceptGate.of("owl").threshold(1))) {
      byName.save(gated);
      byAnother.save(closed);
    }
    assertThat(drawn("by-gate", "--delta", gated)).as("the prompt has it").isEqualTo(byDelta);
    assertThat(drawn("not-asked", "--delta", closed)).as("the prompt has it not").isEqualTo(base);
    assertThat(drawn("both", "--delta", closed, "--delta", run)).isEqualTo(byDelta);
    assertThat(ablate("draw", PROMPT, "--output", folder.resolve("base")))
        .isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("exists already");
  }

  private byte[] drawn(String name, Object... more) throws IOException {
    Path output = folder.resolve(name);
    List<Object> arguments = new ArrayList<>(List.of("draw", PROMPT, "--output", output));
    arguments.addAll(List.of("--steps", "2", "--seed", "5", "--quiet", "--json"));
    arguments.addAll(List.of(more));
    assertThat(ablate(arguments.toArray())).as(problems).isZero();
    JsonObject told = json().getAsJsonArray().get(0).getAsJsonObject();
    assertThat(told.get("seed").getAsLong()).isEqualTo(5);
    return Files.readAllBytes(Path.of(told.get("file").getAsString()));
  }

  @Test
  void evaluateDrawsTheLedgersRemovalsTogether() throws IOException {
    Path output = folder.resolve("evaluated");
    assertThat(ablate("evaluate", "--ledger", ledger, "--output", output, "--quiet", "--json"))
        .as(problems)
        .isZero();
    assertThat(output.resolve("evaluation.json")).content().isEqualToIgnoringWhitespace(printed);
    JsonObject told = json().getAsJsonArray().get(0).getAsJsonObject();
    assertThat(told.get("request").getAsString()).isEqualTo("TR-1");
    JsonObject gone = told.getAsJsonObject("measured").getAsJsonObject("UA");
    assertThat(gone.get("together").getAsDouble())
        .as("the same delta, seeds and images")
        .isEqualTo(gone.get("alone").getAsDouble());
    assertThat(told.get("comesBack").getAsBoolean()).isFalse();

    Path page = output.resolve("report.html");
    assertThat(told.get("report").getAsString()).isEqualTo(page.toString());
    String html = Files.readString(page);
    String ofRun = Files.readString(run.resolve("report.html"));
    for (String part : List.of("<title>[^<]*", "<h2[^>]*>[^<]*", "<dt>[^<]*", "src=.data:[^ ]*")) {
      assertThat(found(part, html)).as(part).isNotEmpty().isEqualTo(found(part, ofRun));
    }
    String attacks = html.substring(html.indexOf("id=\"attacks\""));
    assertThat(found("<th scope=.row.", attacks.substring(0, attacks.indexOf("<details"))))
        .as("three wordings, two judges")
        .hasSize(6);
    assertThat(output.resolve("report.json")).content().contains("\"otherJudges\"");

    assertThat(ablate("evaluate", run, "--output", output)).isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("is not empty");
    assertThat(ablate("evaluate", run, "--output", run.resolve("report")))
        .isEqualTo(ExitCode.FAILED);
    assertThat(problems).contains("is evidence");
    assertThat(run.resolve("report")).doesNotExist();
  }

  private static List<String> found(String pattern, String text) {
    return Pattern.compile(pattern).matcher(text).results().map(MatchResult::group).toList();
  }

  @Test
  void doctorExaminesTheLibraries() {
    assertThat(ablate("doctor", "--no-load", "--json")).as(printed).isZero();
    JsonObject told = json().getAsJsonObject();
    assertThat(told.get("healthy").getAsBoolean()).isTrue();
    assertThat(told.getAsJsonObject("libtorch").get("flavour").getAsString()).isNotEmpty();
  }

  @ParameterizedTest
  @CsvSource({"apply", "undo", "verify", "draw", "export", "run", "check", "estimate", "evaluate"})
  void aCommandWithoutItsArgumentsSaysWhichItNeeds(String command) {
    assertThat(ablate(command)).isEqualTo(ExitCode.WRONG_USAGE);
    assertThat(problems).startsWith("ablate: ");
  }
}
