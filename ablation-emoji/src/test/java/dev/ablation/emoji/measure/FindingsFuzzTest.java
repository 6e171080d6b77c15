package dev.ablation.emoji.measure;

import dev.ablation.emoji.CopyThreshold;
import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;

/** What measurements keep: findings, and the threshold of copies. */
class FindingsFuzzTest extends ReaderFuzz {
  private static final String FINDINGS = "findings.json";

  @TempDir Path made;

  @Override
  protected Mutator mutator() {
    return new Json();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    Path findings = made.resolve(FINDINGS);
    Path threshold = made.resolve(CopyThreshold.FILE);
    new MeasuredValues(
            List.of(
                MeasuredValue.share(Quantity.values()[0], 3, 4),
                MeasuredValue.share(Quantity.values()[1], 1, 9).noting("a note")))
        .save(findings);
    CopyThreshold.between(new double[] {0.9}, new double[] {0.25}).save(threshold);
    return Map.of(
        FINDINGS,
        List.of(Files.readAllBytes(findings)),
        CopyThreshold.FILE,
        List.of(Files.readAllBytes(threshold)));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    if (damaged.equals(FINDINGS)) {
      MeasuredValues.together(List.of(MeasuredValues.read(folder.resolve(damaged))));
    } else {
      CopyThreshold.read(folder.resolve(damaged));
    }
  }
}
