package dev.ablation.job;

import com.google.gson.JsonObject;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import dev.ablation.job.evidence.Envelope;
import dev.ablation.job.evidence.Keys;
import dev.ablation.job.evidence.Manifest;
import dev.ablation.job.internal.RecordWriter;
import dev.ablation.job.ledger.Ledger;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.spec.NamedParameterSpec;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;

/** The files of a bundle of evidence, keys and the ledger. */
class EvidenceFuzzTest extends ReaderFuzz {
  private static final String REPORT = "report.json";
  private static final String LEDGER = "ledger.json";
  private static final String PUBLIC = "public.pem";
  private static final String PRIVATE = "private.pem";

  private final Mutator json = new Json();
  private final Mutator text = new Text();

  @TempDir Path made;

  @Override
  protected Mutator mutator() {
    return (content, random) ->
        (content.length > 0 && content[0] == '{' ? json : text).mutate(content, random);
  }

  /** Random bytes that are always the same. */
  private static final class Sevens extends SecureRandom {
    private static final long serialVersionUID = 1L;

    @Override
    public void nextBytes(byte[] bytes) {
      Arrays.fill(bytes, (byte) 7);
    }
  }

  private static byte[] pem(String kind, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(kind, Base64.getMimeEncoder().encodeToString(der), kind)
        .getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws Exception {
    Path bundle = Files.createDirectory(made.resolve("bundle"));
    Files.copy(
        Path.of(System.getProperty("ablation.root"), "docs", "jobs", "style.json"),
        bundle.resolve(JobRun.JOB));
    String hash = "a".repeat(64);
    Evidence evidence =
        new Evidence(
            Evidence.FORMAT,
            "TR-1",
            new Evidence.Hashes("tiny", hash, hash, hash, null),
            "1",
            Map.of("lib.so", hash),
            Map.of("java", "17"),
            Map.of("concept", "style 'ink'"),
            7,
            List.of(new Evidence.Drawn("target", "ink", 0, "a boat", 1, "images/0-before.png")),
            List.of(new Evidence.Judged("UA >= 95", 0.5, false)),
            false,
            Evidence.TOLERANCE,
            List.of("a limit"),
            Map.of("a", "b"));
    Files.writeString(bundle.resolve(Evidence.FILE), RecordWriter.write(evidence));
    TogetherResult together =
        new TogetherResult(
            "TR-1",
            List.of("style 'ink'"),
            Optional.empty(),
            Optional.of(new EvaluationResult(Map.of(), List.of(), List.of(), Duration.ZERO)),
            List.of(new Verdict(AcceptanceLimit.parse("UA >= 95"), OptionalDouble.of(50))));
    Files.writeString(
        bundle.resolve(JobEnd.TOGETHER),
        RecordWriter.write(TogetherResult.json(List.of(together))));
    Files.writeString(bundle.resolve(REPORT), "{}\n");
    KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
    generator.initialize(NamedParameterSpec.ED25519, new Sevens());
    KeyPair keys = generator.generateKeyPair();
    Manifest manifest = Manifest.of(bundle, "type", new JsonObject());
    manifest.write(bundle);
    Envelope.sign(Files.readAllBytes(bundle.resolve(Manifest.FILE)), keys.getPrivate())
        .write(bundle);
    try (Ledger opened = Ledger.open(made.resolve(LEDGER), hash)) {
      opened.add("TR-1", bundle, hash, List.of("style 'ink'"));
      opened.undo("TR-1");
    }
    Map<String, List<byte[]>> seeds = new TreeMap<>();
    for (String name :
        List.of(Evidence.FILE, JobRun.JOB, Manifest.FILE, Envelope.FILE, JobEnd.TOGETHER, REPORT)) {
      seeds.put("bundle/" + name, List.of(Files.readAllBytes(bundle.resolve(name))));
    }
    String ledger =
        Files.readString(made.resolve(LEDGER))
            .replaceAll("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ", "2026-01-01T00:00:00Z");
    seeds.put(LEDGER, List.of(ledger.getBytes(StandardCharsets.UTF_8)));
    seeds.put(PUBLIC, List.of(pem("PUBLIC KEY", keys.getPublic().getEncoded())));
    seeds.put(PRIVATE, List.of(pem("PRIVATE KEY", keys.getPrivate().getEncoded())));
    return seeds;
  }

  @Override
  protected boolean isDocumented(Exception refusal, Path folder) {
    return super.isDocumented(refusal, folder)
        || refusal instanceof InvalidJobException invalid
            && invalid.getMessage().startsWith(folder.toString());
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    switch (damaged) {
      case LEDGER -> Ledger.read(folder.resolve(damaged)).forEach(each -> each.active());
      case PUBLIC -> Keys.verifying(folder.resolve(damaged));
      case PRIVATE -> Keys.signing(folder.resolve(damaged));
      default -> {
        EvidenceBundle bundle = EvidenceBundle.open(folder.resolve("bundle"));
        bundle.targets();
        bundle.verify(null);
        bundle.result();
      }
    }
  }
}
