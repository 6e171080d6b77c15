package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.job.evidence.Manifest;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import dev.ablation.job.ledger.LedgerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs whose jobs name a ledger, on the embedded model and with closed forms. */
@Tag("slow")
class LedgerRunTest {
  private static final String FEW =
      "{\"sampling\": 1, \"images\": {\"target\": 1, \"anchor\": 1, \"neighbour\": 1, \"shown\": 1}}";

  @TempDir private Path folder;

  private Path ledger() {
    return folder.resolve("ledger.json");
  }

  private AblationJob job(String request, String target, String more) {
    return AblationJob.parse(
        """
        {"request": "%s", "targets": [{"name": "%s"}], "method": {"closedForm": "sequences"},
         "outputs": {"ledger": "ledger.json"}, %s}
        """
            .formatted(request, target, more),
        "job",
        folder,
        JobRoot.anywhere());
  }

  private JobResult run(String request, String target, String more) throws IOException {
    return JobRun.of(job(request, target, more), folder.resolve(request)).run();
  }

  @Test
  void resultsAreEnteredAndEvaluatedWithTheEarlierOnes() throws IOException {
    JobResult first =
        run("TR-1", "blueprint", "\"acceptance\": [\"UA >= 0\"], \"evaluation\": " + FEW);
    assertThat(first.entered()).isTrue();
    assertThat(first.together()).isEmpty();
    assertThat(folder.resolve("TR-1").resolve(JobEnd.TOGETHER)).doesNotExist();

    JobResult second = run("TR-2", "owl", "\"evaluation\": " + FEW);
    assertThat(second.entered()).isTrue();
    assertThat(second.together())
        .extracting(TogetherResult::request)
        .containsExactly("TR-1", "TR-2");
    assertThat(second.together().get(0).shares()).containsKeys("UA", "IRA", "recovered");
    assertThat(second.together().get(0).shares().get("UA").alone()).isPresent();
    assertThat(second.together().get(0).verdicts()).hasSize(1).allMatch(Verdict::met);
    Path told = folder.resolve("TR-2").resolve(JobEnd.TOGETHER);
    assertThat(Manifest.read(folder.resolve("TR-2")).sha256()).containsKey(JobEnd.TOGETHER);
    assertThat(
            JsonParser.parseString(Files.readString(told))
                .getAsJsonObject()
                .getAsJsonArray("removals"))
        .hasSize(2);
    JobResult again = JobRun.resume(folder.resolve("TR-2")).run();
    assertThat(again.entered()).isTrue();
    assertThat(again.accepted()).isTrue();
    assertThat(again.together())
        .extracting(TogetherResult::request)
        .containsExactly("TR-1", "TR-2");
    for (int i = 0; i < 2; i++) {
      assertThat(again.together().get(i).toJson()).isEqualTo(second.together().get(i).toJson());
      assertThat(again.together().get(i).verdicts()).isEqualTo(second.together().get(i).verdicts());
    }
    assertThat(second.together().get(1).shares().get("recovered").alone()).isPresent();
    JsonObject old = JsonParser.parseString(Files.readString(told)).getAsJsonObject();
    for (JsonElement each : old.getAsJsonArray("removals")) {
      each.getAsJsonObject().remove("verdicts");
      each.getAsJsonObject().remove("evaluations");
    }
    Files.writeString(told, old.toString());
    List<TogetherResult> ofOld = EvidenceBundle.open(folder.resolve("TR-2")).result().together();
    for (int i = 0; i < 2; i++) {
      assertThat(ofOld.get(i).shares()).isEqualTo(second.together().get(i).shares());
      assertThat(ofOld.get(i).accepted()).isTrue();
      assertThat(ofOld.get(i).verdicts()).isEmpty();
    }
    assertThat(folder.resolve("TR-2/evidence.json")).content().contains("those of request 'TR-1'");

    List<LedgerEntry> entries = Ledger.read(ledger());
    assertThat(entries).extracting(LedgerEntry::request).containsExactly("TR-1", "TR-2");
    assertThat(entries)
        .extracting(LedgerEntry::targets)
        .containsExactly(List.of("style 'blueprint'"), List.of("instance 'an owl'"));
    assertThat(entries.get(1).deltaSha256())
        .isEqualTo(Sha256.of(folder.resolve("TR-2").resolve(JobRun.DELTA)));
    assertThat(entries.get(1).bundle()).isEqualTo(Path.of("TR-2"));
    try (StableDiffusion model = EmbeddedModel.open();
        WeightDelta sum = Removals.of(ledger()).sum(model).orElseThrow();
        WeightDelta one = EvidenceBundle.open(folder.resolve("TR-1")).delta(model.manager());
        WeightDelta other = EvidenceBundle.open(folder.resolve("TR-2")).delta(model.manager());
        WeightDelta expected = one.plus(other)) {
      assertThat(sum.sha256()).isEqualTo(expected.sha256());
    }
    Files.writeString(folder.resolve("TR-1").resolve(JobRun.DELTA), "another");
    assertThatThrownBy(() -> Removals.of(ledger()))
        .hasMessageContaining("the delta of request 'TR-1' must have SHA-256");
  }

