package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.concept.ConceptKind;
import dev.ablation.job.AblationJob;
import dev.ablation.job.JobAnchor;
import dev.ablation.job.JobMethod;
import dev.ablation.job.JobModel;
import dev.ablation.job.JobTarget;
import dev.ablation.job.JobTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the names of methods mean in a job. */
class AblationMethodTest {
  @TempDir private Path folder;

  private static AblationJob job(JobMethod method, boolean checkpoint) {
    JobAnchor anchor = JobAnchor.generated("twemoji");
    JobTarget target = new JobTarget(ConceptKind.STYLE, "ink", List.of(), null, List.of(), anchor);
    JobModel model = checkpoint ? JobModel.named("folder") : JobModel.embedded();
    return AblationJob.of(model, List.of(target)).method(method);
  }

  @ParameterizedTest
  @EnumSource
  void isAJobThatCanBeRunAndWritten(AblationMethod method) throws IOException {
    for (boolean checkpoint : List.of(false, true)) {
      JobMethod chosen = method.of(JobMethod.preset(JobMethod.RECOMMENDED), checkpoint);
      AblationJob job = job(chosen, checkpoint);
      assertThat(job.problems()).isEmpty();
      Path file = Files.writeString(folder.resolve(checkpoint + ".json"), job.toJson());
      assertThat(AblationJob.read(file).method()).isEqualTo(chosen);
    }
  }

  @Test
  void publishedMethodsHaveTheirSettingsUnlessOthersAreGiven() {
    JobMethod none = JobMethod.preset(JobMethod.RECOMMENDED);
    JobMethod spm = AblationMethod.SPM.of(none, true);
    assertThat(spm.weights()).isEqualTo("transformers");
    assertThat(spm.training().steps()).isEqualTo(3000);
    assertThat(spm.training().learningRate().value()).isEqualTo(1e-4);
    assertThat(spm.training().learningRate().warmUpSteps()).isEqualTo(500);
    assertThat(spm.training().lora().rank()).isEqualTo(1);
    JobMethod given = none.training(JobTraining.defaults().steps(60));
    assertThat(AblationMethod.SPM.of(given, true).training().steps()).isEqualTo(60);
    assertThat(AblationMethod.SPM.of(given, true).training().learningRate().warmUpSteps())
        .isEqualTo(10);
    JobMethod ofEmoji = AblationMethod.ESD_U.of(none, false);
    assertThat(ofEmoji.weights()).isEqualTo("outside-cross-attention");
    assertThat(ofEmoji.training().steps()).as("the emoji model's").isNull();
    assertThat(AblationMethod.ESD_X.of(none, true).training().learningRate().value())
        .isEqualTo(5e-5);
    assertThat(AblationMethod.SDD.of(none, true).training().average()).isEqualTo(0.999);
    assertThat(AblationMethod.LECO.of(none, true).objective().kind())
        .isEqualTo("negative-guidance-to-anchor");
  }
}
