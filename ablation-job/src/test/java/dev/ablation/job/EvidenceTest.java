package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.ablation.TestFolders;
import dev.ablation.job.EvidenceBundle.Check;
import dev.ablation.job.evidence.Envelope;
import dev.ablation.job.evidence.Keys;
import dev.ablation.job.evidence.Manifest;
import dev.ablation.model.DiffusionModel;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.util.Base64;
import java.util.List;
import org.cyclonedx.Version;
import org.cyclonedx.parsers.JsonParser;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The evidence of a short run on the embedded model, and what is found when it was changed. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvidenceTest {
  private Path bundle;
  private PublicKey key;

  @BeforeAll
  void run(@TempDir Path folder) throws IOException, GeneralSecurityException {
    KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    key = pair.getPublic();
    Files.writeString(
        folder.resolve("key.pem"), pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
    AblationJob job =
        AblationJob.parse(
            """
            {"request": "TR-7", "targets": [{"name": "blueprint", "anchor": {"images": 2}}],
             "method": {"training": {"steps": 1, "batchSize": 2}}, "seed": 3,
             "evaluation": {"sampling": 1, "images": {"target": 2, "anchor": 1, "neighbour": 1,
               "shown": 2}},
             "acceptance": ["UA >= 0"], "outputs": {"signingKey": "key.pem"},
             "metadata": {"received": "2026-03-02"}}
            """,
            "job",
            folder,
            JobRoot.anywhere());
    bundle = folder.resolve("run");
    JobRun.of(job, bundle).run();
  }

  private static String pem(String kind, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(kind, Base64.getMimeEncoder().encodeToString(der), kind);
  }

  private static List<String> failed(List<Check> checks) {
    return checks.stream().filter(Check::failed).map(Check::name).toList();
  }

  @Test
  void evidenceOfTheSameMachineIsVerifiedToTheByte() throws IOException {
    EvidenceBundle evidence = EvidenceBundle.open(bundle);
    try (DiffusionModel model = JobSession.openModel(evidence.job().model())) {
      List<Check> checks = evidence.verify(key, model);
      assertThat(failed(checks)).as(checks.toString()).isEmpty();
      assertThat(checks)
          .filteredOn(check -> check.outcome() == Check.Outcome.PASSED)
          .extracting(Check::name)
          .contains("signature", "files", "base model", "result", "drawn again");
      assertThat(checks.toString()).contains("6 images, largest mean difference 0.00000");
      assertThat(model.weights().boundSha256()).isEmpty();
    }
  }

  @Test
  void theManifestListsEveryFile() throws IOException {
    Manifest manifest = Manifest.read(bundle);
    assertThat(manifest.sha256())
        .containsKeys(
            "job.json",
            "delta.safetensors",
            "report.html",
            "report.json",
            "evidence.json",
            "mlbom.cdx.json",
            "MODEL_CARD.md",
            "images/01-target-0-before.png",
            "images/01-target-0-after.png")
        .doesNotContainKeys("manifest.json", "manifest.dsse.json");
    Evidence evidence =
        dev.ablation.job.internal.RecordReader.read(
            Files.readString(bundle.resolve("evidence.json")), Evidence.class);
    assertThat(evidence.request()).isEqualTo("TR-7");
    assertThat(evidence.hashes().delta()).isEqualTo(manifest.sha256().get("delta.safetensors"));
    assertThat(evidence.natives()).isNotEmpty();
    assertThat(evidence.environment()).containsKeys("java", "os", "device");
    assertThat(evidence.knownLimits()).isNotEmpty();
    assertThat(evidence.metadata()).containsEntry("received", "2026-03-02");
    assertThat(bundle.resolve("MODEL_CARD.md")).content().contains("TR-7", "UA >= 0: met");
    JsonObject bom =
        new Gson().fromJson(Files.readString(bundle.resolve("mlbom.cdx.json")), JsonObject.class);
    assertThat(bom.get("specVersion").getAsString()).isEqualTo("1.6");
    assertThat(bom.getAsJsonObject("metadata").getAsJsonObject("component").get("type"))
        .hasToString("\"machine-learning-model\"");
  }

  /** By the schema that CycloneDX publishes. */
  @Test
  void theBillOfMaterialsIsOfCycloneDx(@TempDir Path folder) throws IOException {
    JsonParser parser = new JsonParser();
    File bill = bundle.resolve("mlbom.cdx.json").toFile();
    assertThat(parser.validate(bill, Version.VERSION_16)).isEmpty();
    Path wrong = folder.resolve("wrong.json");
    Files.writeString(
        wrong, Files.readString(bill.toPath()).replace("machine-learning-model", "magic"));
    assertThat(parser.validate(wrong.toFile(), Version.VERSION_16)).isNotEmpty();
  }

  @Test
  void aChangedByteInAnyFileIsFound(@TempDir Path folder) throws IOException {
    for (String name : List.of("delta.safetensors", "job.json", "report.html", "manifest.json")) {
      Path copy = folder.resolve(name);
      TestFolders.copy(bundle, copy);
      Path file = copy.resolve(name);
      byte[] bytes = Files.readAllBytes(file);
      // In a text the first letter of a word, so that it can still be read.
      int at = name.equals("delta.safetensors") ? bytes.length - 1 : indexOf(bytes, name);
      bytes[at] ^= 1;
      Files.write(file, bytes);
      List<Check> checks = EvidenceBundle.open(copy).verify(key);
      assertThat(failed(checks)).as(name).isNotEmpty();
      String expected = name.equals("manifest.json") ? "signed manifest" : "files";
      assertThat(failed(checks)).as(name).contains(expected);
      assertThat(checks.toString()).contains(name.equals("manifest.json") ? "manifest" : name);
    }
  }

  private static int indexOf(byte[] bytes, String name) {
    String text = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    return switch (name) {
      case "job.json" -> text.indexOf("TR-7");
      case "manifest.json" -> text.indexOf("TR-7");
      default -> text.indexOf("<title>") + 8;
    };
  }

  @Test
  void filesThatAreMissingOrAddedAreFound(@TempDir Path folder) throws IOException {
    Path copy = folder.resolve("copy");
    TestFolders.copy(bundle, copy);
    Files.delete(copy.resolve("MODEL_CARD.md"));
    Files.writeString(copy.resolve("more.txt"), "more");
    assertThat(EvidenceBundle.open(copy).verify(key).toString())
        .contains("MODEL_CARD.md: is missing", "more.txt: is not in the manifest");
  }

  @Test
  void aWrongKeyIsFound(@TempDir Path folder) throws IOException, GeneralSecurityException {
    KeyPair other = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    List<Check> checks = EvidenceBundle.open(bundle).verify(other.getPublic());
    assertThat(failed(checks)).containsExactly("signature");
    assertThat(checks.toString()).contains("another key made it");
    Path copy = folder.resolve("unsigned");
    TestFolders.copy(bundle, copy);
    Files.delete(copy.resolve(Envelope.FILE));
    assertThat(EvidenceBundle.open(copy).verify(key).toString()).contains("is not signed");
    assertThat(failed(EvidenceBundle.open(copy).verify(null))).isEmpty();
  }

  @Test
  void aKeyThatIsNoneIsNamedBeforeTheRun(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("key.pem"), "secret");
    assertThatThrownBy(() -> Keys.signing(file))
        .hasMessageContaining("key.pem: must be PEM with '-----BEGIN PRIVATE KEY-----'");
    Files.writeString(file, pem("PRIVATE KEY", new byte[] {1, 2, 3}));
    assertThatThrownBy(() -> Keys.signing(file)).hasMessageContaining("must be an Ed25519");
    AblationJob job =
        AblationJob.of(JobModel.embedded(), List.of(JobTarget.of("ink")))
            .outputs(JobOutputs.defaults().signingKey(file));
    Path output = folder.resolve("run");
    assertThatThrownBy(() -> JobRun.of(job, output).run())
        .hasMessageContaining("must be an Ed25519");
    assertThat(output).doesNotExist();
  }
}
