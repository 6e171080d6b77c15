package dev.ablation.emoji.training;

import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The table of a training that is continued. */
class TrainingCurveFuzzTest extends ReaderFuzz {
  @Override
  protected Mutator mutator() {
    return new Text();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    return Map.of(
        "unet.csv",
        List.of("step,loss,rate\n1,0.5,1e-4\n2,,1e-4\n3,0.25,\n".getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    TrainingCurve.continued(folder, "unet", 2);
  }
}