  @Test
  void whatTheLedgerRefusesIsSaidBeforeTheRun() throws IOException {
    String none = "\"evaluation\": \"none\"";
    run("TR-1", "blueprint", none);
    byte[] before = Files.readAllBytes(ledger());
    assertThatThrownBy(() -> run("TR-9", "Blueprint", none))
        .isInstanceOf(LedgerException.class)
        .hasMessageContaining("request 'TR-1' has removed the style 'blueprint' already");
    assertThat(folder.resolve("TR-9")).doesNotExist();
    JobRun same = JobRun.of(job("TR-1", "owl", none), folder.resolve("again"));
    assertThatThrownBy(same::run).hasMessageContaining("request 'TR-1' is entered already");
    assertThat(folder.resolve("again")).doesNotExist();
    assertThat(ledger()).hasBinaryContent(before);
    Files.writeString(
        ledger(), Files.readString(ledger()).replaceFirst("[0-9a-f]{64}", "c".repeat(64)));
    assertThatThrownBy(() -> run("TR-2", "owl", none))
        .hasMessageContaining("is for a base model with SHA-256 ccc");
  }

  @Test
  void aResultThatMissesALimitIsNotEntered() throws IOException {
    JobResult result =
        run(
            "TR-1",
            "blueprint",
            "\"acceptance\": [\"mean squared change of target >= 2\"], \"evaluation\":"
                + " {\"evaluator\": \"pixels\", "
                + FEW.substring(1));
    assertThat(result.accepted()).isFalse();
    assertThat(result.entered()).isFalse();
    assertThat(ledger()).doesNotExist();
    assertThat(JobRun.isFinished(folder.resolve("TR-1"))).isTrue();
  }

  @Test
  void aRunKilledBetweenEntryAndManifestIsEnteredOnce() throws IOException {
    run("TR-1", "blueprint", "\"evaluation\": \"none\"");
    Files.delete(folder.resolve("TR-1").resolve(Manifest.FILE));
    assertThat(JobRun.resume(folder.resolve("TR-1")).run().entered()).isTrue();
    assertThat(Ledger.read(ledger())).hasSize(1).allMatch(LedgerEntry::active);
  }

  @Test
  void aRunWaitsForAnotherWriter() throws Exception {
    AblationJob job = job("TR-2", "owl", "\"evaluation\": \"none\"");
    String base;
    try (StableDiffusion model = EmbeddedModel.open()) {
      base = model.weights().sha256();
    }
    CompletableFuture<Void> other;
    Ledger open = Ledger.open(ledger(), base);
    other =
        CompletableFuture.runAsync(
            () -> {
              try (open) {
                open.add("TR-1", folder.resolve("1"), "1".repeat(64), List.of("style 'ink'"));
                open.undo("TR-1");
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            },
            CompletableFuture.delayedExecutor(2, TimeUnit.SECONDS));
    assertThat(JobRun.of(job, folder.resolve("TR-2")).run().entered()).isTrue();
    other.get(1, TimeUnit.MINUTES);
    assertThat(Ledger.read(ledger()))
        .extracting(LedgerEntry::request)
        .containsExactly("TR-1", "TR-2");
  }
}
